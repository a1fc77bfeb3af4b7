"""Protocol 3 against a peer that we wrote a second time, honest and hostile."""

import os
import random
import re
import socket
import struct
import time

import pytest

from harness import protocol3, tls, world
from harness.daemons import PASSWORD, Yule
from harness.protocol3 import (ACCEPTED, ACK, CHALLENGE, HELLO, INVALID, MAX_MEMBER, MAX_STRANGER,
                               PROOF, REFUSED, REPORT, RESUMED, Peer, body, frame, hello, pad)
from harness.waiting import stays, wait_for
from harness.world import CLIENT1

SHORT = "client1"
ADDRESS = world.ADDRESS_OF[CLIENT1]


@pytest.fixture
def server(yule):
    return yule.start()


def peer_of(server, **more):
    return Peer(CLIENT1, server.port, more.pop("password", PASSWORD), source=ADDRESS, **more)


def is_served(server):
    """A real client gets through, within the bound."""
    with peer_of(server) as peer:
        peer.authenticate()
        text = f"served {time.monotonic_ns()}".encode()
        assert peer.report(peer.next_seq or 1, body(text)) >= 1
    server.wait_line(inner=True, msg=text.decode())
    return True


def expect_closed(peer):
    """The server ends the connection, at the latest after refusing."""
    for _ in range(3):
        try:
            kind, _ = peer.receive()
        except tls.Closed:
            return
        assert kind in (REFUSED, INVALID), kind
    raise AssertionError("the connection is still open")


# --- honest ------------------------------------------------------------------------------------------


def test_an_independent_client_authenticates_and_its_report_is_in_the_log_when_acknowledged(server):
    with peer_of(server) as peer:
        peer.authenticate()
        assert peer.lifetime == 7200
        assert peer.max_frame == MAX_MEMBER
        assert peer.report(1, body(b"hello", fields=[(b"path", b"/a \xff\n")])) == 1
        line = server.wait_line(0.1, inner=True, client=SHORT, msg="hello", severity="CRIT")
        assert line.inner.value_bytes("path") == b"/a \xff\n"
    server.wait_line(msg="NEW CLIENT", client=CLIENT1)


def test_reports_are_acknowledged_within_a_moment_even_when_they_come_alone(server):
    with peer_of(server) as peer:
        peer.authenticate()
        begun = time.monotonic()
        for seq in range(1, 11):
            assert peer.report(seq, body(b"alone")) == seq
        assert time.monotonic() - begun < 2.0


def test_many_reports_in_one_go_are_logged_in_order(server):
    with peer_of(server) as peer:
        peer.authenticate()
        peer.tls.send(b"".join(peer.report_frame(n, body(b"n%d" % n)) for n in range(1, 501)))
        last = 0
        while last < 500:
            last = peer.acknowledged()
    messages = [line.msg for line in server.client_lines(SHORT)]
    assert messages == [f"n{n}" for n in range(1, 501)]


def test_a_report_sent_twice_is_acknowledged_twice_and_logged_once(server):
    spool = os.urandom(16)
    for _ in range(2):
        with peer_of(server, spool=spool) as peer:
            peer.authenticate()
            assert peer.report(1, body(b"only once")) >= 1
            assert peer.report(1, body(b"only once")) >= 1
            assert peer.report(2, body(b"and another")) == 2
    assert server.count(inner=True, msg="only once") == 1
    assert server.count(inner=True, msg="and another") == 1


def test_the_server_tells_where_the_spool_goes_on(server):
    spool = os.urandom(16)
    with peer_of(server, spool=spool) as peer:
        peer.authenticate()
        for seq in (1, 2, 3):
            peer.report(seq, body(b"x"))
    with peer_of(server, spool=spool) as peer:
        assert peer.authenticate().next_seq == 4
    with peer_of(server) as peer:
        assert peer.authenticate().next_seq <= 1, "another spool begins anew"


def test_a_session_can_be_resumed_without_authentication(server):
    peer = peer_of(server).connect()
    peer.authenticate()
    peer.report(1, body(b"first"))
    peer.close()
    peer.connect()
    assert peer.resume() == RESUMED
    assert peer.next_seq == 2
    assert peer.report(2, body(b"second")) == 2
    peer.close()
    server.wait_line(inner=True, msg="second")


# --- authentication that must fail ---------------------------------------------------------------------


@pytest.mark.parametrize("a_public", [
    bytes(384), pad(protocol3.N), pad(0), b"\xff" * 384], ids=["zeros", "N", "0", "above N"])
def test_an_a_that_gives_the_key_away_is_refused(server, a_public):
    with peer_of(server) as peer:
        try:
            kind, _ = peer.greet(a_public)
        except tls.Closed:
            kind = REFUSED
        if a_public == b"\xff" * 384:  # a strange number, but no known one: it fails as a wrong proof
            if kind == CHALLENGE:
                peer.send(PROOF, bytes(32))
                expect_closed(peer)
        else:
            assert kind == REFUSED
    server.wait_line(msg=re.compile("^Invalid connection attempt"), client=CLIENT1)
    assert is_served(server)


@pytest.mark.parametrize("size", [0, 1, 383, 385])
def test_an_a_of_another_size_is_refused(server, size):
    with peer_of(server) as peer:
        peer.send(HELLO, hello(CLIENT1.encode(), os.urandom(size)))
        expect_closed(peer)
    server.wait_line(msg=re.compile("^Invalid connection attempt"))
    assert is_served(server)


def test_a_proof_made_for_another_connection_is_refused(server):
    """A man in the middle of the TLS passes everything on: the channel binding betrays him."""
    with peer_of(server) as inner, peer_of(server) as outer:
        kind, challenge = inner.greet()
        assert kind == CHALLENGE
        inner.tls, mine = outer.tls, inner.tls  # the proof is bound to the other connection
        proof = inner.proof(challenge)
        inner.tls = mine
        inner.send(PROOF, proof)
        expect_closed(inner)
    server.wait_line(msg="Invalid connection attempt: Session key mismatch")


def test_the_proof_binds_the_spool(server):
    """Nobody can claim another spool than the one that was proven."""
    with peer_of(server) as peer:
        kind, challenge = peer.greet()
        assert kind == CHALLENGE
        peer.spool = bytes(16)
        peer.send(PROOF, peer.proof(challenge))
        expect_closed(peer)
    server.wait_line(msg="Invalid connection attempt: Session key mismatch")


# --- frames that are none --------------------------------------------------------------------------------


def test_an_oversized_frame_ends_the_connection_without_waiting_for_it(server):
    for size in (MAX_STRANGER + 1, 0xFFFFFFFF):
        with peer_of(server) as peer:
            peer.tls.send(struct.pack(">IB", size, HELLO))
            expect_closed(peer)
    server.wait_line(msg=re.compile("^Invalid connection attempt"))
    with peer_of(server) as peer:
        peer.authenticate()
        peer.tls.send(struct.pack(">IB", MAX_MEMBER + 1, REPORT))
        expect_closed(peer)
    assert is_served(server)


@pytest.mark.parametrize("sent", [
    struct.pack(">I", 0), frame(0), frame(19), frame(255), frame(CHALLENGE, bytes(20)),
    frame(ACCEPTED, bytes(64)), frame(ACK, bytes(9)), frame(PROOF, bytes(32)),
    frame(REPORT, bytes(60)), frame(HELLO, b"\0"), frame(HELLO, bytes(4000))],
    ids=["no type", "type 0", "type 19", "type 255", "challenge", "accepted", "ack", "early proof",
         "early report", "short hello", "long hello"])
def test_a_frame_that_has_no_place_here_ends_the_connection_with_a_line(server, sent):
    with peer_of(server) as peer:
        peer.tls.send(sent)
        expect_closed(peer)
    server.wait_line(msg=re.compile("^Invalid connection attempt"))
    assert is_served(server)


def test_a_truncated_frame_is_given_up_after_its_time(yule):
    yule.set("Misc", "SetFrameTimeout", 1)
    yule.start()
    with peer_of(yule) as peer:
        peer.authenticate()
        peer.tls.send(peer.report_frame(1, body(b"cut"))[:-3])
        begun = time.monotonic()
        expect_closed(peer)
        assert time.monotonic() - begun < 10
    assert yule.count(inner=True, msg="cut") == 0
    assert is_served(yule)


def test_a_handshake_that_does_not_go_on_is_given_up_after_its_time(yule):
    yule.set("Misc", "SetHandshakeTimeout", 1)
    yule.start()
    silent = socket.create_connection(("127.0.0.1", yule.port), 10)
    with peer_of(yule) as half:
        half.greet()
        expect_closed(half)
    assert silent.recv(1) == b""
    silent.close()


def test_an_idle_connection_is_closed_after_its_time_without_a_complaint(yule):
    yule.set("Misc", "SetIdleTimeout", 1)
    yule.start()
    with peer_of(yule) as peer:
        peer.authenticate()
        peer.report(1, body(b"x"))
        expect_closed(peer)
    assert yule.count(severity="CRIT") == 0


def test_random_frames_crash_nothing(yule):
    yule.set("Misc", "SetMaxFailedAttempts", 1_000_000)
    server = yule.start()
    wait_for("all roles", lambda: {p.role for p in server.roles()} >= {"front", "gate", "resolver"})
    rng = random.Random(20261124)
    before = {p.pid for p in server.roles()}
    for _ in range(150):
        with peer_of(server) as peer:
            try:
                if rng.random() < 0.3:
                    peer.authenticate()
                kind = rng.choice([HELLO, PROOF, REPORT, rng.randrange(256)])
                peer.tls.send(frame(kind, rng.randbytes(rng.choice([0, 1, 50, 500, 3000]))))
                peer.tls.send(rng.randbytes(rng.randrange(200)))
                peer.receive()
            except tls.Closed:
                continue
    assert {p.pid for p in server.roles()} == before, "no role died"
    assert is_served(server)


def test_bytes_that_are_no_tls_are_closed_and_told(server):
    for junk in (b"GET / HTTP/1.0\r\n\r\n", b"\0" * 64, b"\x16\x03\x01\xff\xff" + os.urandom(500)):
        with socket.create_connection(("127.0.0.1", server.port), 10) as peer:
            peer.sendall(junk)
            peer.settimeout(10)
            try:
                while peer.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    assert is_served(server)
    server.wait_line(msg=re.compile("^Invalid connection attempt"))


def test_tls_1_2_and_another_alpn_are_refused(server):
    with pytest.raises(tls.Closed):
        tls.Connection(("127.0.0.1", server.port), highest=0x0303)
    for alpn in (b"http/1.1", None):
        with pytest.raises(tls.Closed):
            with tls.Connection(("127.0.0.1", server.port), alpn=alpn) as connection:
                connection.send(frame(HELLO, hello(CLIENT1.encode(), os.urandom(384))))
                connection.receive()
    assert is_served(server)


# --- reports that are not to be believed -------------------------------------------------------------------


def test_a_report_with_a_flipped_bit_is_not_logged_and_ends_the_connection(server):
    for position in (-1, 20, 60):  # body, MAC, length and body
        with peer_of(server) as peer:
            peer.authenticate()
            sent = bytearray(peer.report_frame(1, body(b"flipped")))
            sent[position] ^= 0x10
            peer.tls.send(bytes(sent))
            expect_closed(peer)
    assert server.count(inner=True, msg=re.compile("flipped")) == 0
    line = server.wait_line(severity="CRIT", msg=re.compile("^Invalid connection attempt"))
    assert line.get("client") == CLIENT1
    assert is_served(server)


@pytest.mark.parametrize("content", [
    b"", b"\x07", body(b"x")[:-1], body(b"x") + b"\0", b"\xff" + body(b"x")[1:],
    body(b"x", severity=0), body(b"x", severity=10), body(b"x", event_class=0),
    body(b"x", event_class=999), body(b"x", fields=[(b"a key", b"v")]),
    body(b"x", fields=[(b"", b"v")]), body(b"x", fields=[(b"a>b", b"v")]),
    struct.pack(">BHqH", 7, 10, 0, 65535)], ids=str)
def test_a_signed_report_that_is_malformed_is_told_and_not_logged(server, content):
    with peer_of(server) as peer:
        peer.authenticate()
        peer.tls.send(peer.report_frame(1, content))
        expect_closed(peer)
    assert server.client_lines() == []
    line = server.wait_line(severity="CRIT", msg=re.compile("^Invalid"))
    assert line.get("client") == CLIENT1
    assert is_served(server)


def test_a_client_cannot_say_that_it_is_another(server):
    with peer_of(server) as peer:
        peer.authenticate()
        peer.report(1, body(b"claim", fields=[(b"client", b"forged.example.test")]))
    line = server.wait_line(inner=True, msg="claim")
    assert line.get("client") == SHORT


def test_no_field_can_forge_a_line_or_another_field(folder):
    for number, form in enumerate(("guide", "classic")):
        sub = folder / form
        sub.mkdir()
        yule = Yule(sub, form)
        yule.register(CLIENT1)
        yule.set("Misc", "SetServerPort", yule.port + number)
        yule.port += number
        yule.start()
        evil = b'/x>, path=</etc/passwd>"\n CRIT   :  [2026-11-22T20:48:52+0000] msg=<forged>\\'
        with peer_of(yule) as peer:
            peer.authenticate()
            peer.report(1, body(b"evil", fields=[(b"path", evil)]))
        line = yule.wait_line(inner=True, msg="evil")
        assert line.inner.value_bytes("path") == evil
        assert line.inner.keys == ["msg", "path"]
        assert not any(one.msg == "forged" for one in yule.log_lines())


def test_a_newer_session_displaces_the_older_one_and_both_are_told(server):
    with peer_of(server) as old, peer_of(server) as new:
        old.authenticate()
        old.report(1, body(b"old"))
        new.authenticate()
        old.tls.send(old.report_frame(2, body(b"old again")))
        kind, _ = old.receive()
        assert kind == INVALID
        new.report(1, body(b"new"))
    server.wait_line(msg="Invalid connection attempt: Signature mismatch", client=CLIENT1)
    assert server.count(msg="Invalid connection attempt: Signature mismatch") == 1
    server.wait_line(severity="CRIT", msg="Restart without prior exit", client=CLIENT1)
    assert server.count(inner=True, msg="old again") == 0


def test_a_session_that_was_forged_is_not_resumed(server):
    peer = peer_of(server).connect()
    peer.authenticate()
    peer.close()
    for key, session in ((os.urandom(32), peer.session_id), (peer.key, os.urandom(16))):
        peer.connect()
        assert peer.resume(key=key, session_id=session) == INVALID
        peer.close()
    peer.connect()
    assert peer.resume() == RESUMED, "the real one still works"
    peer.close()


# --- many -----------------------------------------------------------------------------------------------


def test_a_thousand_silent_connections_do_not_keep_a_real_client_out(server, samhain):
    samhain.init()
    silent = []
    try:
        for number in range(1000):
            source = f"127.1.{number // 250}.{number % 250 + 1}"
            silent.append(socket.create_connection(("127.0.0.1", server.port), 10, (source, 0)))
        begun = time.monotonic()
        assert is_served(server)
        assert time.monotonic() - begun < 3.0
        assert samhain.check().returncode == 0
        server.wait_line(inner=True, msg="EXIT", program="Samhain")
        assert [one for one in silent if is_closed(one)] == [], "they were there all the time"
    finally:
        for one in silent:
            one.close()


def test_one_address_cannot_hold_more_than_its_share_and_the_oldest_goes_first(yule):
    yule.set("Misc", "SetMaxUnauthenticated", 8)
    yule.start()
    silent = [socket.create_connection(("127.0.0.1", yule.port), 10, (ADDRESS, 0))
              for _ in range(40)]
    try:
        wait_for("the oldest is closed", lambda: is_closed(silent[0]))
        stays("the newest", lambda: not is_closed(silent[-1]), 0.3)
        assert sum(not is_closed(one) for one in silent) <= 8
        # Even from that very address a real client gets in.
        assert is_served(yule)
    finally:
        for one in silent:
            one.close()


def is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
