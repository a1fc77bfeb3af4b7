"""The troubleshooting guide, stage F: session keys and states."""

import collections
import os
import re
import signal
import socket
import time

import pytest

from harness import spool, tls
from harness.daemons import PASSWORD
from harness.guide import check, client, expect, expect_from, loud, says
from harness.protocol3 import INVALID, REPORT, Peer, body, frame
from harness.waiting import stays, wait_for
from harness.world import ADDRESS_OF, CLIENT1, SERVER

ADDRESS = ADDRESS_OF[CLIENT1]
RESTART = "Restart without prior exit"
MISMATCH = "Invalid connection attempt: Signature mismatch"
FORCED = "Force authentication"
ILLEGAL = {RESTART, MISMATCH}


def peer_of(yule, **more):
    return Peer(CLIENT1, yule.port, PASSWORD, source=ADDRESS, **more)


def touch(samhain, name):
    path = samhain.tree / name
    path.write_text("x\n")
    return path


def expect_added(yule, path, bound=15.0):
    expect_from(yule, "client1", "CRIT", "POLICY ADDED", bound, path=path)


def state_of(yule, name=CLIENT1):
    rows = (line.split() for line in yule.ctl("CLIENTS").stdout.split("\n"))
    return next((row[1] for row in rows if row and row[0] == name), None)


def wait_state(yule, state):
    wait_for(f"state {state}", lambda: state_of(yule) == state,
             told=lambda: yule.ctl("CLIENTS").stdout)


@pytest.fixture
def truth(folder, samhain):
    with spool.Truth(samhain.spool, folder / "truth") as keeper:
        yield keeper


@pytest.fixture
def a(yule, samhain, truth):
    """Daemon A of client1, with a session; `truth` knows what it has to say."""
    assert truth
    yule.start()
    samhain.init()
    samhain.start()
    expect_from(yule, "client1", "MARK", "File check completed.")
    return samhain


@pytest.fixture
def b(folder):
    """A second process of client1, with files of its own; not started."""
    other = client(folder, CLIENT1, "second")
    other.set("Misc", "SetFilecheckTime", 3600)  # says what it has to say once
    other.init()
    return other


# --- two processes of one host -----------------------------------------------------------------------


def test_f1_f2_f3_a_second_process_displaces_the_first_which_comes_back(yule, a, b):
    b.start()
    expect(yule, "CRIT", RESTART, client=CLIENT1)
    expect(b, "INFO", "Session key negotiated")
    report = touch(a, "later")
    expect(yule, "CRIT", MISMATCH, client=CLIENT1)
    expect(a, "ERROR", "Invalid connection state", expect="ACK", received="INVALID")
    expect(a, "ERROR", "Unexpected reply")
    expect(a, "ERROR", "Connection error: Input/output error")
    expect(a, "ERROR", "Service failure", service="log server", obj=SERVER)
    expect(yule, "INFO", FORCED, client=CLIENT1)
    expect(a, "INFO", "Session key negotiated", count=2)
    expect_added(yule, report)
    assert says(yule, "CRIT", MISMATCH, client=CLIENT1) == 1
    assert says(yule, "CRIT", RESTART, client=CLIENT1) == 1


def test_f4_two_that_stay_displace_each_other_and_each_report_arrives_once(folder, yule):
    agents, truths = [], []
    for name in ("first", "second"):
        agent = client(folder, CLIENT1, name)
        agent.init()
        agents.append(agent)
        truths.append(spool.Truth(agent.spool, folder / name / "truth"))
    yule.start()
    with truths[0], truths[1]:
        for agent in agents:
            agent.start()
        for agent in agents:
            expect_added(yule, touch(agent, "f"), 60)
        expect(yule, "CRIT", MISMATCH, client=CLIENT1)
        displaced = says(yule, "CRIT", MISMATCH, client=CLIENT1)
        assert displaced <= says(yule, "INFO", FORCED, client=CLIENT1) + 1, "one a displacement"
        for agent in agents:
            agent.stop(60)
        for agent in agents:  # what the other kept it from sending is still in its spool
            assert agent.check().returncode == 0
        expected = collections.Counter(
            spool.line_of(content) for truth in truths for content in truth.submitted().values())
        wait_for("all is delivered", lambda: collections.Counter(
            spool.delivered(yule.log_lines(), "client1")) == expected, 30, yule.told)


def test_f5_a_second_process_that_exits_first_leaves_no_mismatch_behind(yule, a, b):
    check(b)
    expect_from(yule, "client1", "ALERT", "EXIT", program="Samhain", status="exit_success")
    expect_added(yule, touch(a, "later"))
    expect(yule, "INFO", FORCED, client=CLIENT1)
    assert says(yule, "CRIT", MISMATCH, client=CLIENT1) == 0


# --- suspended ---------------------------------------------------------------------------------------------


@pytest.fixture
def suspended(yule, a):
    begun = time.monotonic()
    a.signal(signal.SIGUSR2)
    expect_from(yule, "client1", "MARK", "SUSPEND", program="Samhain")
    assert time.monotonic() - begun < 2
    return a


def test_f6_a_suspended_client_says_so_and_is_silent(yule, suspended):
    expect(suspended, "MARK", "SUSPEND", program="Samhain")
    wait_state(yule, "Suspended")
    before = len(yule.client_lines("client1")), len(suspended.log_lines())
    touch(suspended, "unseen")
    stays("silent", lambda: before == (len(yule.client_lines("client1")),
                                       len(suspended.log_lines())), 1.5)


def test_f7_f8_beside_a_suspended_client_another_works_and_the_first_goes_on(yule, suspended):
    report = touch(suspended, "meanwhile")
    done = suspended.call("-t", "init", "-e", "none")
    assert done.returncode == 0
    assert loud(yule) == set() and state_of(yule) == "Suspended"
    suspended.signal(signal.SIGUSR2)
    expect(yule, "INFO", FORCED, client=CLIENT1)
    expect(suspended, "INFO", "Session key negotiated", count=2)
    expect_added(yule, report)
    assert loud(yule) == set()


@pytest.mark.parametrize("files", ["its own", "the same"])
def test_f9_beside_a_suspended_client_another_may_report(yule, suspended, b, files):
    other = b if files == "its own" else suspended
    report = touch(other, "beside")
    done = other.call("-t", "check", "--foreground")
    assert done.returncode == 0
    expect_added(yule, report)
    expect_from(yule, "client1", "ALERT", "EXIT", program="Samhain", status="exit_success")
    suspended.signal(signal.SIGUSR2)
    expect(yule, "INFO", FORCED, client=CLIENT1)
    expect_added(yule, touch(suspended, "afterwards"))
    assert loud(yule) == set()


def test_f10_a_client_that_was_frozen_could_not_announce_it(yule, a, b):
    a.signal(signal.SIGSTOP)
    try:
        b.start()
        expect(yule, "CRIT", RESTART, client=CLIENT1)
        expect(b, "INFO", "Session key negotiated")
    finally:
        a.signal(signal.SIGCONT)
    report = touch(a, "later")
    expect(yule, "CRIT", MISMATCH, client=CLIENT1)
    expect_added(yule, report)


def test_f11_a_suspended_client_that_never_comes_back_exceeds_its_time(yule, suspended):
    yule.set("Misc", "SetClientTimeLimit", 1)
    yule.reload()
    expect(yule, "CRIT", "Time limit exceeded", client=CLIENT1)


# --- ends and starts ------------------------------------------------------------------------------------------


def test_f12_f13_an_end_without_a_word_is_a_restart_without_prior_exit(yule, a, truth):
    a.signal(signal.SIGSTOP)  # in the middle of its work, with a report that it has not sent
    report = touch(a, "unsent")
    os.kill(a.pid, signal.SIGKILL)
    a.signal(signal.SIGCONT)
    a.wait_end()
    a.start()
    expect(yule, "CRIT", RESTART, client=CLIENT1)
    expect_added(yule, report)
    assert loud(yule) == {RESTART}
    a.stop()
    spool.wait_once_each(truth, yule)


@pytest.mark.parametrize("how", ["TERM", "end of a check"])
def test_f14_a_normal_end_is_told_and_the_next_start_is_a_new_client(yule, samhain, how):
    yule.start()
    samhain.init()
    for number in (1, 2):
        if how == "TERM":
            samhain.start()
            samhain.stop()
        else:
            check(samhain)
        expect(yule, "NOTICE", "NEW CLIENT", count=number, client=CLIENT1)
        expect_from(yule, "client1", "ALERT", "EXIT", program="Samhain",
                    status="Terminated" if how == "TERM" else "exit_success")
    assert loud(yule) == set()


def test_f15_an_exit_that_waited_for_the_server_arrives_before_the_next_start(yule, a):
    yule.stop()
    a.stop()
    yule.start()
    a.start()
    expect_from(yule, "client1", "ALERT", "EXIT", program="Samhain", status="Terminated")
    expect(a, "INFO", "Session key negotiated", count=2)
    expect_added(yule, touch(a, "after"))
    assert loud(yule) == set()


def test_f15_also_where_the_server_was_only_out_of_reach(yule, a):
    yule.signal(signal.SIGUSR2)
    expect(yule, "MARK", "SUSPEND", program="Yule")
    a.stop()
    yule.signal(signal.SIGUSR2)
    a.start()
    expect_from(yule, "client1", "ALERT", "EXIT", program="Samhain", status="Terminated")
    expect(a, "INFO", "Session key negotiated", count=2)
    expect_added(yule, touch(a, "after"))
    assert loud(yule) == set()


# --- sessions that end ------------------------------------------------------------------------------------------


def test_f16_a_session_older_than_its_life_is_renewed_and_nothing_is_lost(yule, samhain, truth):
    yule.set("Misc", "SetSessionLifetime", 1)
    yule.start()
    samhain.init()
    samhain.start()
    expect(yule, "INFO", FORCED, client=CLIENT1)
    expect(samhain, "INFO", "Session key negotiated", count=2)
    for number in range(3):
        expect_added(yule, touch(samhain, f"f{number}"))
    samhain.stop()
    spool.wait_once_each(truth, yule)
    assert loud(yule) == set()


def test_f16_a_client_that_does_not_mind_the_time_is_forced(yule):
    yule.set("Misc", "SetSessionLifetime", 1)
    yule.start()
    with peer_of(yule) as peer:
        peer.authenticate()
        seq = 0

        def is_refused():
            nonlocal seq
            seq += 1
            peer.tls.send(peer.report_frame(seq, body(b"n%d" % seq)))
            return peer.receive()[0] == INVALID
        wait_for("the end of the session", is_refused)
    with peer_of(yule, instance=peer.instance, spool=peer.spool) as again:
        assert again.authenticate().next_seq == seq
        again.report(seq, body(b"n%d" % seq))
    expect(yule, "INFO", FORCED, client=CLIENT1)
    assert [line.msg for line in yule.client_lines()] == [f"n{n}" for n in range(1, seq + 1)]
    assert loud(yule) == set()


def test_f17_a_restart_of_the_server_asks_for_authentication_and_loses_nothing(yule, a, truth):
    yule.stop()
    report = touch(a, "while-away")
    a.wait_line(msg="POLICY ADDED", path=str(report))
    yule.start()
    expect(yule, "INFO", FORCED, client=CLIENT1)
    expect_added(yule, report)
    assert says(yule, "NOTICE", "NEW CLIENT", client=CLIENT1) == 1, "only the first time"
    assert loud(yule) == set()
    a.stop()
    spool.wait_once_each(truth, yule)


# --- silence -----------------------------------------------------------------------------------------------


def test_f18_f19_f20_silence_is_told_once_and_again_after_a_word_and_not_after_an_exit(yule):
    yule.set("Misc", "SetClientTimeLimit", 1)
    yule.register("never.example.test")
    yule.start()
    with peer_of(yule) as peer:
        peer.authenticate()
        peer.report(1, body(b"x"))
        expect(yule, "CRIT", "Time limit exceeded", client=CLIENT1)
        assert state_of(yule) == "TIMEOUT_EXCEEDED"
        peer.report(2, body(b"here again"))
        assert state_of(yule) == "Message"
        assert says(yule, "CRIT", "Time limit exceeded", client=CLIENT1) == 1
        expect(yule, "CRIT", "Time limit exceeded", count=2, client=CLIENT1)
        peer.report(3, body(b"EXIT", event_class=11, severity=8))
        assert state_of(yule) == "Exited"
        stays("nothing", lambda: yule.count(msg="Time limit exceeded") == 2, 2.5)
    assert state_of(yule, "never.example.test") == "Inactive"


def test_f21_a_limit_of_0_is_no_limit(yule):
    yule.set("Misc", "SetClientTimeLimit", 0)
    yule.start()
    with peer_of(yule) as peer:
        peer.authenticate()
        peer.report(1, body(b"x"))
        stays("nothing", lambda: yule.count(msg="Time limit exceeded") == 0, 2.5)
    assert loud(yule) == set()


@pytest.mark.parametrize("says_before", ["nothing", "half a handshake"])
def test_f22_a_connection_that_says_nothing_is_given_up_and_named(yule, says_before):
    yule.set("Misc", "SetHandshakeTimeout", 1)
    yule.start()
    with peer_of(yule) as earlier:  # its name must not be that of the next connection
        earlier.authenticate()
    if says_before == "nothing":
        silent = socket.create_connection(("127.0.0.1", yule.port), 10, ("127.0.0.9", 0))
        assert silent.recv(1) == b""
        silent.close()
        expect(yule, "CRIT", "Connection timeout", client="127.0.0.9")
    else:
        with peer_of(yule) as half:
            half.greet()
            with pytest.raises(tls.Closed):
                half.receive()
        expect(yule, "CRIT", "Connection timeout", client=CLIENT1)
    wait_for("its slot is free",
             lambda: re.search(r"connections_open\s+0\b", yule.ctl("STATUS").stdout))


@pytest.mark.parametrize("says_before", ["nothing", "half a handshake"])
def test_f23_a_client_that_breaks_off_is_named(yule, says_before):
    yule.start()
    with peer_of(yule) as earlier:
        earlier.authenticate()
    if says_before == "nothing":
        socket.create_connection(("127.0.0.1", yule.port), 10, ("127.0.0.9", 0)).close()
        expect(yule, "NOTICE", "Connection reset by peer", client="127.0.0.9")
    else:
        half = peer_of(yule).connect()
        half.greet()
        half.close()
        expect(yule, "NOTICE", "Connection reset by peer", client=CLIENT1)


# --- reports that are not to be believed -----------------------------------------------------------------------


def test_f24_a_report_that_was_altered_is_not_logged_and_can_be_sent_again(yule):
    yule.start()
    with peer_of(yule) as peer:
        peer.authenticate()
        altered = bytearray(peer.report_frame(1, body(b"altered")))
        altered[-1] ^= 0x10
        peer.tls.send(bytes(altered))
        with pytest.raises(tls.Closed):
            peer.receive()
    expect(yule, "CRIT", "Invalid connection attempt: Msg signature mismatch", client=CLIENT1)
    with peer_of(yule, instance=peer.instance, spool=peer.spool) as again:
        again.authenticate()
        again.report(1, body(b"as it was"))
    assert [line.msg for line in yule.client_lines()] == ["as it was"]


def test_f25_a_request_out_of_order_ends_the_connection_and_is_named(yule):
    yule.start()
    with peer_of(yule) as peer:
        peer.greet()
        peer.tls.send(frame(REPORT, bytes(60)))
        with pytest.raises(tls.Closed):
            peer.receive()
    expect(yule, "CRIT", re.compile("^Invalid connection attempt: .*out of turn"), client=CLIENT1)


@pytest.mark.parametrize("name", ["EXIT", "PANIC", "SUSPEND", "START"])
def test_f26_a_files_name_decides_nothing(yule, name):
    yule.start()
    with peer_of(yule) as peer:
        peer.authenticate()
        peer.report(1, body(b"POLICY ADDED", fields=[(b"path", b"/tmp/" + name.encode())]))
        assert state_of(yule) == "POLICY"
        peer.report(2, body(b"still the same session"))
    assert says(yule, "INFO", FORCED) == 0


def test_f27_sighup_with_the_same_entry_keeps_session_and_state(yule):
    yule.start()
    with peer_of(yule) as peer:
        peer.authenticate()
        peer.report(1, body(b"POLICY ADDED"))
        yule.reload()
        expect(yule, "CRIT", "Runtime configuration reloaded")
        assert state_of(yule) == "POLICY"
        assert peer.report(2, body(b"after")) == 2
    assert loud(yule) == {"Runtime configuration reloaded"}


def test_f28_a_suspended_server_lets_clients_wait_and_nothing_is_lost(yule, a):
    yule.signal(signal.SIGUSR2)
    expect(yule, "MARK", "SUSPEND", program="Yule")
    report = touch(a, "meanwhile")
    a.wait_line(msg="POLICY ADDED", path=str(report))
    stays("nothing arrives", lambda: not [line for line in yule.client_lines("client1")
                                          if line.get("path") == str(report)], 0.5)
    yule.signal(signal.SIGUSR2)
    expect_added(yule, report)
    assert loud(yule) == set()
