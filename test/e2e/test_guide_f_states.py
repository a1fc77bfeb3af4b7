"""The guide's stage F: what state the server shows then (a peer of our own, which is quick)."""

import signal

import pytest

from harness import tls
from harness.daemons import PASSWORD
from harness.protocol3 import INVALID, PROOF, RESUMED, Peer, body
from harness.waiting import stays, wait_for
from harness.world import CLIENT1

START, STAMP = 11, 7


def client(yule, **more):
    return Peer(CLIENT1, yule.port, PASSWORD, **more)


def again(yule, peer):
    return client(yule, instance=peer.instance, spool=peer.spool)


def state(yule):
    shown = yule.ctl("CLIENTS").stdout
    row = next(line for line in shown.splitlines() if line.startswith(CLIENT1))
    return row.split()[1]


def test_f5_the_exit_of_the_second_process_ends_the_conflict(yule):
    yule.start()
    first = client(yule).connect()
    first.authenticate()
    first.close()
    with client(yule) as second:
        second.authenticate()
        yule.wait_line(severity="CRIT", msg="Restart without prior exit", client=CLIENT1)
        second.report(0, body(b"EXIT", event_class=START))
    first.connect()
    assert first.resume() == INVALID
    first.authenticate()
    first.report(0, body(b"x", event_class=STAMP))
    yule.wait_line(msg="Force authentication", client=CLIENT1)
    assert yule.count(msg="Invalid connection attempt: Signature mismatch") == 0
    assert state(yule) == "Message"


def test_f9_beside_a_suspended_client_another_works_and_both_go_on(yule):
    yule.start()
    first = client(yule).connect()
    first.authenticate()
    first.report(0, body(b"SUSPEND", event_class=START))
    assert state(yule) == "Suspended"
    with client(yule) as second:
        second.authenticate()
        for seq, msg in enumerate((b"START", b"x", b"EXIT")):
            second.report(seq, body(msg, event_class=START))
    assert state(yule) == "Suspended"
    first.close()
    first.connect()
    assert first.resume() == INVALID
    first.authenticate()
    yule.wait_line(msg="Force authentication", client=CLIENT1)
    first.report(1, body(b"x", event_class=STAMP))
    assert state(yule) == "Message"
    for told in ("Restart without prior exit", "Invalid connection attempt: Signature mismatch"):
        assert yule.count(msg=told) == 0


def test_f24_a_report_that_was_altered_is_no_report(yule):
    yule.start()
    with client(yule) as peer:
        peer.authenticate()
        altered = bytearray(peer.report_frame(0, body(b"what was said")))
        altered[-1] ^= 1
        peer.tls.send(bytes(altered))
        with pytest.raises(tls.Closed):
            peer.receive()
    yule.wait_line(severity="CRIT", msg="Invalid connection attempt: Msg signature mismatch",
                   client=CLIENT1)
    assert state(yule) == "FAILED"
    with again(yule, peer) as peer:
        peer.authenticate()
        peer.report(0, body(b"what was said"))
    assert [line.msg for line in yule.client_lines()] == ["what was said"]


def test_f25_a_request_out_of_order_ends_the_connection(yule):
    yule.start()
    with client(yule) as peer:
        peer.authenticate()
        peer.send(PROOF, bytes(32))
        with pytest.raises(tls.Closed):
            peer.receive()
    wait_for("a line", lambda: [line for line in yule.log_lines() if line.severity == "CRIT"
                                and line.get("client") == CLIENT1], told=yule.told)
    assert state(yule) == "FAILED"


def test_f27_a_reload_keeps_session_and_state(yule):
    yule.start()
    with client(yule) as peer:
        peer.authenticate()
        peer.report(0, body(b"POLICY ADDED"))
        yule.reload()
        yule.wait_line(msg="Runtime configuration reloaded")
        assert state(yule) == "POLICY"
        peer.report(1, body(b"x"))
    peer.connect()
    assert peer.resume() == RESUMED
    peer.close()
    assert yule.count(msg="Force authentication") == 0 and yule.count(msg="NEW CLIENT") == 1


def test_f28_a_suspended_server_lets_clients_wait_and_goes_on(yule):
    yule.set("Server", "SetClientTimeLimit", 2)
    yule.start()
    peer = client(yule).connect()
    peer.authenticate()
    peer.report(0, body(b"x", event_class=STAMP))
    yule.signal(signal.SIGUSR2)
    yule.wait_line(severity="MARK", msg="SUSPEND", program="Yule")
    with pytest.raises(tls.Closed):
        peer.receive()
    peer.close()
    stays("nobody is overdue meanwhile", lambda: yule.count(msg="Time limit exceeded") == 0, 3.5)
    yule.signal(signal.SIGUSR2)
    peer.connect()
    assert peer.resume() == RESUMED
    peer.report(1, body(b"y", event_class=STAMP))
    peer.close()
    assert len(yule.client_lines()) == 2
