"""The troubleshooting guide, stage B: connecting to the server."""

import os
import re
import socket
import stat
import time

import pytest

from harness import daemons, processes, spool
from harness.daemons import PASSWORD, Yule
from harness.guide import (both_forms, check, expect, expect_from, in_form, loud,
                           replace_file, says)
from harness.impostor import Closing
from harness.network import Host
from harness.protocol3 import Peer, body
from harness.tls import Closed
from harness.waiting import stays, wait_for
from harness.world import ADDRESS_OF, CLIENT1, CLIENT2, SERVER

ADDRESS = ADDRESS_OF[CLIENT1]
REFUSED = "Connection refused, address 127.0.0.1"


def has_libwrap():
    return "#define HAVE_LIBWRAP 1" in daemons.text_of(daemons.BUILD / "config.h")


needs_libwrap = pytest.mark.skipif(not has_libwrap(), reason="built without libwrap")


def can_connect(address, port):
    try:
        socket.create_connection((address, port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


def uids_of(pid):
    return set(processes.status_of(pid)["Uid"].split())


# --- ports and addresses ------------------------------------------------------------------------------


def test_b1_the_port_is_49777_on_ipv4_and_ipv6_where_nothing_else_is_said(yule, samhain):
    yule.settings["Misc"] = [entry for entry in yule.settings["Misc"]
                             if not entry.startswith("SetServerPort")]
    assert not any(entry.startswith("SetServerPort") for entry in samhain.settings["Misc"])
    yule.start()
    assert can_connect("127.0.0.1", 49777) and can_connect("::1", 49777)
    samhain.init()
    assert check(samhain).returncode == 0
    expect(yule, "NOTICE", "NEW CLIENT", client=CLIENT1)


@pytest.mark.parametrize("said", ["on the command line", "in the configuration"])
def test_b7_another_port_can_be_set_on_both_sides(yule, samhain, said):
    yule.set("Misc", "SetServerPort", 51234)
    yule.start()
    assert not can_connect("127.0.0.1", 49777)
    samhain.init()
    if said == "in the configuration":
        samhain.set("Client", "SetServerPort", 51234)
        check(samhain)
    else:
        check(samhain, "--server-port=51234")
    expect(yule, "NOTICE", "NEW CLIENT", client=CLIENT1)


def test_b8_a_port_below_1024_works_and_the_server_is_unprivileged_afterwards(yule):
    yule.set("Misc", "SetServerPort", 777)
    yule.start()
    assert can_connect("127.0.0.1", 777)
    assert uids_of(yule.pid) == {str(daemons.server_identity().pw_uid)}


def failed_start(yule):
    """(stderr, its lines) of a server that must not come up."""
    yule.write_config()
    done = yule.call("--foreground")
    assert done.returncode == 1
    assert "Server up" not in done.stderr
    seen = in_form(done.stderr)
    assert seen[-1].fields == [("msg", "EXIT"), ("program", "Yule"), ("status", "exit_failure")]
    return done.stderr, [(line.severity, line.fields) for line in seen]


def test_b9_a_port_that_is_taken_ends_the_start_with_address_port_and_uid(yule):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", yule.port))
        other.listen()
        yule.set("Misc", "SetServerInterface", "127.0.0.1")
        stderr, seen = failed_start(yule)
    assert ("ALERT", [("msg", "PANIC Address already in use"), ("program", "Yule"),
                      ("subroutine", "bind")]) in seen
    hint = next(line for line in stderr.split("\n") if line.startswith("yule: "))
    assert "127.0.0.1" in hint and str(yule.port) in hint and "uid 0" in hint


def test_b10_an_ordinary_user_may_not_take_a_port_below_1024(folder):
    folder.chmod(0o777 | stat.S_ISVTX)
    yule = both_forms(Yule(folder))
    yule.user = "nobody"
    os.chown(yule.log.parent, *yule.user_ids())
    yule.set("Misc", "SetServerPort", 777)
    stderr, seen = failed_start(yule)
    assert ("ALERT", [("msg", "PANIC Permission denied"), ("program", "Yule"),
                      ("subroutine", "bind")]) in seen
    hint = next(line for line in stderr.split("\n") if line.startswith("yule: "))
    for part in ("Permission denied", "777", f"uid {yule.user_ids()[0]}"):
        assert part in hint


def test_b11_set_server_interface_listens_on_that_address_alone(yule):
    yule.set("Misc", "SetServerInterface", "127.0.0.1")
    yule.start()
    assert can_connect("127.0.0.1", yule.port)
    assert not can_connect("127.0.0.3", yule.port) and not can_connect("::1", yule.port)


# --- a server that is not there -------------------------------------------------------------------------


def test_b2_server_down_client_says_connection_refused(samhain):
    samhain.init()
    check(samhain)
    expect(samhain, "ERROR", REFUSED, subroutine="connect", service="export", host=SERVER)
    expect(samhain, "ERROR", "Service failure", service="log server", obj=SERVER)
    assert loud(samhain) == {REFUSED, "Service failure"}


def test_b2_every_address_that_was_tried_is_named(folder, samhain):
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{ADDRESS} {CLIENT1}\n"
                     f"127.0.0.1 {SERVER}\n127.0.0.7 {SERVER}\n")
    samhain.mounts.append((hosts, "/etc/hosts"))
    samhain.init()
    check(samhain)
    for address in ("127.0.0.1", "127.0.0.7"):
        expect(samhain, "ERROR", f"Connection refused, address {address}", subroutine="connect",
               service="export", host=SERVER)


def test_b2_the_host_is_the_configured_one_also_where_it_is_an_address(samhain):
    samhain.set("Client", "SetLogServer", "127.0.0.1")
    samhain.init()
    check(samhain)
    expect(samhain, "ERROR", REFUSED, subroutine="connect", service="export", host="127.0.0.1")


def test_b3_b4_h9_a_daemon_says_it_once_keeps_its_reports_and_goes_on_when_the_server_is_back(
        folder, yule, samhain):
    samhain.init()
    with spool.Truth(samhain.spool, folder / "truth") as truth:
        samhain.start()
        for number in range(30):
            (samhain.tree / f"f{number}").write_text("x\n")
        samhain.wait_line(msg="POLICY ADDED", path=str(samhain.tree / "f29"))
        expect(samhain, "ERROR", REFUSED, subroutine="connect", service="export", host=SERVER)
        expect(samhain, "ERROR", "Service failure", service="log server", obj=SERVER)
        yule.start()
        expect(samhain, "ERROR", "Connection reestablished", service="log server")
        samhain.stop()
        yule.wait_line(inner=True, msg="EXIT")
        wanted = [spool.line_of(content) for _, content in sorted(truth.submitted().items())]
        assert spool.delivered(yule.log_lines(), "client1") == wanted, "in order, with their times"
    assert says(samhain, "ERROR", REFUSED) == 1
    assert says(samhain, "ERROR", "Service failure") == 1


def test_b5_packets_that_are_dropped_give_a_time_out_that_names_the_address(folder, samhain):
    far = Host(folder, "far")
    try:
        wire = far.add_wire()
        far.drop_all_to("10.78.0.9")
        samhain.net = far.net
        samhain.set("Client", "SetLogServer", "10.78.0.9")
        samhain.set("Misc", "SetBindAddress", wire.client)
        samhain.init()
        begun = time.monotonic()
        check(samhain)
        assert time.monotonic() - begun < 20
        expect(samhain, "ERROR", "Connection timed out, address 10.78.0.9", subroutine="connect",
               service="export", host="10.78.0.9")
    finally:
        far.close()


# --- libwrap ----------------------------------------------------------------------------------------------


@pytest.fixture
def rules(folder, yule):
    """Writes hosts.deny and hosts.allow of the server's host; nothing is reloaded by that."""
    deny, allow = folder / "hosts.deny", folder / "hosts.allow"
    yule.mounts += [(deny, "/etc/hosts.deny"), (allow, "/etc/hosts.allow")]

    def write(denied="", allowed=""):
        replace_file(deny, denied)
        replace_file(allow, allowed)
    write()
    return write


def expect_reset(samhain):
    """The client's four lines of a connection that was ended before its first answer."""
    expect(samhain, "INFO", "Connection reset by peer", subroutine="sh_write_select (r)")
    expect(samhain, "ERROR", "Connection error: Connection reset by peer", port="49777",
           subroutine="read_port")
    expect(samhain, "ERROR", "Invalid connection state", expect="TLS", received="")
    expect(samhain, "ERROR", "Session key negotiation failed")


@needs_libwrap
def test_b12_libwrap_refuses_before_a_byte_is_read_and_both_sides_say_so(yule, samhain, rules):
    rules("yule: ALL\n")
    yule.start()
    samhain.init()
    check(samhain)
    expect(yule, "ERROR", f"Refused connection from {ADDRESS}", subroutine="libwrap")
    assert says(yule, "INFO", "New connection") == 0
    assert loud(yule) == {f"Refused connection from {ADDRESS}"}
    expect_reset(samhain)


@needs_libwrap
def test_b13_a_rule_in_hosts_allow_counts_without_a_reload(yule, samhain, rules):
    rules("yule: ALL\n")
    yule.start()
    samhain.init()
    samhain.start()
    expect(samhain, "ERROR", "Session key negotiation failed")
    rules("yule: ALL\n", f"yule: {ADDRESS}\n")
    expect(samhain, "INFO", "Session key negotiated")
    expect(yule, "NOTICE", "NEW CLIENT", client=CLIENT1)


@needs_libwrap
def test_b13_a_rule_may_name_the_host(yule, samhain, rules):
    rules("yule: ALL\n", f"yule: {CLIENT1}\n")
    yule.start()
    samhain.init()
    check(samhain)
    expect(samhain, "INFO", "Session key negotiated")


@needs_libwrap
def test_b12_b13_an_ipv6_address_is_refused_and_allowed_by_its_own_rules(yule, samhain, rules):
    samhain.set("Misc", "SetBindAddress", "::1")
    samhain.set("Client", "SetLogServer", "::1")
    rules("yule: ALL\n", f"yule: {ADDRESS}\n")
    yule.start()
    samhain.init()
    check(samhain)
    expect(yule, "ERROR", "Refused connection from ::1", subroutine="libwrap")
    expect_reset(samhain)
    rules("yule: ALL\n", "yule: [::1]\n")
    check(samhain)
    expect(yule, "NOTICE", "NEW CLIENT", client=CLIENT1)


@needs_libwrap
def test_b14_only_the_address_that_is_denied_is_refused(yule, rules):
    yule.register(CLIENT2)
    rules(f"yule: {ADDRESS}\n")
    yule.start()
    for host in (CLIENT1, CLIENT2):
        try:
            with Peer(host, yule.port, PASSWORD, source=ADDRESS_OF[host]) as peer:
                peer.authenticate()
                peer.report(1, body(b"served"))
        except (OSError, Closed):
            assert host == CLIENT1
    expect(yule, "ERROR", f"Refused connection from {ADDRESS}", subroutine="libwrap")
    yule.wait_line(inner=True, client="client2", msg="served")
    assert yule.client_lines("client1") == []


@needs_libwrap
def test_b15_a_rule_for_another_daemon_does_not_count(yule, samhain, rules):
    rules("foo: ALL\n")
    yule.start()
    samhain.init()
    check(samhain)
    expect(yule, "NOTICE", "NEW CLIENT", client=CLIENT1)
    assert loud(yule) == set()


@pytest.mark.parametrize("how", ["rst", "fin", "late fin"])
def test_b17_a_server_that_closes_before_its_first_answer_is_always_told_the_same(samhain, how):
    samhain.init()
    with Closing(49777, how) as server:
        check(samhain)
        assert server.connections >= 1
    expect_reset(samhain)


# --- idle ---------------------------------------------------------------------------------------------------


def test_b19_an_idle_server_needs_no_cpu_and_serves(yule, samhain):
    yule.set("Misc", "SetUDPActive", "no")
    yule.start()
    samhain.init()

    def ticks():
        total = 0
        for pid in [yule.pid, *(p.pid for p in yule.roles())]:
            with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
                fields = file.read().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total
    wait_for("all roles", lambda: {p.role for p in yule.roles()} >= {"front", "gate", "resolver"})
    before, begun = ticks(), time.monotonic()
    stays("the server", lambda: yule.process.poll() is None, 1.0)
    used = (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - begun)
    assert used < 0.1, f"{used:.0%} of a core while nobody is there"
    check(samhain)
    expect(yule, "NOTICE", "NEW CLIENT", client=CLIENT1)
    expect_from(yule, "client1", "ALERT", "EXIT", program="Samhain")
