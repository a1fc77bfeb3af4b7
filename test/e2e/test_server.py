"""yule: start, privilege, configuration, control."""

import os
import re
import signal
import socket
import subprocess

import pytest

from harness import daemons, processes, tls
from harness.daemons import run
from harness.protocol3 import Peer
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1, CLIENT2


@pytest.mark.parametrize("content, told", [
    ("[Misc]\nNoSuchKey=1\n", "Invalid line"),
    ("NoSection=1\n[Misc]\n", "Invalid line"),
    ("[NoSuchSection]\na=b\n", "Unrecognized section heading"),
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
    done = yule.call("-D")
    assert done.returncode == 1
    assert "Invalid line 1 in configuration file" in done.stderr


def test_an_option_of_the_original_that_is_not_built_is_named(yule):
    yule.set("Misc", "SetMailAddress", "root@localhost")
    yule.start()
    line = yule.wait_line(source="stderr", msg="Option not built yet")
    assert line.get("option").lower() == "setmailaddress"


@pytest.mark.parametrize("junk", [os.urandom(4096), b"\0" * 100, b"[Misc]\n" + b"x" * 100_000],
                         ids=["random", "zeros", "a long line"])
def test_binary_junk_as_configuration_is_refused_or_told_line_by_line_never_a_crash(yule, junk):
    yule.write_config("")
    yule.config.write_bytes(junk)
    yule.spawn("--foreground")
    wait_for("a word about it", lambda: yule.process.poll() is not None or re.search(
        "Invalid line|Unreadable|refused|Unrecognized", yule.stderr()), told=yule.told)
    if yule.process.poll() is not None:
        assert yule.process.returncode == 1
        assert yule.stderr()


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


# --- control words ---------------------------------------------------------------------------------


def test_start_fails_where_the_daemon_fails(yule):
    yule.set("Misc", "SetServerInterface", "192.0.2.1")
    yule.write_config()
    done = yule.call("start")
    assert done.returncode == 1
    assert "192.0.2.1" in done.stderr


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


def test_a_hundred_thousand_registrations_are_read_and_the_last_one_counts(yule):
    yule.register("placeholder")
    line = yule.settings["Clients"].pop()
    yule.settings["Clients"] = [line.replace("placeholder", f"host{number:06}.invalid")
                                for number in range(100_000)]
    yule.register(CLIENT1)
    yule.start()
    with Peer(CLIENT1, yule.port, daemons.PASSWORD, source=ADDRESS_OF[CLIENT1]) as peer:
        assert peer.authenticate()
