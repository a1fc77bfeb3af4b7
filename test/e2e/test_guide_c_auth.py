"""The troubleshooting guide, stage C: authentication."""

import os
import re

import pytest

from harness import daemons, protocol3, tls
from harness.daemons import PASSWORD, run
from harness.guide import check, client, expect, expect_from, loud, says
from harness.impostor import WithoutVerifier
from harness.protocol3 import CHALLENGE, HELLO, PROOF, REFUSED, Peer, body, hello, pad
from harness.world import ADDRESS_OF, CLIENT1, CLIENT2

ADDRESS = ADDRESS_OF[CLIENT1]
WRONG = "F" * 32
MISMATCH = "Invalid connection attempt: Session key mismatch"
NOT_LISTED = "Invalid connection attempt: Not in client list"


def expect_not_negotiated(samhain, expected, received):
    expect(samhain, "ERROR", "Invalid connection state", expect=expected, received=received)
    expect(samhain, "ERROR", "Session key negotiation failed")


def expect_mismatch(yule, samhain):
    """C2, on both sides."""
    expect(yule, "CRIT", MISMATCH, client=CLIENT1)
    expect_not_negotiated(samhain, "ACCEPTED", "REFUSED")


def expect_served(yule, samhain, short="client1", host=CLIENT1):
    """C1, on both sides."""
    expect(yule, "INFO", "New connection", socket_id=re.compile(r"^\d+$"))
    expect(yule, "NOTICE", "NEW CLIENT", client=host)
    expect(samhain, "INFO", "Session key negotiated")
    expect_from(yule, short, "ALERT", "EXIT", program="Samhain")


def register_anew(yule, *entries):
    yule.settings["Clients"] = []
    for host, password in entries:
        yule.register(host, password)


def test_c1_a_matching_entry_is_a_new_client(yule, samhain):
    yule.start()
    samhain.init()
    check(samhain)
    expect_served(yule, samhain)
    assert loud(yule) == set() and loud(samhain) == set()


def test_c2_an_entry_made_for_another_password_is_a_session_key_mismatch(yule, samhain):
    register_anew(yule, (CLIENT1, WRONG))
    yule.start()
    samhain.init()
    check(samhain)
    expect_mismatch(yule, samhain)
    assert loud(yule) == {MISMATCH}
    assert loud(samhain) == {"Invalid connection state", "Session key negotiation failed",
                             "Service failure"}
    assert says(yule, "NOTICE", "NEW CLIENT", client=CLIENT1) == 0


def test_c3_a_program_without_a_password_says_so_and_stays_away_from_the_server(yule, samhain):
    yule.start()
    samhain.settings["Misc"] = [entry for entry in samhain.settings["Misc"]
                                if not entry.startswith("SetPasswordFile")]
    samhain.init()
    check(samhain)
    expect(samhain, "ERROR", "No password set in this program", program="Samhain")
    assert says(yule, "INFO", "New connection") == 0


@pytest.mark.parametrize("right", ["first", "last"])
def test_c4_c5_of_two_entries_the_last_one_counts_and_both_lines_are_named(yule, samhain, right):
    passwords = (PASSWORD, WRONG) if right == "first" else (WRONG, PASSWORD)
    register_anew(yule, *((CLIENT1, password) for password in passwords))
    at = [number for number, line in enumerate(yule.config_text().split("\n"), 1)
          if line.startswith("Client=")]
    yule.start()
    line = expect(yule, "WARN", "Said twice where only one can count")
    assert all(re.search(rf"\b{word}\b", line.raw) for word in (CLIENT1, *map(str, at)))
    samhain.init()
    check(samhain)
    if right == "last":
        expect_served(yule, samhain)
    else:
        expect_mismatch(yule, samhain)


def test_c6_c7_a_corrected_entry_counts_from_the_next_sighup_on(yule, samhain):
    register_anew(yule, (CLIENT1, WRONG))
    yule.start()
    samhain.init()
    check(samhain)
    expect_mismatch(yule, samhain)
    register_anew(yule, (CLIENT1, PASSWORD))
    yule.write_config()
    check(samhain)
    expect(yule, "CRIT", MISMATCH, count=2, client=CLIENT1)
    yule.reload()
    expect(yule, "CRIT", "Runtime configuration reloaded")
    check(samhain)
    expect_served(yule, samhain)


def test_c8_c9_the_name_in_not_in_client_list_is_the_one_to_register(folder, yule):
    samhain = client(folder, CLIENT2)
    yule.start()
    samhain.init()
    check(samhain)
    line = expect(yule, "CRIT", NOT_LISTED, client=CLIENT2)
    expect_not_negotiated(samhain, "CHALLENGE", "REFUSED")
    assert loud(yule) == {NOT_LISTED}
    yule.register(line.get("client"))
    yule.reload()
    expect(yule, "CRIT", "Runtime configuration reloaded")
    check(samhain)
    expect_served(yule, samhain, "client2", CLIENT2)


def test_c10_a_short_name_in_the_list_is_another_name(yule, samhain):
    register_anew(yule, ("client1", PASSWORD))
    yule.start()
    samhain.init()
    check(samhain)
    expect(yule, "CRIT", NOT_LISTED, client=CLIENT1)


def test_c11_an_entry_in_capitals_is_the_same_client(yule, samhain):
    register_anew(yule, (CLIENT1.upper(), PASSWORD))
    yule.start()
    samhain.init()
    check(samhain)
    expect_served(yule, samhain)


def test_c12_an_entry_that_is_removed_ends_the_clients_session(yule, samhain):
    yule.register(CLIENT2)
    yule.start()
    samhain.init()
    samhain.start()
    expect_from(yule, "client1", "MARK", "File check completed.")
    register_anew(yule, (CLIENT2, PASSWORD))
    yule.reload()
    expect(yule, "CRIT", "Runtime configuration reloaded")
    (samhain.tree / "later").write_text("x\n")
    expect(yule, "CRIT", NOT_LISTED, client=CLIENT1)
    expect(samhain, "ERROR", "Session key negotiation failed")
    # What it has to say meanwhile waits for its return.
    samhain.wait_line(msg="POLICY ADDED", path=str(samhain.tree / "later"))
    yule.register(CLIENT1)
    yule.reload()
    expect_from(yule, "client1", "CRIT", "POLICY ADDED", path=samhain.tree / "later")


@pytest.mark.parametrize("value", ["foo", "a@b", "@x@y"])
def test_c13_a_malformed_entry_is_told_and_the_others_work(yule, samhain, value):
    yule.settings["Clients"].insert(0, f"Client={value}")
    yule.start()
    expect(yule, "WARN", "Invalid input", option="client", obj=value)
    samhain.init()
    check(samhain)
    expect_served(yule, samhain)


def test_c14_two_lines_of_one_password_differ_and_both_work(yule, samhain):
    samhain.init()
    entries = set()
    for starting in (True, False):
        register_anew(yule, (CLIENT1, PASSWORD))
        entries.add(yule.settings["Clients"][0])
        if starting:
            yule.start()
        else:
            yule.reload()
            expect(yule, "CRIT", "Runtime configuration reloaded")
        check(samhain)
    assert len(entries) == 2
    expect(samhain, "INFO", "Session key negotiated", count=2)
    assert says(yule, "CRIT", MISMATCH, client=CLIENT1) == 0


@pytest.mark.anybody
@pytest.mark.parametrize("password", ["123456789ABCDEF", "0123456789ABCDEG", "", "A" * 65,
                                      "F7C312AAAA12C3F7"])
def test_c15_password_refuses_what_is_none_and_the_one_that_everybody_knows(password):
    done = run(daemons.YULE, "-P", password)
    assert done.returncode == 1 and done.stderr and not done.stdout


def test_c16_a_client_of_another_protocol_version_is_told_with_both_versions(yule):
    yule.start()
    with Peer(CLIENT1, yule.port, PASSWORD, source=ADDRESS) as peer:
        peer.send(HELLO, hello(CLIENT1.encode(), os.urandom(384), version=4))
        kind, _ = peer.receive()
        assert kind == REFUSED, "the client says then that the negotiation failed"
    line = expect(yule, "CRIT", re.compile("^Invalid connection attempt: HELLO: "),
                  client=ADDRESS)
    assert re.search(r"version 4\b.*\b3\b", line.msg)
    assert loud(yule) == {line.msg}


def test_c17_wrong_proofs_in_a_row_are_limited_for_their_address_alone(yule):
    yule.set("Misc", "SetMaxFailedAttempts", 3)
    yule.register(CLIENT2)
    yule.start()
    for _ in range(6):
        with Peer(CLIENT1, yule.port, WRONG, source=ADDRESS) as peer:
            with pytest.raises(tls.Closed):
                peer.authenticate()
    expect(yule, "CRIT", "Invalid connection attempt: Too many attempts", client=CLIENT1)
    assert says(yule, "CRIT", MISMATCH, client=CLIENT1) == 3
    assert yule.count(msg="Invalid connection attempt: Too many attempts") == 1, "one a minute"
    with Peer(CLIENT2, yule.port, PASSWORD, source=ADDRESS_OF[CLIENT2]) as other:
        other.authenticate()


def test_c18_a_recorded_report_is_refused_in_another_session_and_dropped_in_its_own(yule):
    yule.start()
    with Peer(CLIENT1, yule.port, PASSWORD, source=ADDRESS) as peer:
        peer.authenticate()
        recorded = peer.report_frame(1, body(b"recorded"))
        for _ in range(5):
            peer.tls.send(recorded)
            assert peer.acknowledged() >= 1
        greeting = hello(peer.name, peer.a_public, peer.instance, peer.spool)
        proof = peer.m1
    # The whole recorded session, as it was: its proof is bound to the connection it was made on.
    with Peer(CLIENT1, yule.port, PASSWORD, source=ADDRESS) as replayed:
        replayed.send(HELLO, greeting)
        assert replayed.receive()[0] == CHALLENGE
        replayed.send(PROOF, proof)
        assert replayed.receive()[0] == REFUSED
    expect(yule, "CRIT", MISMATCH, client=CLIENT1)
    with Peer(CLIENT1, yule.port, PASSWORD, source=ADDRESS) as peer:
        peer.authenticate()
        peer.tls.send(recorded)
        with pytest.raises(tls.Closed):
            peer.receive()
    expect(yule, "CRIT", "Invalid connection attempt: Msg signature mismatch", client=CLIENT1)
    assert yule.count(inner=True, msg="recorded") == 1


def test_c19_a_server_that_does_not_know_the_verifier_gets_no_report(folder, samhain):
    samhain.init()
    with WithoutVerifier(49777, folder) as impostor:
        check(samhain)
        assert impostor.connections >= 1
    expect_not_negotiated(samhain, "ACCEPTED", re.compile("proof"))
    assert impostor.heard == b""
    assert says(samhain, "INFO", "Session key negotiated") == 0


@pytest.mark.parametrize("guess", ["the verifier as the secret", "no secret"])
def test_c20_the_verifier_of_a_stolen_yulerc_does_not_authenticate(yule, guess):
    yule.start()
    verifier = int(yule.settings["Clients"][0].rpartition("@")[2], 16)
    x = verifier if guess.startswith("the verifier") else 0

    class Thief(Peer):
        """Knows v = g^x, which takes the place of what only the password gives."""

        def proof(self, challenge):
            b = protocol3.to_int(challenge[-protocol3.SIZE:])
            salt = challenge[4:20]
            k = protocol3.to_int(protocol3.sha256(pad(protocol3.N), pad(protocol3.G)))
            u = protocol3.to_int(protocol3.sha256(self.a_public, pad(b)))
            shared = pow((b - k * verifier) % protocol3.N, self.a_secret + u * x, protocol3.N)
            self.agreed = protocol3.sha256(pad(shared))
            self.binding = self.tls.channel_binding()
            group = bytes(p ^ q for p, q in zip(protocol3.sha256(pad(protocol3.N)),
                                                protocol3.sha256(bytes([protocol3.G]))))
            speaker = protocol3.sha256(self.name, self.instance, self.spool)
            self.m1 = protocol3.sha256(group, speaker, salt, self.a_public, pad(b), self.agreed,
                                       self.binding)
            return self.m1

    with Thief(CLIENT1, yule.port, source=ADDRESS) as thief:
        with pytest.raises(tls.Closed):
            thief.authenticate()
    expect(yule, "CRIT", MISMATCH, client=CLIENT1)
    assert says(yule, "NOTICE", "NEW CLIENT", client=CLIENT1) == 0
