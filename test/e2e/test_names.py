"""How the server names its clients, and whom it lets in (troubleshooting B12 to B14, D1 to D22)."""

import re
import time

import pytest

from harness import daemons, tls
from harness.daemons import PASSWORD
from harness.names import NameServer
from harness.protocol3 import Peer, body
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1, CLIENT2, NAMELESS, OTHER

LOOKUP = re.compile("^Cannot resolve|^Reverse lookup|^No socket peer alias")


def report_from(yule, address, claim=CLIENT1, password=PASSWORD, text=b"served"):
    with Peer(claim, yule.port, password, source=address) as peer:
        peer.authenticate()
        peer.report(1, body(text))


def lookups(yule):
    return [line for line in yule.log_lines() if LOOKUP.search(line.msg)]


def test_a_name_that_fits_its_address_is_not_remarked(yule):
    yule.start()
    report_from(yule, ADDRESS_OF[CLIENT1])
    assert lookups(yule) == []


def test_a_claim_that_does_not_resolve_is_told_and_served(yule):
    yule.register("ghost.example.test")
    yule.start()
    report_from(yule, ADDRESS_OF[CLIENT1], "ghost.example.test")
    line = yule.wait_line(msg="Cannot resolve client name", host="ghost.example.test")
    assert line.severity == "CRIT"
    yule.wait_line(inner=True, client="ghost", msg="served")


def test_an_address_without_a_name_is_told_and_served(yule):
    yule.start()
    report_from(yule, NAMELESS)
    yule.wait_line(msg="Cannot resolve socket peer IP for client", host=CLIENT1, peer=NAMELESS)
    yule.wait_line(inner=True, client="client1", msg="served")


def test_a_claim_of_another_hosts_name_is_told_and_served(yule):
    yule.start()
    report_from(yule, ADDRESS_OF[OTHER])
    line = yule.wait_line(msg="No socket peer alias matches client name", host=CLIENT1, peer=OTHER)
    assert line.severity == "CRIT"
    yule.wait_line(inner=True, client="client1", msg="served")


@pytest.fixture
def dns(folder, yule):
    """The server asks our name server, and no hosts file."""
    resolv, hosts, switch = folder / "resolv.conf", folder / "hosts", folder / "nsswitch.conf"
    resolv.write_text("nameserver 127.0.0.53\noptions timeout:1 attempts:1\n")
    hosts.write_text("127.0.0.1 localhost\n127.0.0.1 server.example.test\n")
    switch.write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    yule.mounts += [(resolv, "/etc/resolv.conf"), (hosts, "/etc/hosts"),
                    (switch, "/etc/nsswitch.conf")]
    forward = {CLIENT1: [ADDRESS_OF[CLIENT1]], "liar.example.test": ["127.0.0.8"]}
    reverse = {ADDRESS_OF[CLIENT1]: CLIENT1, NAMELESS: "liar.example.test"}
    with NameServer(forward, reverse) as server:
        yield server


@pytest.mark.usefixtures("dns")
def test_names_that_dns_gives_are_used(yule):
    yule.start()
    report_from(yule, ADDRESS_OF[CLIENT1])
    yule.wait_line(inner=True, client="client1", msg="served")
    assert lookups(yule) == []


def test_a_name_that_does_not_resolve_back_is_told_and_served(yule, dns):
    assert dns.reverse[NAMELESS] == "liar.example.test"
    yule.start()
    report_from(yule, NAMELESS)
    yule.wait_line(msg="Reverse lookup of socket peer failed", host=CLIENT1,
                   peer="liar.example.test", obj=NAMELESS)
    yule.wait_line(inner=True, client="client1", msg="served")


def test_a_dead_name_server_delays_nobody_whose_name_is_known(yule, dns):
    dns.answers = False
    yule.start()
    begun = time.monotonic()
    report_from(yule, NAMELESS)
    assert time.monotonic() - begun < 20
    yule.wait_line(msg=LOOKUP)
    report_from(yule, NAMELESS, text=b"again")
    yule.wait_line(inner=True, client="client1", msg="again")


def test_what_does_not_fit_is_told_once_and_not_at_each_connection(yule):
    yule.start()
    for number in range(5):
        report_from(yule, ADDRESS_OF[OTHER], text=b"n%d" % number)
    yule.wait_line(inner=True, msg="n4")
    assert len(lookups(yule)) == 1


def test_an_ipv6_client_is_looked_up_by_its_address(yule):
    yule.start()
    with Peer(CLIENT1, yule.port, PASSWORD, host="::1") as peer:
        peer.authenticate()
        peer.report(1, body(b"served"))
    yule.wait_line(msg=LOOKUP, host=CLIENT1)
    yule.wait_line(inner=True, client="client1", msg="served")


@pytest.mark.parametrize("severity, tag", [("debug", None), ("warn", "WARN")])
def test_severity_lookup_decides_how_loud_it_is(yule, severity, tag):
    yule.set("Misc", "SeverityLookup", severity)
    yule.start()
    report_from(yule, ADDRESS_OF[OTHER])
    yule.wait_line(inner=True, msg="served")
    assert [line.severity for line in lookups(yule)] == ([tag] if tag else [])


# --- SetClientFromAccept ---------------------------------------------------------------------------------


@pytest.fixture
def by_address(yule):
    yule.set("Misc", "SetClientFromAccept", "true")
    return yule


def test_the_name_of_the_address_counts_whatever_the_client_claims(by_address):
    by_address.start()
    report_from(by_address, ADDRESS_OF[CLIENT1], "whatever.example.test")
    by_address.wait_line(inner=True, client="client1", msg="served")
    by_address.wait_line(msg="NEW CLIENT", client=CLIENT1)
    assert lookups(by_address) == []
    assert "whatever" not in daemons.text_of(by_address.log)


def test_an_address_whose_name_is_not_registered_is_refused_under_that_name(by_address):
    by_address.start()
    with pytest.raises(tls.Closed):
        report_from(by_address, ADDRESS_OF[OTHER])
    by_address.wait_line(msg="Invalid connection attempt: Not in client list", client=OTHER)


def test_an_address_without_a_name_is_known_by_its_number(by_address):
    by_address.start()
    with pytest.raises(tls.Closed):
        report_from(by_address, NAMELESS)
    by_address.wait_line(msg="Invalid connection attempt: Not in client list", client=NAMELESS)
    by_address.register(NAMELESS)
    by_address.reload()
    by_address.wait_line(msg="Runtime configuration reloaded")
    report_from(by_address, NAMELESS)
    by_address.wait_line(inner=True, client=NAMELESS, msg="served")
    assert lookups(by_address) == []


def test_set_strip_domain_off_leaves_the_full_name(yule):
    yule.set("Misc", "SetStripDomain", "no")
    yule.start()
    report_from(yule, ADDRESS_OF[CLIENT1])
    yule.wait_line(inner=True, client=CLIENT1, msg="served")


# --- libwrap ------------------------------------------------------------------------------------------------


def has_libwrap():
    return "#define HAVE_LIBWRAP 1" in daemons.text_of(daemons.BUILD / "config.h")


@pytest.mark.skipif(not has_libwrap(), reason="built without libwrap")
def test_libwrap_refuses_an_address_and_takes_new_rules_without_a_reload(folder, yule):
    deny, allow = folder / "hosts.deny", folder / "hosts.allow"
    address = ADDRESS_OF[CLIENT1]
    deny.write_text(f"yule: {address}\n")
    allow.write_text("")
    yule.mounts += [(deny, "/etc/hosts.deny"), (allow, "/etc/hosts.allow")]
    yule.register(CLIENT2)
    yule.start()
    with pytest.raises((tls.Closed, ConnectionResetError)):
        report_from(yule, address)
    line = yule.wait_line(msg=f"Refused connection from {address}")
    assert line.severity == "ERROR" and line.get("subroutine") == "libwrap"
    assert yule.count(msg="New connection") == 0
    # Another client is served meanwhile.
    report_from(yule, ADDRESS_OF[CLIENT2], CLIENT2)
    # The rule is taken away, in the very file that is mounted there; nothing is reloaded.
    allow.write_text(f"yule: {address}\n")

    def is_served():
        try:
            report_from(yule, address)
        except (tls.Closed, ConnectionResetError):
            return False
        return True
    wait_for("the new rule counts", is_served, 30)


@pytest.mark.skipif(not has_libwrap(), reason="built without libwrap")
def test_a_rule_for_another_daemon_does_not_count(folder, yule):
    deny = folder / "hosts.deny"
    deny.write_text("foo: ALL\n")
    yule.mounts.append((deny, "/etc/hosts.deny"))
    yule.start()
    report_from(yule, ADDRESS_OF[CLIENT1])
    yule.wait_line(inner=True, msg="served")


# --- the real client -------------------------------------------------------------------------------------------


def test_the_agent_claims_the_full_name_of_its_host(yule, samhain):
    yule.start()
    samhain.init()
    assert samhain.check().returncode == 0
    yule.wait_line(inner=True, client="client1", msg="EXIT")
    assert lookups(yule) == []


def test_the_name_in_not_in_client_list_is_the_one_to_register(folder, yule):
    """C8 and C9: what the line says, put into yulerc, works."""
    samhain = daemons.Samhain(folder, host=CLIENT2)
    yule.start()
    samhain.init()
    samhain.check()
    line = yule.wait_line(msg="Invalid connection attempt: Not in client list")
    yule.register(line.get("client"))
    yule.reload()
    yule.wait_line(msg="Runtime configuration reloaded")
    samhain.check()
    yule.wait_line(inner=True, client="client2", msg="EXIT")


def test_bind_address_on_the_command_line_wins(yule, samhain):
    samhain.settings["Misc"] = [entry for entry in samhain.settings["Misc"]
                                if not entry.startswith("SetBindAddress")]
    yule.start()
    samhain.init()
    samhain.check(f"--bind-address={ADDRESS_OF[OTHER]}")
    yule.wait_line(msg="No socket peer alias matches client name", host=CLIENT1, peer=OTHER)
