"""The troubleshooting guide, stage A: the server must write logs first."""

import os
import re
import signal
import socket
import stat

import pytest

from harness import daemons, processes
from harness.daemons import Yule, server_identity
from harness.guide import both_forms, expect, find, in_form, loud, replace_file, says
from harness.protocol3 import Peer, body
from harness.tls import Closed
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1

HASH = re.compile("^([0-9a-f]{48}|[0-9a-f]{64})$")
INVALID_LINE = ("Invalid line {} in configuration file: incorrect format, unrecognized option, or "
                "missing section header")
PASSWD = "root:x:0:0:root:/root:/bin/sh\nsome_other:x:77:77::/:/bin/false\n"


def report(yule, text):
    with Peer(CLIENT1, yule.port, daemons.PASSWORD, source=ADDRESS_OF[CLIENT1]) as peer:
        peer.authenticate()
        peer.report(1, body(text))


def uids_of(pid):
    status = processes.status_of(pid)
    return set(status["Uid"].split()), set(status["Gid"].split()), status


def assert_without_root(pid, identity):
    uids, gids, status = uids_of(pid)
    assert uids == {str(identity.pw_uid)}, (pid, status)
    assert gids == {str(identity.pw_gid)}
    assert status["Groups"].split() == [] or status["Groups"].split() == [str(identity.pw_gid)]
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[capabilities], 16) == 0, (pid, capabilities)


# --- who it runs as ---------------------------------------------------------------------------------


@pytest.fixture
def users(folder, yule):
    """Says which users this host has besides root."""
    passwd, group = folder / "passwd", folder / "group"

    def have(*entries):
        replace_file(passwd, PASSWD + "".join(
            f"{name}:x:{uid}:{uid}::/:/bin/false\n" for name, uid in entries))
        replace_file(group, "root:x:0:\n" + "".join(f"{name}:x:{uid}:\n" for name, uid in entries))
    have()
    yule.mounts += [(passwd, "/etc/passwd"), (group, "/etc/group")]
    return have


@pytest.mark.parametrize("present, expected", [
    ([("nobody", 65534), ("daemon", 1), ("yule", 2001)], "yule"),
    ([("nobody", 65534), ("daemon", 1)], "daemon"),
    ([("nobody", 65534)], "nobody"),
])
def test_a1_it_becomes_the_first_existing_of_yule_daemon_nobody(yule, users, present, expected):
    users(*present)
    uid = dict(present)[expected]
    os.chown(yule.log.parent, uid, uid)
    yule.start()
    expect(yule, "ALERT", "START", program="Yule", userid=uid, path=yule.config, hash=HASH)
    for pid in [yule.pid, *(p.pid for p in yule.roles())]:
        assert uids_of(pid)[0] == {str(uid)}


def test_a2_without_any_of_the_three_users_it_refuses_and_names_them(yule, users):
    users()
    yule.write_config()
    done = yule.call("--foreground")
    assert done.returncode == 1
    for name in ("yule", "daemon", "nobody", "--enable-identity"):
        assert name in done.stderr
    assert list(yule.log.parent.iterdir()) == []
    for path in (yule.pid_file, yule.socket):
        assert not path.exists()


def test_a3_a_user_yule_that_is_added_counts_from_the_next_start(yule, users):
    users(("daemon", 1))
    os.chown(yule.log.parent, 1, 1)
    yule.start()
    expect(yule, "ALERT", "START", program="Yule", userid=1)
    yule.stop()
    users(("daemon", 1), ("yule", 2001))
    for path in (yule.log.parent, *yule.log.parent.iterdir()):
        os.chown(path, 2001, 2001)
    yule.start()
    expect(yule, "ALERT", "START", program="Yule", userid=2001)


def test_a4_started_as_root_no_process_keeps_root_and_no_log_file_is_roots(yule):
    yule.start()
    identity = server_identity()
    expect(yule, "ALERT", "START", program="Yule", userid=identity.pw_uid, path=yule.config,
           hash=HASH)
    expect(yule, "MARK", re.compile(r"^Server up, simultaneous connections: \d+$"))
    wait_for("all roles", lambda: {p.role for p in yule.roles()} >= {"front", "gate", "resolver"})
    for pid in [yule.pid, *(p.pid for p in yule.roles())]:
        assert_without_root(pid, identity)
    for path in yule.log.parent.iterdir():
        assert path.stat().st_uid == identity.pw_uid, path
    assert stat.S_IMODE(yule.log.stat().st_mode) == 0o640


def test_a5_an_ordinary_user_runs_it_as_himself(folder):
    folder.chmod(0o777 | stat.S_ISVTX)
    yule = both_forms(Yule(folder))
    yule.register(CLIENT1)
    yule.user = "nobody"
    uid = yule.user_ids()[0]
    os.chown(yule.log.parent, *yule.user_ids())
    yule.start()
    expect(yule, "ALERT", "START", program="Yule", userid=uid, path=yule.config, hash=HASH)
    assert uids_of(yule.pid)[0] == {str(uid)}
    assert yule.stop() == 0


# --- a log that cannot be written ---------------------------------------------------------------------


def spoil_log_directory(yule):
    os.chown(yule.log.parent, 0, 0)
    yule.log.parent.chmod(0o755)


def only_on_stderr(yule, severity, msg, **fields):
    """How often; the log cannot be written."""
    return len(find(yule, "stderr", severity, msg, fields))


def test_a6_a8_in_the_foreground_it_says_so_once_and_goes_on_until_the_directory_is_corrected(yule):
    uid = server_identity().pw_uid
    spoil_log_directory(yule)
    yule.write_config()
    yule.spawn("--foreground")
    yule.wait_line(source="stderr", msg=re.compile("^Server up"))
    with pytest.raises(Closed):
        report(yule, b"too early")
    yule.wait_line(source="stderr", msg="New connection")

    def told():
        return [only_on_stderr(yule, "ERROR", "File not accessible", userid=uid, path=yule.log),
                only_on_stderr(yule, "ERROR", "Service failure", service="logfile", obj=yule.log)]
    assert told() == [1, 1]

    os.chown(yule.log.parent, *yule.identity_ids())

    def is_served():
        try:
            report(yule, b"in time")
        except Closed:
            return False
        return True
    wait_for("a client is served", is_served, told=yule.told)
    yule.wait_line(inner=True, client="client1", msg="in time")
    expect(yule, "ERROR", "Service works again", service="logfile", obj=yule.log,
           missed=re.compile("^[1-9]"))
    assert told() == [1, 1]


@pytest.fixture
def syslog(folder, yule):
    """What the server says to /dev/log: a socket of ours in a /dev of its own."""
    devices = folder / "dev"
    devices.mkdir()
    for minor, name in ((3, "null"), (5, "zero"), (8, "random"), (9, "urandom")):
        os.mknod(devices / name, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        (devices / name).chmod(0o666)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(devices / "log"))
        (devices / "log").chmod(0o666)
        listener.settimeout(5)
        yule.mounts.append((devices, "/dev"))
        yield listener


def test_a7_start_says_it_on_stderr_and_to_syslog_and_fails_whatever_the_thresholds_are(
        yule, syslog):
    yule.set("Log", "PrintSeverity", "none")
    spoil_log_directory(yule)
    yule.write_config()
    uid = server_identity().pw_uid
    done = yule.call("start")
    assert done.returncode == 1
    seen = in_form(done.stderr)
    assert [(line.severity, line.fields) for line in seen if line.severity == "ERROR"] == [
        ("ERROR", [("msg", "File not accessible"), ("userid", str(uid)), ("path", str(yule.log))]),
        ("ERROR", [("msg", "Service failure"), ("service", "logfile"), ("obj", str(yule.log))])]
    for line in seen:
        packet = syslog.recv(4096).decode("latin-1")
        assert packet.startswith("<27>") and "yule[" in packet and packet.endswith(line.raw)
    assert yule.call("status").returncode == 3


def test_a9_a_log_directory_that_all_may_write_is_refused_and_named(yule):
    yule.log.parent.chmod(0o777)
    yule.write_config()
    done = yule.call("start")
    assert done.returncode == 1
    assert [line.fields for line in in_form(done.stderr) if line.severity == "ERROR"] == [
        [("msg", "World writeable"), ("subroutine", "trustfile"), ("path", str(yule.log)),
         ("obj", str(yule.log.parent))],
        [("msg", "Untrusted path"), ("userid", str(server_identity().pw_uid)),
         ("path", str(yule.log))],
        [("msg", "Service failure"), ("service", "logfile"), ("obj", str(yule.log))]]


@pytest.mark.parametrize("left", ["by kill -9", "by a pid that is another's now", "by a dead pid"])
def test_a10_a_lock_file_that_was_left_over_is_in_nobodys_way(yule, left):
    lock = yule.log.with_name(yule.log.name + ".lock")
    if left == "by kill -9":
        yule.start()
        yule.kill()
        assert lock.exists()
    else:
        lock.write_text(f"{os.getpid() if 'another' in left else 2 ** 22 - 1}\n")
        os.chown(lock, *yule.identity_ids())
    yule.start()
    assert loud(yule) == set()


def test_a11_a_second_server_on_the_same_log_is_refused_and_the_first_goes_on(folder, yule):
    yule.start()
    place = folder / "second"
    place.mkdir()
    second = both_forms(Yule(place))
    second.set("Misc", "SetServerPort", yule.port + 1)
    second.set("Misc", "SetLogfilePath", yule.log)
    second.write_config()
    done = second.call("--foreground")
    assert done.returncode == 1
    errors = [line.fields for line in in_form(done.stderr) if line.severity == "ERROR"]
    assert errors[0] == [("msg", "File lock error"), ("userid", str(server_identity().pw_uid)),
                         ("path", str(yule.log)), ("obj", f"{yule.log}.lock")]
    report(yule, b"undisturbed")
    yule.wait_line(inner=True, msg="undisturbed")
    assert loud(yule) == set()


# --- what is in it --------------------------------------------------------------------------------------


def test_a12_log_severity_mark_leaves_out_what_is_below(yule):
    yule.set("Log", "LogSeverity", "mark")
    yule.set("Misc", "SetLoopTime", 1)
    yule.start()
    report(yule, b"of a client")
    yule.wait_line(inner=True, msg="of a client")
    expect(yule, "MARK", "---- TIMESTAMP ----")
    assert says(yule, "ALERT", "START") and yule.count(msg=re.compile("^Server up"))
    for msg in ("New connection", "NEW CLIENT"):
        assert yule.count(msg=msg) == 0
        yule.wait_line(source="stderr", msg=msg)


def test_a13_log_severity_info_has_connections_and_new_clients(yule):
    yule.start()
    report(yule, b"of a client")
    expect(yule, "INFO", "New connection", socket_id=re.compile(r"^\d+$"))
    expect(yule, "NOTICE", "NEW CLIENT", client=CLIENT1)


def test_a14_log_severity_none_still_keeps_the_clients_reports(yule):
    yule.set("Log", "LogSeverity", "none")
    yule.write_config()
    yule.spawn("--foreground")
    yule.wait_line(source="stderr", msg=re.compile("^Server up"))
    report(yule, b"of a client")
    yule.wait_line(inner=True, msg="of a client")
    assert all(one.inner for one in yule.log_lines())


def test_a15_foreground_with_p_info_wins_over_the_configuration_and_ends_on_ctrl_c(yule):
    yule.set("Misc", "Daemon", "yes")
    yule.set("Log", "PrintSeverity", "none")
    yule.start("-p", "info")
    yule.signal(signal.SIGINT)
    assert yule.wait_end() == 0
    expect(yule, "ALERT", "EXIT", program="Yule", status="SIGTERM")
    for seen in (yule.stderr_lines(), yule.log_lines()):
        assert (seen[0].msg, seen[-1].msg) == ("START", "EXIT")


# --- its configuration ----------------------------------------------------------------------------------


def refused(yule):
    done = yule.call("--foreground")
    assert done.returncode == 1
    seen = in_form(done.stderr, "guide")  # the form is said in the configuration
    assert seen[-1].fields == [("msg", "EXIT"), ("program", "Yule"), ("status", "exit_failure")]
    return done, [(line.severity, line.fields) for line in seen[:-1]]


@pytest.mark.parametrize("why", ["missing", "unreadable"])
def test_a16_a_configuration_that_cannot_be_read_is_a_panic_with_the_reason(folder, yule, why):
    if why == "unreadable":
        # What root may not read either: a directory in its place.
        yule.config.mkdir()
    done, seen = refused(yule)
    assert seen[-1] == ("ALERT", [("msg", "PANIC - File not accessible"), ("userid", "0"),
                                  ("path", str(yule.config))])
    assert ("No such file or directory" if why == "missing" else "directory") in done.stderr
    assert str(folder) in done.stderr


@pytest.mark.parametrize("component", ["the file", "its directory"])
def test_a17_a_configuration_that_others_may_write_is_a_panic(folder, yule, component):
    yule.write_config()
    path = yule.config if component == "the file" else folder
    path.chmod(path.stat().st_mode | 0o002)
    _, seen = refused(yule)
    assert ("ERROR", [("msg", "World writeable"), ("subroutine", "trustfile"),
                      ("path", str(yule.config)), ("obj", str(path))]) in seen
    assert seen[-1] == ("ALERT", [("msg", "PANIC - Untrusted path"), ("userid", "0"),
                                  ("path", str(yule.config))])


def test_a18_sighup_with_an_unreadable_configuration_keeps_the_old_one(yule):
    yule.start()
    os.chown(yule.config, 0, 0)
    yule.config.chmod(0o600)
    yule.signal(signal.SIGHUP)
    expect(yule, "CRIT", "Old configuration stays", path=yule.config,
           reason=re.compile("Permission denied"))
    report(yule, b"still served")
    yule.wait_line(inner=True, msg="still served")
    yule.reload()
    expect(yule, "CRIT", "Runtime configuration reloaded")


@pytest.mark.parametrize("section, line", [
    ("Misc", "NoSuchKey=1"), ("Log", "LogSeverityX=none"), ("Clients", "Clientfoo=a@1@2")])
def test_a19_a_wrong_line_is_told_at_the_start_and_the_others_count(yule, section, line):
    yule.set("Misc", "SetStripDomain", "no")
    yule.add(section, line)
    number = yule.config_text().split("\n").index(line) + 1
    yule.start()
    expect(yule, "WARN", INVALID_LINE.format(number))
    report(yule, b"whole name")
    yule.wait_line(inner=True, client=CLIENT1, msg="whole name")


def test_a19_a_wrong_line_at_sighup_is_told_and_changes_nothing(yule):
    """Told as at the start; but what is wrong in one line is not half applied to a running server."""
    yule.start()
    yule.add("Misc", "NoSuchKey=1")
    number = yule.config_text().split("\n").index("NoSuchKey=1") + 1
    yule.reload()
    expect(yule, "WARN", INVALID_LINE.format(number))
    expect(yule, "CRIT", "Old configuration stays", path=yule.config)
    assert says(yule, "CRIT", "Runtime configuration reloaded") == 0
    yule.settings["Misc"].remove("NoSuchKey=1")
    yule.reload()
    expect(yule, "CRIT", "Runtime configuration reloaded")


# --- control words ----------------------------------------------------------------------------------------


def test_a20_control_words_and_their_exit_codes(yule):
    yule.write_config()

    def word(name):
        return yule.call(name).returncode

    def ups():
        return yule.count(msg=re.compile("^Server up"))

    assert [word("status"), word("reload"), word("stop"), word("start")] == [3, 7, 0, 0]
    wait_for("up", lambda: ups() == 1, told=yule.told)
    first = yule.pid
    assert processes.is_alive(first)
    assert word("status") == 0
    assert word("start") == 0, "also if it already runs"
    assert yule.pid == first
    assert word("reload") == 0
    yule.wait_line(msg="Runtime configuration reloaded")
    assert word("force-reload") == 0
    assert word("restart") == 0
    wait_for("up again", lambda: ups() == 2, told=yule.told)
    assert yule.pid != first and not processes.is_alive(first)
    os.kill(yule.pid, signal.SIGKILL)
    wait_for("its end", lambda: not processes.is_alive(yule.pid))
    assert word("status") == 1, "dead, but the pid file is left"
    assert [word("start"), word("stop"), word("status")] == [0, 0, 3]


def test_a20_a_failed_second_start_touches_nothing_of_the_first(yule):
    yule.write_config()
    assert yule.call("start").returncode == 0
    done = yule.call("-D")
    assert done.returncode == 1
    assert yule.call("status").returncode == 0
    assert yule.call("reload").returncode == 0
    assert yule.call("stop").returncode == 0


def test_a20_a_user_who_may_not_gets_4(yule):
    yule.write_config()
    assert yule.call("start").returncode == 0
    running = yule.pid
    os.chown(yule.config, 65534, 65534)
    yule.user = "nobody"
    assert [yule.call("stop").returncode, yule.call("reload").returncode] == [4, 4]
    assert processes.is_alive(running)
