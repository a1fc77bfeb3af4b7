"""The troubleshooting guide's general promises, G1 to G5, each for the failures that it names."""

import os
import signal
import socket
import threading
import time

import pytest

from harness import spool, tls
from harness.daemons import PASSWORD
from harness.guide import check, client, expect, expect_from, replace_file
from harness.protocol3 import HELLO, PROOF, REPORT, Peer, body, frame, hello
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1, CLIENT2, OTHER

ADDRESS = ADDRESS_OF[CLIENT1]
WRONG = "F" * 32


def wrong_password(yule):
    with Peer(CLIENT1, yule.port, WRONG, source=ADDRESS) as peer:
        with pytest.raises(tls.Closed):
            peer.authenticate()
    return CLIENT1


def not_registered(yule):
    with Peer(OTHER, yule.port, PASSWORD, source=ADDRESS) as peer:
        with pytest.raises(tls.Closed):
            peer.authenticate()
    return OTHER


def no_tls(yule):
    with socket.create_connection(("127.0.0.1", yule.port), 10, (ADDRESS, 0)) as peer:
        peer.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert_ends(peer)
    return ADDRESS


def assert_ends(peer):
    try:
        while peer.recv(4096):
            pass
    except ConnectionResetError:
        pass


def no_name(yule):
    with Peer("", yule.port, PASSWORD, source=ADDRESS) as peer:
        peer.send(HELLO, hello(b"", os.urandom(384)))
        with pytest.raises(tls.Closed):
            while True:
                peer.receive()
    return ADDRESS


def out_of_turn(yule):
    with Peer(CLIENT1, yule.port, PASSWORD, source=ADDRESS) as peer:
        peer.tls.send(frame(REPORT, bytes(60)))
        with pytest.raises(tls.Closed):
            peer.receive()
    return ADDRESS


def breaks_off(yule):
    socket.create_connection(("127.0.0.1", yule.port), 10, (ADDRESS, 0)).close()
    return ADDRESS


def altered(yule):
    with Peer(CLIENT1, yule.port, PASSWORD, source=ADDRESS) as peer:
        peer.authenticate()
        sent = bytearray(peer.report_frame(1, body(b"x")))
        sent[-1] ^= 1
        peer.tls.send(bytes(sent))
        with pytest.raises(tls.Closed):
            peer.receive()
    return CLIENT1


FAILURES = [wrong_password, not_registered, no_tls, no_name, out_of_turn, breaks_off, altered]


@pytest.mark.parametrize("failure", FAILURES)
def test_g1_every_failure_is_told_with_the_client_as_the_server_knows_it(yule, failure):
    yule.start()
    who = failure(yule)
    for source in ("log", "stderr"):
        line = yule.wait_line(source=source, client=who)
        assert line.severity in ("NOTICE", "WARN", "ERROR", "CRIT"), line.raw


# --- G2: the client says why, and what becomes of it ---------------------------------------------------


@pytest.mark.parametrize("why", ["nobody is there", "password", "not registered"])
def test_g2_a_check_with_local_files_is_done_and_says_why_the_server_did_not_hear_of_it(
        folder, yule, why):
    samhain = client(folder, CLIENT2 if why == "not registered" else CLIENT1)
    if why == "password":
        samhain.set_password(WRONG)
    if why != "nobody is there":
        yule.start()
    samhain.init()
    (samhain.tree / "f").write_text("x\n")
    assert check(samhain).returncode == 0, "the check itself is complete"
    expect(samhain, "CRIT", "POLICY ADDED", path=samhain.tree / "f")
    expect(samhain, "ERROR", "Service failure", service="log server")
    expect(samhain, "ERROR", "Connection refused, address 127.0.0.1"
           if why == "nobody is there" else "Session key negotiation failed")
    # Its reports are in the spool, and the next one that gets through brings them along.
    samhain.set_password(PASSWORD)
    if why == "not registered":
        yule.register(CLIENT2)
        yule.reload()
        expect(yule, "CRIT", "Runtime configuration reloaded")
    if why == "nobody is there":
        yule.start()
    check(samhain)
    expect_from(yule, samhain.host.split(".")[0], "CRIT", "POLICY ADDED", path=samhain.tree / "f")


def test_g2_a_check_without_its_files_ends_with_a_status_above_0(samhain):
    done = check(samhain)
    assert done.returncode == 1
    assert str(samhain.baseline) in done.stderr


# --- G3 and G5: a daemon goes on by itself, and nothing of it is lost ----------------------------------------


def refuse_by_list(yule, folder):
    entries = yule.settings["Clients"]
    yule.settings["Clients"] = []

    def mend():
        yule.settings["Clients"] = entries
        yule.reload()
    return mend


def refuse_by_password(yule, folder):
    entries = yule.settings["Clients"]
    yule.settings["Clients"] = []
    yule.register(CLIENT1, WRONG)

    def mend():
        yule.settings["Clients"] = entries
        yule.reload()
    return mend


def refuse_by_libwrap(yule, folder):
    deny = folder / "hosts.deny"
    deny.write_text("yule: ALL\n")
    yule.mounts.append((deny, "/etc/hosts.deny"))
    return lambda: replace_file(deny, "")


def refuse_by_suspension(yule, folder):
    def mend():
        if not yule.count(msg="SUSPEND"):
            raise AssertionError("not suspended")
        yule.signal(signal.SIGUSR2)
    return mend


def refuse_by_absence(yule, folder):
    return yule.start


OBSTACLES = [refuse_by_list, refuse_by_password, refuse_by_libwrap, refuse_by_suspension,
             refuse_by_absence]


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_g3_g5_the_cause_removed_a_daemon_goes_on_and_no_report_is_lost(
        folder, yule, samhain, obstacle):
    mend = obstacle(yule, folder)
    if obstacle is not refuse_by_absence:
        yule.start()
    if obstacle is refuse_by_suspension:
        yule.signal(signal.SIGUSR2)
        expect(yule, "MARK", "SUSPEND", program="Yule")
    samhain.init()
    with spool.Truth(samhain.spool, folder / "truth") as truth:
        samhain.start()
        for number in range(5):
            (samhain.tree / f"f{number}").write_text("x\n")
        samhain.wait_line(msg="POLICY ADDED", path=str(samhain.tree / "f4"))
        if obstacle is not refuse_by_suspension:
            expect(samhain, "ERROR", "Service failure", service="log server")
        assert yule.client_lines("client1") == []
        mend()
        expect_from(yule, "client1", "CRIT", "POLICY ADDED", 30, path=samhain.tree / "f4")
        samhain.stop()
        wanted = [spool.line_of(content) for _, content in sorted(truth.submitted().items())]
        wait_for("all of them, in order, with their times",
                 lambda: spool.delivered(yule.log_lines(), "client1") == wanted, told=yule.told)


# --- G4: others are served meanwhile ------------------------------------------------------------------------


def hold_half_a_report(yule):
    peer = Peer(CLIENT1, yule.port, PASSWORD, source=ADDRESS).connect()
    peer.authenticate()
    peer.tls.send(peer.report_frame(1, body(b"x" * 1000))[:500])
    return peer.close


def flood_with_wrong_passwords(yule):
    is_over = threading.Event()

    def flood():
        while not is_over.is_set():
            try:
                # A proof that costs us nothing and the server all that a wrong one does.
                with Peer(CLIENT1, yule.port, WRONG, source=ADDRESS) as peer:
                    peer.greet()
                    peer.send(PROOF, bytes(32))
                    peer.receive()
            except (OSError, tls.Closed):
                continue
    thread = threading.Thread(target=flood, daemon=True)
    thread.start()

    def end():
        is_over.set()
        thread.join(20)
    return end


def say_nothing_200_times(yule):
    held = [socket.create_connection(("127.0.0.1", yule.port), 10, (ADDRESS, 0))
            for _ in range(200)]

    def end():
        for one in held:
            one.close()
    return end


@pytest.mark.parametrize("nuisance", [
    hold_half_a_report, flood_with_wrong_passwords, say_nothing_200_times])
def test_g4_others_are_served_meanwhile_without_delay(yule, nuisance):
    yule.register(CLIENT2)
    yule.start()
    end = nuisance(yule)
    try:
        delays = []
        for number in range(3):
            begun = time.monotonic()
            with Peer(CLIENT2, yule.port, PASSWORD, source=ADDRESS_OF[CLIENT2]) as other:
                other.authenticate()
                other.report(1, body(b"n%d" % number))
            delays.append(time.monotonic() - begun)
        assert sorted(delays)[1] < 1.0, delays
    finally:
        end()
    yule.wait_line(inner=True, client="client2", msg="n2")
