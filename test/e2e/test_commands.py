"""Commands to clients (docs/protocol.md section 5): queued, delivered until confirmed, listed."""

import hmac
import json
import os
import re
import struct
import time

import pytest

from harness.daemons import PASSWORD
from harness.protocol3 import ACK, Peer, body
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1, CLIENT2

UUID = "01234567-89ab-cdef-0123-456789abcdef"
RUN, NOTICE = 3, 3


def peer_of(yule, name=CLIENT1, **more):
    return Peer(name, yule.port, PASSWORD, source=ADDRESS_OF[name], **more)


def acknowledgement(peer):
    """(number, [(id, words), ...]) of the next frame, which must be an ACK."""
    kind, payload = peer.receive()
    assert kind == ACK
    seq, count = struct.unpack(">QB", payload[:9])
    rest, commands = payload[9:], []
    for _ in range(count):
        number, size = struct.unpack(">QI", rest[:12])
        commands.append((number, rest[12:12 + size].decode()))
        rest = rest[12 + size:]
    signed = b"command" + peer.session_id + payload[8:len(payload) - len(rest)]
    assert rest == (hmac.digest(peer.key, signed, "sha256") if count else b"")
    return seq, commands


def confirm(peer, seq, number, words, message=b"Command executed"):
    peer.tls.send(peer.report_frame(seq, body(
        message, event_class=RUN, severity=NOTICE,
        fields=[(b"command", words.encode()), (b"id", str(number).encode())])))
    return acknowledgement(peer)


def listed(yule, word="LIST"):
    done = yule.ctl("--json", word)
    assert done.returncode == 0, done.stderr
    return [(row["state"], row["client"], row["command"]) for row in json.loads(done.stdout)]


def test_a_command_waits_for_its_client_and_comes_first(yule):
    yule.start()
    done = yule.ctl("-v", "-c", "RELOAD", CLIENT1)
    assert done.returncode == 0 and re.search(rf"{CLIENT1} +RELOAD +queued", done.stdout)
    assert "# Waiting for confirmation." in done.stderr
    assert "# Message received by server." in done.stderr
    assert "waiting" in yule.ctl("RELOAD", CLIENT1.upper()).stdout, "once, and case does not count"
    assert listed(yule) == [("pending", CLIENT1, "RELOAD")]

    with peer_of(yule) as peer:
        peer.authenticate()
        seq, commands = acknowledgement(peer)
        assert seq == 0 and [words for _, words in commands] == ["RELOAD"]
        # With each acknowledgement until it is confirmed.
        peer.tls.send(peer.report_frame(1, body(b"x")))
        assert acknowledgement(peer) == (1, commands)
        assert listed(yule, "LISTALL") == [("pending", CLIENT1, "RELOAD"),
                                           ("sent", CLIENT1, "RELOAD")]
        confirm(peer, 2, commands[0][0], "RELOAD")
        wait_for("it waits no longer", lambda: not listed(yule))
        peer.tls.send(peer.report_frame(3, body(b"y")))
        wait_for("an ACK without it", lambda: acknowledgement(peer) == (3, []))
    assert listed(yule, "LISTALL") == [("executed", CLIENT1, "RELOAD")]
    done = yule.ctl("-v", "LIST")
    assert done.stdout == "" and "# There are no pending commands." in done.stderr


def test_a_command_is_pushed_over_an_open_connection(yule):
    yule.register(CLIENT2)
    yule.start()
    with peer_of(yule) as peer, peer_of(yule, CLIENT2) as other:
        peer.authenticate()
        other.authenticate()
        assert peer.report(1, body(b"x")) == 1
        assert yule.ctl(f"DELTA:{UUID}", CLIENT1).returncode == 0
        seq, commands = acknowledgement(peer)
        assert (seq, commands[0][1]) == (1, f"DELTA:{UUID}")
        # A refusal is an answer, too, and another client's word is none.
        confirm(other, 1, commands[0][0], f"DELTA:{UUID}")
        assert len(listed(yule)) == 1
        confirm(peer, 2, commands[0][0], f"DELTA:{UUID}", b"Command refused")
        wait_for("it waits no longer", lambda: not listed(yule))
    assert listed(yule, "LISTALL") == [("refused", CLIENT1, f"DELTA:{UUID}")]


def test_a_resumed_session_and_a_new_server_bring_it_again(yule):
    yule.start()
    with peer_of(yule) as peer:
        peer.authenticate()
        peer.close()
        assert yule.ctl("SCAN", CLIENT1).returncode == 0
        peer.connect()
        peer.resume()
        _, before = acknowledgement(peer)
    assert before[0][1] == "SCAN"
    yule.kill()
    yule.start()
    assert listed(yule) == [("pending", CLIENT1, "SCAN")]
    assert yule.ctl("STOP", CLIENT1).returncode == 0
    with peer_of(yule) as peer:
        peer.authenticate()
        _, after = acknowledgement(peer)
    assert after[0] == before[0], "the same number: it is not done twice"
    assert after[1][1] == "STOP" and after[1][0] > after[0][0]


def test_hosts_can_be_several_or_a_pattern_and_be_taken_back(yule):
    yule.register(CLIENT2)
    yule.start()
    assert yule.ctl("RELOAD", "*.EXAMPLE.test").returncode == 0
    assert yule.ctl("SCAN", CLIENT1, CLIENT2).returncode == 0
    assert len(listed(yule)) == 4
    done = yule.ctl("CANCEL", CLIENT1)
    assert done.stdout.count("cancelled") == 2
    assert [client for _, client, _ in listed(yule)] == [CLIENT2, CLIENT2]
    status = json.loads(yule.ctl("--json", "STATUS", CLIENT2).stdout)
    assert status["client"] == CLIENT2 and status["commands_pending"] == 2
    # A client that is not registered any more waits for nothing.
    yule.settings["Clients"] = []
    yule.register(CLIENT1)
    yule.reload()
    yule.wait_line(msg="Runtime configuration reloaded")
    assert listed(yule) == []


def test_probe_reloads_those_whose_configuration_is_newer_than_they(folder, yule):
    yule.register(CLIENT2)
    data = folder / "data"
    data.mkdir()
    yule.set("Misc", "SetDataDirectory", data)
    yule.start()
    assert yule.ctl("PROBE").stdout == ""
    start = body(b"START", event_class=11, severity=8)
    with peer_of(yule) as peer, peer_of(yule, CLIENT2) as other:
        peer.authenticate()
        other.authenticate()
        peer.report(1, start)
        other.report(1, start)
        later = time.time() + 5
        (data / f"rc.{CLIENT1}").write_text("x\n")
        (data / "rc").write_text("x\n")
        os.utime(data / "rc", (1, 1))
        os.utime(data / f"rc.{CLIENT1}", (later, later))
        assert re.findall(r"(\S+) +RELOAD +queued", yule.ctl("PROBE").stdout) == [CLIENT1]
        os.utime(data / "rc", (later, later))
        assert re.findall(r"(\S+) +RELOAD +queued", yule.ctl("PROBE").stdout) == [CLIENT2]
        _, commands = acknowledgement(peer)
        confirm(peer, 2, commands[0][0], "RELOAD")
        os.utime(data / f"rc.{CLIENT1}", (1, 1))
        assert CLIENT1 not in yule.ctl("PROBE").stdout


@pytest.mark.parametrize("arguments, reason", [
    (("-c", "RELOAD", "typo.example.test"), "!E:hostname-unknown:"),
    (("-c", "RELOAD", CLIENT1, "x*"), "!E:hostname-unknown:"),
    (("-c", "RELOAD", "../" + CLIENT1), "!E:hostname-unknown:"),
    (("-c", "STATUS", "typo.example.test"), "!E:hostname-unknown:"),
    (("-c", "RELOAD", "h" * 300), "!E:hostname-toolong"),
    (("-c", "DELTA:" + "0" * 100, CLIENT1), "!E:cmd-toolong"),
    (("-c", "DELTA:0123", CLIENT1), "!E:uuid-format:0123"),
    (("-c", "DELTA", CLIENT1), "!E:cmd-invalid:DELTA"),
    (("-c", "RELOAD"), "this command requires a hostname"),
    (("-c", "reload", CLIENT1), "invalid command <reload>"),
    (("-c", "RELOAD:x", CLIENT1), "invalid command <RELOAD:x>"),
    (("-c", "LIST", CLIENT1), "invalid argument"),
    (("-c", "RELOAD", "a\tb"), "invalid argument"),
])
def test_what_cannot_be_is_refused_with_the_reason(yule, arguments, reason):
    yule.start()
    done = yule.ctl(*arguments)
    assert done.returncode == 1 and reason in done.stderr, done.stderr
    assert listed(yule) == []


def test_a_damaged_list_is_told_and_costs_nothing_but_itself(yule):
    yule.start()
    assert yule.ctl("RELOAD", CLIENT1).returncode == 0
    assert yule.stop() == 0
    yule.log.with_name("yule_log.commands").write_text("nonsense\n")
    yule.start()
    yule.wait_line(severity="ERROR", msg="Service failure", service="commands")
    assert listed(yule) == []
    assert yule.ctl("RELOAD", CLIENT1).returncode == 0
