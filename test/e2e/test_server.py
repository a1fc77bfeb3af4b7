"""yule: start, privilege, configuration, control."""

import os
import pwd
import re
import signal
import socket
import stat
import subprocess

import pytest

from harness import daemons, processes, tls
from harness.daemons import Yule, run
from harness.waiting import stays, wait_for
from harness.protocol3 import Peer
from harness.world import ADDRESS_OF, CLIENT1, CLIENT2


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


def test_started_as_root_no_process_keeps_root_and_no_log_file_is_roots(yule):
    yule.start()
    identity = daemons.server_identity()
    started = yule.log_lines()[0]
    assert (started.msg, started.get("program")) == ("START", "Yule")
    assert started.get("userid") == str(identity.pw_uid)
    assert started.get("path") == str(yule.config)
    assert re.fullmatch("[0-9a-fA-F]{48}|[0-9a-f]{64}", started.get("hash"))
    assert started.severity == "ALERT"
    up = yule.log_lines()[1]
    assert up.severity == "MARK" and re.match(r"Server up, simultaneous connections: \d+$", up.msg)

    wait_for("all roles", lambda: {p.role for p in yule.roles()} >= {"front", "gate", "resolver"})
    for pid in [yule.pid, *(p.pid for p in yule.roles())]:
        assert_without_root(pid, identity)
    for path in yule.log.parent.iterdir():
        assert path.stat().st_uid == identity.pw_uid, path
    assert stat.S_IMODE(yule.log.stat().st_mode) == 0o640


def test_it_listens_before_it_drops_so_a_port_below_1024_works(yule):
    yule.set("Misc", "SetServerPort", 777)
    yule.start()
    socket.create_connection(("127.0.0.1", 777), 5).close()
    assert_without_root(yule.pid, daemons.server_identity())


def test_it_listens_on_ipv4_and_ipv6(yule):
    yule.start()
    socket.create_connection(("127.0.0.1", yule.port), 5).close()
    socket.create_connection(("::1", yule.port), 5).close()


def test_set_server_interface_binds_that_address_alone(yule):
    yule.set("Misc", "SetServerInterface", "127.0.0.1")
    yule.start()
    socket.create_connection(("127.0.0.1", yule.port), 5).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.3", yule.port), 5)


PASSWD = "root:x:0:0:root:/root:/bin/sh\n{}_other:x:77:77::/:/bin/false\n"


@pytest.mark.parametrize("users, expected", [
    ([("nobody", 65534), ("daemon", 1), ("yule", 2001)], "yule"),
    ([("nobody", 65534), ("daemon", 1)], "daemon"),
    ([("nobody", 65534)], "nobody"),
])
def test_it_becomes_the_first_existing_of_yule_daemon_nobody(folder, yule, users, expected):
    passwd, group = folder / "passwd", folder / "group"
    entries = "".join(f"{name}:x:{uid}:{uid}::/:/bin/false\n" for name, uid in users)
    passwd.write_text(PASSWD.format("some") + entries)
    group.write_text("root:x:0:\n" + "".join(f"{name}:x:{uid}:\n" for name, uid in users))
    yule.mounts += [(passwd, "/etc/passwd"), (group, "/etc/group")]
    uid = dict(users)[expected]
    os.chown(yule.log.parent, uid, uid)
    yule.start()
    assert yule.log_lines()[0].get("userid") == str(uid)
    for pid in [yule.pid, *(p.pid for p in yule.roles())]:
        assert uids_of(pid)[0] == {str(uid)}


def test_without_any_of_the_three_users_it_refuses_and_names_them(folder, yule):
    passwd = folder / "passwd"
    passwd.write_text(PASSWD.format("some"))
    yule.mounts.append((passwd, "/etc/passwd"))
    yule.write_config()
    done = yule.call("--foreground")
    assert done.returncode == 1
    for name in ("yule", "daemon", "nobody"):
        assert name in done.stderr
    assert not yule.log.exists()


def test_an_ordinary_user_can_run_it(folder):
    folder.chmod(0o777 | stat.S_ISVTX)
    yule = Yule(folder)
    yule.register(CLIENT1)
    yule.user = "nobody"
    os.chown(yule.log.parent, *yule.user_ids())
    yule.start()
    assert uids_of(yule.pid)[0] == {str(yule.user_ids()[0])}
    assert yule.stop() == 0


def test_a_port_in_use_ends_the_start_with_a_line_that_names_it(yule):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", yule.port))
        other.listen()
        yule.write_config()
        done = yule.call("--foreground")
    assert done.returncode == 1
    assert "Address already in use" in done.stderr and 'subroutine="bind"' in done.stderr
    assert str(yule.port) in done.stderr
    assert "Server up" not in done.stderr


def test_foreground_with_p_info_writes_the_same_to_stderr_and_ends_on_ctrl_c(yule):
    yule.set("Misc", "Daemon", "yes")
    yule.set("Log", "PrintSeverity", "none")
    yule.start("-p", "info")
    yule.signal(signal.SIGINT)
    assert yule.wait_end() == 0
    seen = [one.msg for one in yule.stderr_lines()]
    assert seen[0] == "START" and seen[-1] == "EXIT"
    end = yule.stderr_lines()[-1]
    assert (end.severity, end.get("program"), end.get("status")) == ("ALERT", "Yule", "SIGTERM")
    assert [one.msg for one in yule.log_lines()][-1] == "EXIT"


@pytest.mark.parametrize("content, told", [
    ("[Misc]\nNoSuchKey=1\n", "Invalid line"),
    ("NoSection=1\n[Misc]\n", "Invalid line"),
    ("[NoSuchSection]\na=b\n", "Unrecognized section heading"),
    ("[Clients]\nClient=foo\n", "Invalid input"),
    ("[Clients]\nClient=a@b\n", "Invalid input"),
    ("[Clients]\nClient=@x@y\n", "Invalid input"),
    ("[Log]\nLogSeverity=errata\n", "Invalid input"),
    ("[Misc]\nSetServerPort=99999999\n", "Invalid input"),
])
def test_a_wrong_line_is_told_with_file_line_and_remedy_and_the_rest_counts(yule, content, told):
    good = yule.config_text()
    yule.write_config(content + good)
    yule.spawn("--foreground")
    yule.wait_up()
    line = yule.wait_line(source="stderr", msg=re.compile(f"^{told}"))
    assert line.severity == "WARN"
    assert str(yule.config) in yule.stderr()


def test_a_section_that_is_missing_is_told_at_the_line_that_has_no_place(yule):
    yule.write_config(yule.config_text().replace("[Clients]\n", ""))
    yule.spawn("--foreground")
    yule.wait_up()
    line = yule.wait_line(source="stderr", msg=re.compile("^Invalid line"))
    assert line.severity == "WARN"


def test_a_wrong_line_is_told_also_where_the_start_fails_because_of_it(yule):
    yule.write_config(yule.config_text().replace("[Misc]\n", ""))
    done = yule.call("--foreground")
    assert done.returncode == 1
    assert "Invalid line 1 in configuration file" in done.stderr


def test_an_option_of_the_original_that_is_not_built_is_named(yule):
    yule.set("Misc", "SetUDPActive", "yes")
    yule.start()
    line = yule.wait_line(source="stderr", msg="Option not built yet")
    assert line.get("option").lower() == "setudpactive"


@pytest.mark.parametrize("junk", [os.urandom(4096), b"\0" * 100, b"[Misc]\n" + b"x" * 100_000])
def test_binary_junk_as_configuration_is_refused_or_told_line_by_line_never_a_crash(yule, junk):
    yule.write_config("")
    yule.config.write_bytes(junk)
    yule.spawn("--foreground")
    wait_for("a word about it", lambda: yule.process.poll() is not None or re.search(
        "Invalid line|Unreadable|refused|Unrecognized", yule.stderr()), told=yule.told)
    if yule.process.poll() is not None:
        assert yule.process.returncode == 1
        assert yule.stderr()


def test_a_missing_configuration_is_a_panic_with_exit_1(yule):
    done = yule.call("--foreground")
    assert done.returncode == 1
    assert "PANIC - File not accessible" in done.stderr
    assert "No such file or directory" in done.stderr


def test_a_configuration_that_others_may_write_is_a_panic_with_exit_1(yule):
    yule.write_config()
    yule.config.chmod(0o666)
    done = yule.call("--foreground")
    assert done.returncode == 1
    assert "World writeable" in done.stderr and "PANIC - Untrusted path" in done.stderr


def test_sighup_takes_new_clients_and_says_so(yule):
    yule.start()
    yule.register(CLIENT2)
    yule.reload()
    assert yule.wait_line(msg="Runtime configuration reloaded").severity == "CRIT"
    assert CLIENT2 in yule.ctl("CLIENTS").stdout


def test_sighup_names_what_waits_for_the_next_start_and_takes_the_rest(folder, yule):
    yule.set("Misc", "SetHandshakeTimeout", 60)
    yule.start()
    other = folder / "other.sock"
    other.write_text("somebody else's\n")
    yule.set("Misc", "SetServerPort", 50_000)
    yule.set("Misc", "SetSocketPath", other)
    yule.set("Misc", "SetHandshakeTimeout", 1)
    yule.reload()
    yule.wait_line(msg="Runtime configuration reloaded")
    told = {one.get("option") for one in yule.log_lines()
            if one.msg == "Takes effect at the next start" and one.severity == "WARN"}
    assert told == {"SetServerPort", "SetSocketPath"}
    assert re.search(r"^port\s+49777$", yule.ctl("STATUS").stdout, re.MULTILINE)
    with socket.create_connection(("127.0.0.1", yule.port), 5) as silent:
        silent.settimeout(10)
        assert silent.recv(1) == b"", "the fronts have the new time-out"
    assert yule.stop() == 0
    assert other.read_text() == "somebody else's\n"


def test_a_gate_that_stands_still_is_replaced(yule):
    yule.set("Misc", "SetHandshakeTimeout", 2)
    yule.start()
    gates = yule.roles("gate")
    for gate in gates:
        os.kill(gate.pid, signal.SIGSTOP)

    def try_once():
        try:
            with Peer(CLIENT1, yule.port, daemons.PASSWORD, source=ADDRESS_OF[CLIENT1]) as peer:
                return peer.authenticate()
        except (OSError, tls.Closed, AssertionError):
            return None

    wait_for("a client gets in", lambda: try_once() is not None, 30, yule.told)
    assert yule.count(msg="Role is down", role="gate") >= 1


def test_sighup_with_a_broken_configuration_keeps_the_old_one(yule):
    yule.start()
    yule.write_config(yule.config_text() + "[Misc]\nNoSuchKey=1\n")
    yule.signal(signal.SIGHUP)
    yule.wait_line(msg=re.compile("^Invalid line"))
    line = yule.wait_line(severity="CRIT", msg=re.compile("[Oo]ld configuration"))
    assert line
    assert yule.count(msg="Runtime configuration reloaded") == 0
    assert CLIENT1 in yule.ctl("CLIENTS").stdout

    # Mended, it is taken.
    yule.reload()
    yule.wait_line(msg="Runtime configuration reloaded")


def test_sighup_with_an_unreadable_configuration_keeps_the_old_one(yule):
    yule.start()
    os.chown(yule.config, 0, 0)
    yule.config.chmod(0o600)
    yule.signal(signal.SIGHUP)
    line = yule.wait_line(severity="CRIT", path=str(yule.config))
    assert "Permission denied" in line.raw
    assert yule.process.poll() is None


def test_log_severity_mark_leaves_out_what_is_below(yule, samhain):
    yule.set("Log", "LogSeverity", "mark")
    yule.start()
    samhain.init()
    samhain.check()
    yule.wait_line(inner=True, msg="EXIT")
    assert yule.count(msg="START") and not yule.count(msg="NEW CLIENT")
    assert not yule.count(msg="New connection")


def test_log_severity_none_still_keeps_the_clients_reports(yule, samhain):
    yule.set("Log", "LogSeverity", "none")
    yule.write_config()
    yule.spawn("--foreground")
    yule.wait_line(source="stderr", msg=re.compile("^Server up"))
    samhain.init()
    samhain.check()
    yule.wait_line(inner=True, msg="EXIT")
    assert all(one.inner for one in yule.log_lines())


def test_a_log_directory_that_is_not_writable_is_told_and_start_fails(yule):
    os.chown(yule.log.parent, 0, 0)
    yule.write_config()
    done = yule.call("-D")
    assert done.returncode == 1
    assert "File not accessible" in done.stderr and str(yule.log) in done.stderr


def test_a_log_directory_that_all_may_write_is_refused(yule):
    yule.log.parent.chmod(0o777)
    yule.write_config()
    done = yule.call("-D")
    assert done.returncode == 1
    assert "World writeable" in done.stderr and str(yule.log.parent) in done.stderr


def test_a_second_server_on_the_same_log_is_refused_and_the_first_goes_on(folder, yule):
    yule.start()
    second_folder = folder / "second"
    second_folder.mkdir()
    second = Yule(second_folder)
    second.set("Misc", "SetServerPort", yule.port + 1)
    second.set("Misc", "SetLogfilePath", yule.log)
    second.write_config()
    done = second.call("-D")
    assert done.returncode == 1
    assert "File lock error" in done.stderr
    stays("the first server", lambda: yule.process.poll() is None)


# --- control words ---------------------------------------------------------------------------------


def test_control_words_and_their_exit_codes(yule):
    yule.write_config()

    def word(name):
        return yule.call(name).returncode

    assert word("status") == 3
    assert word("reload") == 7
    assert word("stop") == 0
    assert word("start") == 0
    wait_for("up", lambda: yule.count(msg=re.compile("^Server up")) == 1, told=yule.told)
    first = yule.pid
    assert processes.is_alive(first)
    assert word("status") == 0
    assert word("start") == 0, "also if it already runs"
    assert yule.pid == first
    assert word("reload") == 0
    yule.wait_line(msg="Runtime configuration reloaded")
    assert word("force-reload") == 0
    assert word("restart") == 0
    wait_for("up again", lambda: yule.count(msg=re.compile("^Server up")) == 2, told=yule.told)
    assert yule.pid != first and not processes.is_alive(first)
    os.kill(yule.pid, signal.SIGKILL)
    wait_for("its end", lambda: not processes.is_alive(yule.pid))
    assert word("status") == 1, "dead, but the pid file is left"
    assert word("start") == 0
    assert word("stop") == 0
    assert word("status") == 3


def test_start_fails_where_the_daemon_fails(yule):
    yule.set("Misc", "SetServerInterface", "192.0.2.1")
    yule.write_config()
    done = yule.call("start")
    assert done.returncode == 1
    assert "192.0.2.1" in done.stderr


def test_control_words_of_a_user_who_may_not_exit_with_4(yule):
    yule.write_config()
    assert yule.call("start").returncode == 0
    running = yule.pid
    os.chown(yule.config, *pwd.getpwnam("nobody")[2:4])
    yule.user = "nobody"
    assert yule.call("stop").returncode == 4
    assert yule.call("reload").returncode == 4
    assert processes.is_alive(running)


def test_a_failed_second_start_touches_nothing_of_the_first(yule):
    yule.write_config()
    assert yule.call("start").returncode == 0
    done = yule.call("-D")
    assert done.returncode == 1
    assert yule.call("status").returncode == 0
    assert yule.call("reload").returncode == 0
    assert yule.call("stop").returncode == 0


def test_a_role_that_dies_comes_back_and_serves(yule, samhain):
    samhain.init()
    yule.start()
    for role in ("front", "gate", "resolver"):
        victim = wait_for(role, lambda r=role: yule.roles(r))[0]
        os.kill(victim.pid, signal.SIGKILL)
        wait_for(f"a new {role}", lambda v=victim: len(
            [p for p in yule.roles(v.role) if p.pid != v.pid]) >= 1)
    assert samhain.check().returncode == 0
    yule.wait_line(inner=True, msg="EXIT")


def test_the_end_of_the_parent_is_the_end_of_all(yule):
    yule.start()
    roles = wait_for("roles", lambda: yule.roles() if len(yule.roles()) >= 3 else None)
    yule.kill()
    wait_for("no role left", lambda: not any(processes.is_alive(p.pid) for p in roles))


# --- programs that act at once ------------------------------------------------------------------------


@pytest.mark.anybody
def test_gen_password_gives_32_hex_digits_each_time_others():
    first, second = run(daemons.YULE, "-G"), run(daemons.YULE, "-G")
    assert re.fullmatch("[0-9A-F]{32}\n", first.stdout)
    assert first.returncode == 0 and first.stdout != second.stdout


@pytest.mark.anybody
def test_password_gives_a_registration_line_each_time_another():
    first = run(daemons.YULE, "-P", daemons.PASSWORD)
    second = run(daemons.YULE, "-P", daemons.PASSWORD)
    for one in (first, second):
        assert one.returncode == 0
        assert re.fullmatch("Client=HOSTNAME@[0-9A-Fa-f]{32}@[0-9A-Fa-f]{768}\n", one.stdout)
    assert first.stdout != second.stdout


@pytest.mark.anybody
@pytest.mark.parametrize("password", ["123456789ABCDEF", "0123456789ABCDEG", "", "A" * 65,
                                      "F7C312AAAA12C3F7"])
def test_password_refuses_what_is_none_and_the_one_that_everybody_knows(password):
    done = run(daemons.YULE, "-P", password)
    assert done.returncode == 1 and done.stderr and not done.stdout


@pytest.mark.anybody
@pytest.mark.parametrize("program", [daemons.YULE, daemons.SAMHAIN])
def test_version_and_help_come_through_a_pipe(program):
    for option in ("-v", "-h", "--version", "--help"):
        done = subprocess.run([program, option], stdout=subprocess.PIPE, check=False, timeout=20)
        assert done.returncode == 0 and done.stdout


@pytest.mark.anybody
@pytest.mark.parametrize("program", [daemons.YULE, daemons.SAMHAIN])
def test_an_unknown_option_is_refused_with_the_usage(program):
    for option in ("--no-such-option", "-Z"):
        done = run(program, option)
        assert done.returncode == 1 and done.stderr


def test_sigterm_ends_it_with_status_0_and_no_process_stays(yule):
    yule.start()
    roles = yule.roles()
    assert yule.stop() == 0
    wait_for("no role left", lambda: not any(processes.is_alive(p.pid) for p in roles))
    assert yule.log_lines()[-1].msg == "EXIT"
