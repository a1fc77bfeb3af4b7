"""The troubleshooting guide, stage D: client names."""

import json
import os
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import daemons, tls
from harness.clock import Clock
from harness.daemons import PASSWORD, Samhain
from harness.guide import check, expect, expect_from, loud, replace_file
from harness.names import NameServer
from harness.network import Host
from harness.protocol3 import HELLO, Peer, body, hello
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1, CLIENT2, NAMELESS, OTHER, SERVER

ADDRESS = ADDRESS_OF[CLIENT1]
NOT_LISTED = "Invalid connection attempt: Not in client list"
LOOKUP = re.compile("^Cannot resolve|^Reverse lookup|^No socket peer alias")
LIAR = "liar.example.test"
GHOST = "ghost.example.test"


def report_from(yule, address, claim=CLIENT1, text=b"served", password=PASSWORD, host="127.0.0.1"):
    with Peer(claim, yule.port, password, host=host, source=address) as peer:
        peer.authenticate()
        peer.report(1, body(text))


def refused_from(yule, address, claim=CLIENT1, host="127.0.0.1"):
    with pytest.raises(tls.Closed):
        report_from(yule, address, claim, host=host)


def expect_served(yule, short="client1", text="served"):
    yule.wait_line(inner=True, client=short, msg=text)
    yule.wait_line(inner=True, client=short, msg=text, source="stderr")


def lookups(yule):
    return [line for line in yule.log_lines() if LOOKUP.search(line.msg)]


@pytest.fixture
def dns(folder, yule):
    """The server asks our name server, and has no hosts file to speak of."""
    resolv, hosts, switch = folder / "resolv.conf", folder / "hosts", folder / "nsswitch.conf"
    resolv.write_text("nameserver 127.0.0.53\noptions timeout:1 attempts:1\n")
    hosts.write_text(f"127.0.0.1 localhost\n127.0.0.1 {SERVER}\n")
    switch.write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    yule.mounts += [(resolv, "/etc/resolv.conf"), (hosts, "/etc/hosts"),
                    (switch, "/etc/nsswitch.conf")]
    forward = {CLIENT1: [ADDRESS], CLIENT2: [ADDRESS_OF[CLIENT2]], LIAR: ["127.0.0.8"]}
    reverse = {ADDRESS: CLIENT1, ADDRESS_OF[CLIENT2]: CLIENT2, NAMELESS: LIAR}
    with NameServer(forward, reverse) as server:
        yield server


# --- the first method: the claim, cross-checked ------------------------------------------------------


def test_d1_a_name_that_fits_its_address_is_not_remarked(yule, samhain):
    yule.start()
    samhain.init()
    check(samhain)
    expect_from(yule, "client1", "ALERT", "EXIT", program="Samhain")
    assert lookups(yule) == [] and loud(yule) == set()


@pytest.mark.usefixtures("dns")
def test_d1_names_that_dns_gives_are_used(yule):
    yule.start()
    report_from(yule, ADDRESS)
    expect_served(yule)
    assert lookups(yule) == []


def wrong(case, yule):
    """Makes the server see what D2 to D5 describe; returns (message, fields) of its line."""
    if case == "d2":
        yule.register(GHOST)
        return lambda: report_from(yule, ADDRESS, GHOST), "ghost", (
            "Cannot resolve client name", {"host": GHOST})
    if case == "d3":
        return lambda: report_from(yule, "127.0.0.10"), "client1", (
            "Cannot resolve socket peer IP for client", {"host": CLIENT1, "peer": "127.0.0.10"})
    if case == "d4":
        return lambda: report_from(yule, NAMELESS), "client1", (
            "Reverse lookup of socket peer failed",
            {"host": CLIENT1, "peer": LIAR, "obj": NAMELESS})
    return lambda: report_from(yule, ADDRESS_OF[CLIENT2]), "client1", (
        "No socket peer alias matches client name", {"host": CLIENT1, "peer": CLIENT2})


WRONG = {"d2": "claim_does_not_resolve", "d3": "address_has_no_name",
         "d4": "name_does_not_resolve_back", "d5": "address_is_another_hosts"}


@pytest.mark.usefixtures("dns")
@pytest.mark.parametrize("case", WRONG, ids=[f"{case}_{what}" for case, what in WRONG.items()])
def test_what_does_not_fit_is_told_at_crit_and_served(yule, case):
    report_it, short, (msg, fields) = wrong(case, yule)
    yule.start()
    report_it()
    expect(yule, "CRIT", msg, **fields)
    expect_served(yule, short)
    assert loud(yule) == {msg}


@pytest.mark.usefixtures("dns")
@pytest.mark.parametrize("case", WRONG)
def test_d6_severity_lookup_debug_hides_it(yule, case):
    yule.set("Misc", "SeverityLookup", "debug")
    report_it, short, _ = wrong(case, yule)
    yule.start()
    report_it()
    expect_served(yule, short)
    assert lookups(yule) == []


@pytest.mark.usefixtures("dns")
@pytest.mark.parametrize("case", WRONG)
def test_d7_severity_lookup_warn_makes_it_a_warning(yule, case):
    yule.set("Misc", "SeverityLookup", "warn")
    report_it, _, (msg, fields) = wrong(case, yule)
    yule.start()
    report_it()
    expect(yule, "WARN", msg, **fields)


@pytest.mark.usefixtures("dns")
@pytest.mark.parametrize("case", WRONG)
def test_d8_a_client_that_comes_often_is_told_of_once_an_hour(yule, case):
    report_it, short, (msg, fields) = wrong(case, yule)
    yule.start()
    for _ in range(4):
        report_it()
    expect_served(yule, short)
    expect(yule, "CRIT", msg, **fields)
    assert len(lookups(yule)) == 1


@pytest.mark.usefixtures("dns")
def test_d8_the_next_hours_line_counts_those_that_were_left_out(folder, yule, monkeypatch):
    clock = Clock(folder)
    for name, value in clock.environment().items():
        monkeypatch.setenv(name, value)
    report_it, _, (msg, fields) = wrong("d5", yule)
    yule.start()
    for _ in range(4):
        report_it()
    expect(yule, "CRIT", msg, **fields)
    clock.advance(3601)
    report_it()
    yule.wait_line(severity="CRIT", msg=msg, **fields, count="3")
    assert len(lookups(yule)) == 2


@pytest.mark.parametrize("finds", ["localhost", "a bare name"])
def test_d9_a_client_whose_hosts_file_is_wrong_claims_its_address_and_the_line_says_it(
        folder, yule, samhain, finds):
    hosts = folder / "client-hosts"
    first = "localhost client1" if finds == "localhost" else "client1"
    hosts.write_text(f"{ADDRESS} {first} {CLIENT1}\n127.0.0.1 {SERVER}\n")
    samhain.mounts.append((hosts, "/etc/hosts"))
    yule.start()
    samhain.init()
    check(samhain)
    expect(yule, "CRIT", NOT_LISTED, client=ADDRESS)
    expect(samhain, "ERROR", "Session key negotiation failed")


# --- several interfaces ---------------------------------------------------------------------------------


@pytest.fixture
def two_wires(folder, yule, samhain):
    """client1 has two interfaces; its name is that of the second one, and the way to the server goes
    by the first."""
    host = Host(folder, "client1")
    first, second = host.add_wire(), host.add_wire()
    hosts = folder / "both-hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{first.server} {SERVER}\n{second.client} {CLIENT1}\n"
                     f"{first.client} {OTHER}\n{second.client6} {CLIENT1}\n")
    for daemon in (yule, samhain):
        daemon.mounts.append((hosts, "/etc/hosts"))
    samhain.net = host.net
    samhain.set("Client", "SetLogServer", first.server)
    samhain.settings["Misc"] = [entry for entry in samhain.settings["Misc"]
                                if not entry.startswith("SetBindAddress")]
    yield first, second
    host.close()


@pytest.mark.usefixtures("two_wires")
def test_d10_the_address_of_another_interface_is_told(yule, samhain):
    yule.start()
    samhain.init()
    check(samhain)
    expect(yule, "CRIT", "No socket peer alias matches client name", host=CLIENT1, peer=OTHER)
    expect_from(yule, "client1", "ALERT", "EXIT", program="Samhain")


def test_d11_set_bind_address_chooses_the_interface(yule, samhain, two_wires):
    samhain.set("Misc", "SetBindAddress", two_wires[1].client)
    yule.start()
    samhain.init()
    check(samhain)
    expect_from(yule, "client1", "ALERT", "EXIT", program="Samhain")
    assert lookups(yule) == []


def test_d12_bind_address_on_the_command_line_does_and_wins(yule, samhain, two_wires):
    samhain.set("Misc", "SetBindAddress", two_wires[0].client)
    yule.start()
    samhain.init()
    check(samhain, f"--bind-address={two_wires[1].client}")
    expect_from(yule, "client1", "ALERT", "EXIT", program="Samhain")
    assert lookups(yule) == []


class FromServer(Samhain):
    """Its configuration is the server's."""

    def command(self, *arguments):
        command = super().command(*arguments)
        command[-1] = "--config-file=REQ_FROM_SERVER"
        return command + [f"--server-host={SERVER}", f"--password-file={self.password_file}"]


def test_d13_set_bind_address_in_a_configuration_from_the_server_comes_too_late_for_its_download(
        folder, yule, samhain, two_wires):
    data = folder / "data"
    data.mkdir()
    yule.set("Misc", "SetDataDirectory", data)
    samhain.init()
    samhain.set("Misc", "SetBindAddress", two_wires[1].client)
    (data / f"rc.{CLIENT1}").write_text(samhain.config_text(), encoding="latin-1")
    yule.start()
    samhain.__class__ = FromServer
    check(samhain)
    expect(yule, "CRIT", "No socket peer alias matches client name", host=CLIENT1, peer=OTHER)
    expect_from(yule, "client1", "ALERT", "EXIT", program="Samhain")
    assert len(lookups(yule)) == 1
    status = json.loads(yule.ctl("--json", "STATUS", CLIENT1).stdout)
    assert status["address"] == two_wires[1].client, "what came later came from the right interface"


# --- a resolver that is dead or slow ------------------------------------------------------------------------


def test_d14_a_dead_resolver_delays_nobody_else_and_is_told_after_a_bounded_time(yule, dns):
    yule.register(CLIENT2)
    yule.start()
    dns.answers = False
    begun = time.monotonic()
    report_from(yule, ADDRESS)
    report_from(yule, ADDRESS_OF[CLIENT2], CLIENT2)
    assert time.monotonic() - begun < 2, "the check of a claim is in nobody's way"
    expect(yule, "CRIT", LOOKUP, host=CLIENT1)
    expect(yule, "CRIT", LOOKUP, host=CLIENT2)


def test_d14_by_address_only_the_connection_that_waits_for_its_name_is_delayed(yule, dns):
    yule.set("Misc", "SetClientFromAccept", "yes")
    yule.register("127.0.0.8")
    yule.start()
    dns.is_dead_for = lambda address: address == "127.0.0.8"
    waiting = threading.Thread(target=report_from, args=(yule, "127.0.0.8"), daemon=True)
    waiting.start()
    wait_for("the question", lambda: dns.questions > 0)
    begun = time.monotonic()
    report_from(yule, ADDRESS)
    assert time.monotonic() - begun < 1.0
    expect_served(yule)
    waiting.join(20)
    assert not waiting.is_alive()
    expect_served(yule, "127.0.0.8")


def greeted(yule, source):
    """A stranger who waits for his name."""
    peer = Peer(GHOST, yule.port, source=source).connect()
    peer.send(HELLO, hello(GHOST.encode(), os.urandom(384)))
    return peer


def connected(yule, source):
    return socket.create_connection(("127.0.0.1", yule.port), 10, (source, 0))


@pytest.mark.parametrize("waits_for", ["SetClientFromAccept"])
def test_d14_a_thousand_strangers_with_slow_names_do_not_lock_a_registered_client_out(
        folder, yule, dns, waits_for):
    yule.set("Misc", "SetMaxUnauthenticated", 1000)
    come = greeted
    if waits_for == "a rule of libwrap":
        come = connected
        deny = folder / "hosts.deny"
        deny.write_text("yule: .evil.test\n")
        yule.mounts.append((deny, "/etc/hosts.deny"))
    else:
        yule.set("Misc", "SetClientFromAccept", "yes")
    yule.start()
    dns.is_dead_for = lambda address: address.startswith("127.1.")
    sources = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(1000)]
    with ThreadPoolExecutor(8) as pool:
        strangers = list(pool.map(lambda source: come(yule, source), sources))
    try:
        for number in range(3):
            begun = time.monotonic()
            report_from(yule, ADDRESS, text=b"n%d" % number)
            assert time.monotonic() - begun < 2.0
        expect_served(yule, text="n2")
    finally:
        for stranger in strangers:
            stranger.close()


def test_d14_strangers_whom_libwrap_must_name_do_not_hold_up_a_client_known_before(
        folder, yule, dns):
    deny = folder / "hosts.deny"
    deny.write_text("yule: .evil.test\n")
    yule.mounts.append((deny, "/etc/hosts.deny"))
    yule.start()
    report_from(yule, ADDRESS, text=b"first")
    dns.is_dead_for = lambda address: address.startswith("127.1.")
    strangers = [connected(yule, f"127.1.0.{number + 1}") for number in range(100)]
    try:
        for number in range(3):
            begun = time.monotonic()
            report_from(yule, ADDRESS, text=b"n%d" % number)
            assert time.monotonic() - begun < 2.0
        expect_served(yule, text="n2")
    finally:
        for stranger in strangers:
            stranger.close()


# --- the second method: SetClientFromAccept -------------------------------------------------------------------


@pytest.fixture
def by_address(yule):
    yule.set("Misc", "SetClientFromAccept", "true")
    return yule


def test_d15_the_name_of_the_address_counts_whatever_the_client_claims(by_address):
    by_address.start()
    report_from(by_address, ADDRESS, "whatever.example.test")
    expect_served(by_address)
    expect(by_address, "NOTICE", "NEW CLIENT", client=CLIENT1)
    assert lookups(by_address) == []
    assert "whatever" not in daemons.text_of(by_address.log)


def test_d16_an_address_whose_name_is_not_registered_is_refused_under_that_name(
        by_address, samhain):
    by_address.start()
    samhain.set("Misc", "SetBindAddress", ADDRESS_OF[OTHER])
    samhain.init()
    check(samhain)
    expect(by_address, "CRIT", NOT_LISTED, client=OTHER)
    assert loud(by_address) == {NOT_LISTED}
    expect(samhain, "ERROR", "Session key negotiation failed")


@pytest.mark.usefixtures("dns")
@pytest.mark.parametrize("address", ["127.0.0.10", NAMELESS],
                         ids=["without a name", "whose name does not resolve back"])
def test_d17_an_address_without_a_sure_name_is_known_by_its_number(by_address, address):
    by_address.start()
    refused_from(by_address, address)
    expect(by_address, "CRIT", NOT_LISTED, client=address)
    assert loud(by_address) == {NOT_LISTED}
    by_address.register(address)
    by_address.reload()
    expect(by_address, "CRIT", "Runtime configuration reloaded")
    report_from(by_address, address)
    expect_served(by_address, address)
    assert lookups(by_address) == []


@pytest.mark.parametrize("own", ["127.0.0.1", "127.0.1.1"])
def test_d18_localhost_is_the_servers_own_name_where_that_resolves_to_it(folder, by_address, own):
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{own} {SERVER}\n")
    by_address.mounts.append((hosts, "/etc/hosts"))
    by_address.start()
    refused_from(by_address, "127.0.0.1")
    expect(by_address, "CRIT", NOT_LISTED, client=SERVER if own == "127.0.0.1" else "127.0.0.1")


def test_d19_everything_uses_the_inferred_name_and_nothing_the_claim(by_address):
    by_address.register(NAMELESS)
    by_address.start()
    report_from(by_address, NAMELESS, CLIENT1)
    expect_served(by_address, NAMELESS)
    expect(by_address, "NOTICE", "NEW CLIENT", client=NAMELESS)
    listed = by_address.ctl("CLIENTS").stdout
    assert re.search(rf"{re.escape(NAMELESS)}\s.*Message", listed)
    assert re.search(rf"{CLIENT1}\s.*Inactive", listed)
    assert CLIENT1 not in daemons.text_of(by_address.log)


def test_d20_a_switch_of_the_method_counts_from_the_next_connection_on(yule):
    yule.register(OTHER)
    yule.start()
    report_from(yule, ADDRESS_OF[OTHER])
    expect(yule, "NOTICE", "NEW CLIENT", client=CLIENT1)
    yule.set("Misc", "SetClientFromAccept", "yes")
    yule.reload()
    expect(yule, "CRIT", "Runtime configuration reloaded")
    report_from(yule, ADDRESS_OF[OTHER])
    expect(yule, "NOTICE", "NEW CLIENT", client=OTHER)


# --- the domain ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strips, shown", [("yes", "client1"), ("no", CLIENT1)])
def test_d21_the_domain_is_cut_in_wrapped_messages_alone(yule, strips, shown):
    yule.set("Misc", "SetStripDomain", strips)
    yule.start()
    report_from(yule, ADDRESS)
    expect_served(yule, shown)
    expect(yule, "NOTICE", "NEW CLIENT", client=CLIENT1)
    assert CLIENT1 in yule.ctl("CLIENTS").stdout


@pytest.mark.parametrize("version", [4, 6])
def test_d21_a_number_is_never_cut(folder, by_address, version):
    host = Host(folder, "far")
    try:
        wire = host.add_wire()
        # Our own end's address is as numeric as any other, and the connection is local.
        address = wire.server if version == 4 else wire.server6
        by_address.register(address)
        by_address.start()
        report_from(by_address, address, host=address)
        expect_served(by_address, address)
        expect(by_address, "NOTICE", "NEW CLIENT", client=address)
    finally:
        host.close()


# --- IPv6 ---------------------------------------------------------------------------------------------------


@pytest.fixture
def wire6(folder, yule, samhain):
    """client1 reaches the server by IPv6, from a network of its own; the hosts file is the test's."""
    host = Host(folder, "client1")
    wire = host.add_wire()
    hosts = folder / "hosts6"

    def names(text):
        replace_file(hosts, f"::1 localhost\n{wire.server6} {SERVER}\n{text}")
    names(f"{wire.client6} {CLIENT1}\n")
    for daemon in (yule, samhain):
        daemon.mounts.append((hosts, "/etc/hosts"))
    samhain.net = host.net
    samhain.set("Misc", "SetBindAddress", wire.client6)
    wire.names = names
    yield wire
    host.close()


@pytest.mark.parametrize("by", ["claim", "address"])
@pytest.mark.usefixtures("wire6")
def test_d22_an_ipv6_client_whose_names_are_right_is_served_by_both_methods(yule, samhain, by):
    yule.set("Misc", "SetClientFromAccept", "no" if by == "claim" else "yes")
    yule.start()
    samhain.init()
    check(samhain)
    expect(yule, "NOTICE", "NEW CLIENT", client=CLIENT1)
    expect_from(yule, "client1", "ALERT", "EXIT", program="Samhain")
    assert lookups(yule) == [] and loud(yule) == set()


@pytest.mark.parametrize("case", ["d3", "d5"])
def test_d22_what_does_not_fit_is_told_with_ipv6_addresses(yule, samhain, wire6, case):
    if case == "d3":
        wire6.names(f"fd77:ffff::9 {CLIENT1}\n")
    else:
        wire6.names(f"{wire6.client6} {OTHER}\nfd77:ffff::9 {CLIENT1}\n")
    yule.start()
    samhain.init()
    check(samhain)
    if case == "d3":
        expect(yule, "CRIT", "Cannot resolve socket peer IP for client", host=CLIENT1,
               peer=wire6.client6)
    else:
        expect(yule, "CRIT", "No socket peer alias matches client name", host=CLIENT1, peer=OTHER)
    expect_from(yule, "client1", "ALERT", "EXIT", program="Samhain")


def test_d22_an_ipv6_address_without_a_name_is_known_by_its_number(by_address, samhain, wire6):
    wire6.names("")
    by_address.start()
    samhain.set("Client", "SetLogServer", wire6.server6)
    samhain.init()
    check(samhain)
    expect(by_address, "CRIT", NOT_LISTED, client=wire6.client6)
    by_address.register(wire6.client6)
    by_address.reload()
    expect(by_address, "CRIT", "Runtime configuration reloaded")
    check(samhain)
    expect_from(by_address, wire6.client6, "ALERT", "EXIT", program="Samhain")


def test_d22_an_ipv4_address_in_ipv6_clothes_is_an_ipv4_address(by_address):
    """A socket of ours can be bound to ::ffff:127.0.0.10 and reach an IPv4 listener."""
    by_address.start()
    refused_from(by_address, "::ffff:127.0.0.10", host="::ffff:127.0.0.1")
    expect(by_address, "CRIT", NOT_LISTED, client="127.0.0.10")


# --- hostile claims --------------------------------------------------------------------------------------------


HOSTILE = {"up": b"../../etc/passwd", "absolute": b"/etc/passwd", "long": b"x" * 300, "nul": b"a\0b",
           "no text": b"\xff\xfe", "newline": b"new\nline", "blank": b"a b", "escape": b"esc\x1b[2J",
           "bracket": b"x>, client=<client1", "quote": b'x" client="client1'}


@pytest.mark.parametrize("claim", HOSTILE.values(), ids=HOSTILE.keys())
def test_d23_a_hostile_claim_is_one_escaped_line_and_opens_no_file(yule, claim):
    yule.start()
    with Peer(claim, yule.port, PASSWORD, source=NAMELESS) as peer:
        peer.send(HELLO, hello(claim, os.urandom(384)))
        for _ in range(2):
            try:
                peer.receive()
            except tls.Closed:
                break
    line = yule.wait_line(severity="CRIT", msg=re.compile("^Invalid connection attempt: "))
    if line.msg == NOT_LISTED:
        assert len(line.get("client")) <= 255
        assert line.get("client") == claim[:255].decode("latin-1").lower()
    else:
        assert line.get("client") == NAMELESS, "a claim that is no text is not repeated"
    for path in (yule.log, yule.stderr_path):
        data = path.read_bytes()
        assert not re.search(rb"[^\x20-\x7e\n]", data)
        assert all(re.match(rb"^.{8}  ?\[", line) for line in data.split(b"\n") if line)
    assert len([one for one in yule.log_lines() if "attempt" in one.msg]) == 1


def test_d23_an_empty_claim_is_hostname_is_null(yule):
    yule.start()
    with Peer("", yule.port, PASSWORD, source=NAMELESS) as peer:
        peer.send(HELLO, hello(b"", os.urandom(384)))
        with pytest.raises(tls.Closed):
            while True:
                peer.receive()
    line = expect(yule, "CRIT", "Hostname is NULL")
    assert NAMELESS in line.raw, "who it was (G1)"
