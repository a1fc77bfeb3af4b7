"""yule and samhain under test: their files, their start and end, what they wrote."""

import atexit
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from . import lines, processes, world
from .waiting import wait_for

PASSWORD = "0123456789ABCDEF0123456789ABCDEF"
REPOSITORY = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("SAMHAIN_BUILD") or REPOSITORY / "build").resolve()



def reachable_programs():
    """The build's folder, or a copy of its programs where other users could not reach them there."""
    if all(folder.stat().st_mode & 0o001 for folder in (BUILD, *BUILD.parents)):
        return BUILD
    copies = Path(tempfile.mkdtemp(prefix="samhain-programs-"))
    copies.chmod(0o755)
    atexit.register(shutil.rmtree, copies, ignore_errors=True)
    for name in ("yule", "samhain", "yulectl", "samhain_setpwd"):
        if (BUILD / name).exists():
            shutil.copy2(BUILD / name, copies / name)
    return copies


PROGRAMS = reachable_programs()
YULE = str(PROGRAMS / "yule")
SAMHAIN = str(PROGRAMS / "samhain")
YULECTL = str(PROGRAMS / "yulectl")
SETPWD = str(PROGRAMS / "samhain_setpwd")


def run(*command, timeout=60, **more):
    """A command's result, its output as latin-1 text; never a traceback for its exit status."""
    return subprocess.run(
        [str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL, timeout=timeout, encoding="latin-1", check=False, **more)


def server_identity():
    """Who yule becomes on this host: the first existing of the three."""
    for name in ("yule", "daemon", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AssertionError("none of yule, daemon, nobody exists here")


def text_of(path):
    try:
        return Path(path).read_text(encoding="latin-1")
    except FileNotFoundError:
        return ""


class Daemon:
    """What the two have in common."""

    program = ""
    host = ""

    def __init__(self, folder, form="guide"):
        self.folder = Path(folder)
        self.form = form
        self.stderr_form = form
        self.net = None      # the network namespace to run in, else the world's
        self.config = self.folder / f"{self.name}rc"
        self.log = self.folder / f"{self.name}-log" / f"{self.name}_log"
        self.pid_file = self.folder / f"{self.name}.pid"
        self.stderr_path = self.folder / f"{self.name}.stderr"
        self.followers = {}
        self.settings = {}   # section -> list of "Key=Value"
        self.mounts = []     # (source, target), bound for this daemon alone
        self.process = None  # the daemon in the foreground
        self.user = None     # start as this user instead of root
        self.log.parent.mkdir(exist_ok=True)

    # --- files ---

    def set(self, section, key, value):
        entries = self.settings.setdefault(section, [])
        entries[:] = [e for e in entries if not e.startswith(key + "=")]
        entries.append(f"{key}={value}")

    def add(self, section, line):
        self.settings.setdefault(section, []).append(line)

    def config_text(self):
        return "".join(
            f"[{section}]\n" + "".join(e + "\n" for e in entries) + "\n"
            for section, entries in self.settings.items())

    def write_config(self, text=None):
        self.config.write_text(self.config_text() if text is None else text, encoding="latin-1")
        if self.user:
            os.chown(self.config, *self.user_ids())
        else:
            os.chown(self.config, 0, server_identity().pw_gid)  # yule reads it again, unprivileged
        self.config.chmod(0o640)

    def user_ids(self):
        entry = pwd.getpwnam(self.user)
        return entry.pw_uid, entry.pw_gid

    # --- running ---

    def command(self, *arguments):
        command = [self.program, *map(str, arguments), f"--config-file={self.config}"]
        if self.user:
            uid, gid = self.user_ids()
            command = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups",
                       "--inh-caps=-all", "--bounding-set=-all", *command]
        return world.command_in(self.host, self.mounts, command, self.net)

    def call(self, *arguments, timeout=60):
        """Runs the program to its end."""
        return run(*self.command(*arguments), timeout=timeout, cwd="/")

    def spawn(self, *arguments):
        """Starts it in the foreground; stderr goes to a file."""
        assert self.process is None or self.process.poll() is not None
        with open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(
                self.command(*arguments), stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                cwd="/")
        return self

    @property
    def pid(self):
        if self.process is not None:
            return self.process.pid
        return int(text_of(self.pid_file) or 0)

    def roles(self, role=None):
        """The server also forks copies of itself, for a moment; they have no role."""
        return [p for p in processes.children_of(self.pid) if p.role and role in (None, p.role)]

    def signal(self, number):
        os.kill(self.pid, number)

    def wait_end(self, bound=20.0):
        try:
            return self.process.wait(bound)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end\n{self.told()}") from None

    def stop(self, bound=20.0):
        if self.process.poll() is None:
            self.process.terminate()
        return self.wait_end(bound)

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    # --- what it said ---

    def stderr(self):
        return text_of(self.stderr_path)

    def told(self):
        return (f"--- {self.name} stderr\n{self.stderr()[-3000:]}\n"
                f"--- {self.name} log\n{text_of(self.log)[-3000:]}")

    def log_lines(self):
        return self._look(self.log, self.form)

    def stderr_lines(self):
        return self._look(self.stderr_path, self.stderr_form)

    def _look(self, path, form):
        key = path, form
        if key not in self.followers:
            self.followers[key] = lines.Follower(path, form)
        return self.followers[key].look()

    def count(self, **wanted):
        return len([line for line in self.log_lines() if matches(line, **wanted)])

    def wait_line(self, bound=15.0, source="log", **wanted):
        """The first log line whose fields are as `wanted`; `msg` may be a compiled pattern, and
        `inner=True` looks at the clients' lines inside."""
        def look():
            all_lines = self.log_lines() if source == "log" else self.stderr_lines()
            return next((line for line in all_lines if matches(line, **wanted)), None)
        return wait_for(f"{self.name}: a line with {wanted}", look, bound, self.told)


def matches(line, inner=False, client=None, severity=None, **fields):
    if client is not None and line.get("client") != client:
        return False
    if inner:
        line = line.inner
        if line is None:
            return False
    if severity is not None and line.severity != severity:
        return False
    for key, wanted in fields.items():
        value = line.get(key)
        if value is None:
            return False
        if isinstance(wanted, re.Pattern):
            if not wanted.search(value):
                return False
        elif value != wanted:
            return False
    return True


class Yule(Daemon):
    program = YULE
    name = "yule"
    host = world.SERVER

    def __init__(self, folder, form="guide"):
        super().__init__(folder, form)
        self.port = 49777
        self.socket = self.folder / "yule.sock"
        os.chown(self.log.parent, *self.identity_ids())
        for key, value in (("SetServerPort", self.port), ("SetLogfilePath", self.log),
                           ("SetLockfilePath", self.pid_file), ("SetSocketPath", self.socket)):
            self.set("Misc", key, value)
        for key, value in (("PrintSeverity", "info"), ("LogSeverity", "info"),
                           ("LogFormat", form), ("PrintFormat", form)):
            self.set("Log", key, value)

    @staticmethod
    def identity_ids():
        entry = server_identity()
        return entry.pw_uid, entry.pw_gid

    def register(self, host, password=PASSWORD):
        made = run(YULE, "-P", password)
        assert made.returncode == 0, made.stderr
        line = made.stdout.strip()
        assert line.startswith("Client=HOSTNAME@"), line
        self.add("Clients", line.replace("HOSTNAME", host, 1))

    def start(self, *arguments):
        ups = self.count(msg=re.compile("^Server up"))
        self.write_config()
        self.spawn("--foreground", *arguments)
        return self.wait_up(ups + 1)

    def wait_up(self, count=1):
        def is_up():
            assert self.process.poll() is None, f"yule ended\n{self.told()}"
            return self.count(msg=re.compile("^Server up")) >= count
        wait_for("yule is up", is_up, told=self.told)
        return self

    def reload(self):
        self.write_config()
        self.signal(signal.SIGHUP)

    def client_lines(self, client=None):
        """The lines of clients, as their own."""
        return [line.inner for line in self.log_lines()
                if line.inner and client in (None, line.get("client"))]

    def ctl(self, *arguments, **more):
        return run(YULECTL, "-s", self.socket, *arguments, **more)


class Samhain(Daemon):
    program = SAMHAIN
    name = "samhain"

    def __init__(self, folder, host=world.CLIENT1, form="guide", server=world.SERVER):
        self.host = host
        super().__init__(folder, form)
        self.tree = self.folder / "tree"
        self.tree.mkdir(exist_ok=True)
        self.state = self.folder / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.baseline = self.state / "samhain_file"
        self.spool = self.state / "spool"
        self.password_file = self.folder / "password"
        self.set_password(PASSWORD)
        for key, value in (("SetFilecheckTime", 1), ("SetLoopTime", 3600),
                           ("SetLogfilePath", self.log), ("SetLockfilePath", self.pid_file),
                           ("SetDatabasePath", self.baseline), ("SetSpoolPath", self.spool),
                           ("SetPasswordFile", self.password_file),
                           ("SetBindAddress", world.ADDRESS_OF[host])):
            self.set("Misc", key, value)
        self.set("Client", "SetLogServer", server)
        for key, value in (("PrintSeverity", "info"), ("LogSeverity", "info"),
                           ("ExportSeverity", "notice"), ("LogFormat", form),
                           ("PrintFormat", form)):
            self.set("Log", key, value)
        self.add("ReadOnly", f"dir=9{self.tree}")

    def set_password(self, password):
        self.password_file.write_text(password + "\n", encoding="ascii")
        self.password_file.chmod(0o600)

    def init(self):
        """Makes the baseline, without a word to the server: its session would be in the way."""
        self.write_config()
        done = self.call("-t", "init", "-e", "none")
        assert done.returncode == 0, done.stderr + self.told()
        return done

    def check(self, *arguments, timeout=60):
        self.write_config()
        return self.call("-t", "check", "--foreground", *arguments, timeout=timeout)

    def start(self, *arguments, waits=True):
        """The daemon's work in the foreground, until its first file check is complete."""
        done = self.count(msg="File check completed.")
        self.write_config()
        self.spawn("-t", "check", "-f", *arguments)
        if waits:
            self.wait_checks(done + 1)
        return self

    def wait_checks(self, count):
        def is_done():
            assert self.process.poll() is None, f"samhain ended\n{self.told()}"
            return self.count(msg="File check completed.") >= count
        wait_for(f"{count} file checks", is_done, 30.0, self.told)
