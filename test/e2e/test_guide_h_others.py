"""The troubleshooting guide, stage H: what its seed does not name but administrators will meet."""

import hashlib
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness import daemons, protocol3, tls, world
from harness.daemons import BUILD, PASSWORD, run
from harness.guide import as_user, check, expect, replace_file
from harness.protocol3 import ACCEPTED, CHALLENGE, HELLO, PROOF, Peer, hello, pad, sha256
from harness.waiting import wait_for
from harness.world import CLIENT1

OF_ETC = ("passwd", "group", "hosts", "nsswitch.conf", "resolv.conf", "hosts.allow", "hosts.deny",
          "ssl/openssl.cnf", "ld.so.cache")


# --- H1 ---------------------------------------------------------------------------------------------------


def prefix():
    made = re.search("(?m)^prefix = (.*)$", daemons.text_of(BUILD / "Makefile"))
    return made.group(1) if made else None


@pytest.fixture
def installed(folder, yule):
    """`make install` on a host of its own: its directories are scratch ones."""
    if prefix() != "/usr/local":
        pytest.skip("only the usual places are scratch ones here")
    host = folder / "host"
    for place in ("usr/local", "etc", "var/lib", "var/log", "run"):
        (host / place).mkdir(parents=True)
        yule.mounts.append((host / place, Path("/") / place))
    for name in OF_ETC:
        if Path("/etc", name).exists():
            (host / "etc" / name).parent.mkdir(exist_ok=True)
            shutil.copy(Path("/etc", name), host / "etc" / name)
    done = on_host(yule, "make", "-C", BUILD, "install", timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return host


def on_host(yule, *command, **more):
    return run(*world.command_in(yule.host, yule.mounts, list(command)), cwd="/", **more)


def test_h1_make_install_is_enough_for_a_server_that_logs(yule, samhain, installed):
    config = installed / "etc" / "yulerc"
    entries = "\n".join(yule.settings["Clients"])
    replace_file(config, config.read_text().replace("[EOF]", f"{entries}\n[EOF]"))
    yule.log = installed / "var" / "log" / "yule" / "yule_log"
    program = "/usr/local/sbin/yule"
    done = on_host(yule, program, "start")
    assert done.returncode == 0, done.stderr
    try:
        assert on_host(yule, program, "status").returncode == 0
        samhain.init()
        check(samhain)
        expect(samhain, "INFO", "Session key negotiated")
        yule.wait_line(inner=True, client="client1", msg="EXIT")
        facts = yule.log.stat()
        assert (facts.st_mode & 0o777, facts.st_uid) == (0o640, daemons.server_identity().pw_uid)
    finally:
        assert on_host(yule, program, "stop").returncode == 0


# --- H3 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", [daemons.YULE, daemons.SAMHAIN])
@pytest.mark.parametrize("option", ["-v", "--version", "-c", "--copyright"])
def test_h3_version_and_licence_come_also_where_nobody_sees_a_terminal(program, option):
    done = run(program, option)
    assert done.returncode == 0 and Path(program).name in done.stdout
    assert ("GPL" in done.stdout) == (option in ("-c", "--copyright"))


# --- H6 -----------------------------------------------------------------------------------------------------


def test_h6_a_wrong_uid_is_refused_and_both_sides_say_so(folder, yule):
    folder.chmod(0o755)
    yule.start()
    done = as_user(77, daemons.YULECTL, "-s", yule.socket, "CLIENTS")
    assert done.returncode == 1 and done.stderr and CLIENT1 not in done.stdout
    expect(yule, "ERROR", re.compile("does not have required uid"))


# --- H10 ----------------------------------------------------------------------------------------------------


class Many(Peer):
    """One of many of the same password, who does not think longer than it must."""

    a_secret = 1 << 64 | 12345
    a_public = pad(pow(protocol3.G, a_secret, protocol3.N))
    powers = {}

    def begin(self):
        self.connect()
        self.send(HELLO, hello(self.name, self.a_public, self.instance, self.spool))

    def prove(self, challenge):
        salt, b = challenge[4:20], protocol3.to_int(challenge[-protocol3.SIZE:])
        if salt not in self.powers:
            x = protocol3.to_int(sha256(salt, sha256(b"samhain:", self.password)))
            k = protocol3.to_int(sha256(pad(protocol3.N), pad(protocol3.G)))
            self.powers[salt] = x, k * pow(protocol3.G, x, protocol3.N)
        x, subtrahend = self.powers[salt]
        u = protocol3.to_int(sha256(self.a_public, pad(b)))
        shared = tls.power((b - subtrahend) % protocol3.N, self.a_secret + u * x, protocol3.N)
        self.agreed, self.binding = sha256(pad(shared)), self.tls.channel_binding()
        group = bytes(p ^ q for p, q in zip(sha256(pad(protocol3.N)), sha256(bytes([protocol3.G]))))
        speaker = sha256(self.name, self.instance, self.spool)
        self.send(PROOF, sha256(group, speaker, salt, self.a_public, pad(b), self.agreed,
                                self.binding))

    def is_accepted(self):
        """False: the server had too much to do and says so; it is tried again."""
        kind, payload = self.receive()
        if kind == CHALLENGE:
            self.prove(payload)
            kind, payload = self.receive()
        return kind == ACCEPTED


def test_h10_a_thousand_clients_that_start_at_once_are_served_with_one_retry_at_most(yule):
    names = [f"many{number}.example.test" for number in range(1000)]
    entry = yule.settings["Clients"][0]
    yule.settings["Clients"] = [entry.replace(CLIENT1, name) for name in names]
    yule.set("Misc", "SeverityLookup", "debug")
    yule.start()
    clients = [Many(name, yule.port, PASSWORD, source=f"127.2.{number // 250}.{number % 250 + 1}")
               for number, name in enumerate(names)]
    waiting = clients
    for _ in range(2):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(Many.begin, waiting))
            accepted = list(pool.map(Many.is_accepted, waiting))
        waiting = [one for one, is_in in zip(waiting, accepted) if not is_in]
        for one in waiting:
            one.close()
    assert waiting == []
    wait_for("all are known", lambda: yule.count(msg="NEW CLIENT") == 1000)
    for one in clients:
        one.close()


# --- H11 ----------------------------------------------------------------------------------------------------


def sha256_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_h11_the_first_report_says_what_the_client_loaded(yule, samhain):
    yule.start()
    samhain.init()
    for change in ("", "# another line\n"):
        samhain.config.write_text(samhain.config_text() + change)
        seen = len(yule.client_lines("client1"))
        done = samhain.call("-t", "check", "--foreground")
        assert done.returncode == 0
        wait_for("its reports", lambda s=seen: len(yule.client_lines("client1")) > s)
        first = yule.client_lines("client1")[seen]
        assert first.fields == [
            ("msg", "START"), ("program", "Samhain"), ("userid", "0"),
            ("path", str(samhain.config)), ("hash", sha256_of(samhain.config)),
            ("path", str(samhain.baseline)), ("hash", sha256_of(samhain.baseline))]
