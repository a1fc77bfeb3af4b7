"""A yule that relays to another: everything arrives there, once, in order, whatever dies."""

import json
import os
import re
import time

import pytest

from harness import inject, tls
from harness.daemons import PASSWORD, Samhain, Yule
from harness.protocol3 import Peer, body
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1, CLIENT2, OTHER, SERVER
from test_roles import assert_is_locked_in, assert_may_only, attempts

RELAY_PASSWORD = "FEDCBA9876543210FEDCBA9876543210"


class Endpoint(Yule):
    host = OTHER


def upstream(folder, name, address):
    """A server that knows `relay`; not started."""
    place = folder / name
    place.mkdir()
    place.chmod(0o755)
    server = Endpoint(place)
    server.set("Misc", "SetServerInterface", address)
    server.register(SERVER, RELAY_PASSWORD)
    return server


@pytest.fixture
def endpoint(folder):
    """The server to which `relay` relays; not started."""
    return upstream(folder, "endpoint", ADDRESS_OF[OTHER])


@pytest.fixture
def second_endpoint(folder, relay):
    """The one that takes over; not started."""
    relay.add("Misc", f"SetLogServer={CLIENT2}")
    return upstream(folder, "second", ADDRESS_OF[CLIENT2])


@pytest.fixture
def relay(yule, folder):
    """A server that knows CLIENT1 and CLIENT2 and is known to `endpoint`; not started."""
    yule.register(CLIENT2)
    password = folder / "relay-password"
    password.write_text(RELAY_PASSWORD + "\n", encoding="ascii")
    password.chmod(0o600)
    os.chown(password, *yule.identity_ids())
    for key, value in (("SetServerInterface", ADDRESS_OF[SERVER]), ("SetLogServer", OTHER),
                       ("SetBindAddress", ADDRESS_OF[SERVER]), ("SetPasswordFile", password)):
        yule.set("Misc", key, value)
    return yule


def client(relay, name=CLIENT1):
    return Peer(name, relay.port, PASSWORD, source=ADDRESS_OF[name])


def send(peer, texts, first=1):
    with peer:
        peer.authenticate()
        for seq, text in enumerate(texts, first):
            assert peer.report(seq, body(text.encode(), when_ns=1_600_000_000_000_000_000)) == seq


def arrived(endpoint, name="client1"):
    """What the clients of the relay said, as the endpoint has it."""
    return [line.inner.inner.msg for line in endpoint.log_lines()
            if line.inner and line.inner.inner and line.inner.get("client") == name]


def texts(first, end):
    return [f"n{number}" for number in range(first, end)]


def test_a_client_s_report_arrives_as_the_relay_s_with_the_client_s_line_inside(relay, endpoint):
    endpoint.start()
    relay.start()
    send(client(relay), ['POLICY [ReadOnly] <"\\\n'])
    wait_for("the report", lambda: arrived(endpoint), told=endpoint.told)
    line = next(l for l in endpoint.log_lines() if l.inner and l.inner.inner)
    assert line.tag == line.inner.tag == "<TCP>  :" and line.inner.inner.severity == "CRIT"
    assert line.get("client") == "server" and line.inner.get("client") == "client1"
    own = next(l for l in relay.log_lines() if l.inner)
    assert line.inner.raw == own.raw, "nested is the very line of the relay's log"
    assert line.inner.inner.time == time.strftime("%Y-%m-%dT%H:%M:%S%z",
                                                  time.localtime(1_600_000_000))


def test_a_real_agent_s_reports_go_through_the_relay_to_its_end(folder, relay, endpoint):
    endpoint.start()
    relay.start()
    agent = Samhain(folder)
    agent.init()
    agent.start()
    (agent.tree / "new").write_text("x")
    agent.wait_line(msg="POLICY ADDED")
    agent.stop()
    wait_for("its last word", lambda: "EXIT" in arrived(endpoint), told=endpoint.told)
    assert arrived(endpoint) == [line.msg for line in relay.client_lines("client1")]
    for msg in ("START", "POLICY ADDED", "EXIT"):
        assert arrived(endpoint).count(msg) == 1, msg
    line = next(l.inner.inner for l in endpoint.log_lines()
                if l.inner and l.inner.inner and l.inner.inner.msg == "POLICY ADDED")
    assert line.get("path") == str(agent.tree / "new")
    assert not endpoint.count(msg=re.compile("^Restart without|Signature mismatch"))


def test_a_second_upstream_takes_over_and_the_relay_goes_back_to_the_first(
        relay, endpoint, second_endpoint):
    endpoint.start()
    second_endpoint.start()
    relay.start()
    peer = client(relay)
    send(peer, texts(1, 6))
    wait_for("the first ones", lambda: len(arrived(endpoint)) == 5, told=endpoint.told)
    endpoint.stop()
    send(peer, texts(6, 16), 6)
    wait_for("those at the second", lambda: len(arrived(second_endpoint)) == 10,
             told=second_endpoint.told)
    endpoint.start()
    sent = 16

    def is_back():
        nonlocal sent
        send(peer, texts(sent, sent + 1), sent)
        sent += 1
        return len(arrived(endpoint)) > 5
    wait_for("the relay is back at the first", is_back, 20, endpoint.told)
    wait_for("all of it", lambda: len(arrived(endpoint)) + len(arrived(second_endpoint)) >= sent - 1,
             told=endpoint.told)
    relay.stop()
    both = arrived(second_endpoint) + arrived(endpoint)[5:]
    assert arrived(endpoint)[:5] + both == texts(1, sent)
    assert [line.msg for line in relay.client_lines("client1")] == texts(1, sent)


def test_own_messages_go_on_at_export_severity_even_where_nothing_else_takes_them(relay, endpoint):
    endpoint.start()
    for sink in ("PrintSeverity", "LogSeverity"):
        relay.set("Log", sink, "none")
    relay.set("Log", "ExportSeverity", "mark")
    relay.write_config()
    relay.spawn("--foreground")
    endpoint.wait_line(inner=True, client="server", msg="START", program="Yule")
    endpoint.wait_line(inner=True, client="server", msg=re.compile("^Server up"))
    assert not relay.log_lines()
    relay.stop()
    endpoint.wait_line(inner=True, client="server", msg="EXIT", bound=5)


def test_h8_the_exit_of_a_client_leaves_the_relay_s_session(relay, endpoint):
    endpoint.start()
    relay.start()
    send(client(relay), ["START", "EXIT", "after"])
    wait_for("all of it", lambda: arrived(endpoint) == ["START", "EXIT", "after"],
             told=endpoint.told)
    status = json.loads(endpoint.ctl("--json", "STATUS", SERVER).stdout)
    assert (status["state"], status["has_session"]) == ("Message", "yes"), status
    assert endpoint.count(msg=re.compile("NEW CLIENT")) == 1
    assert not endpoint.count(msg=re.compile("^(EXIT|Force authentication|Restart)"))
    assert relay.count(msg="Session key negotiated") == 1


def test_while_the_endpoint_is_away_clients_are_served_and_then_all_arrives_once(relay, endpoint):
    relay.start()
    peer = client(relay)
    began = time.monotonic()
    send(peer, texts(1, 41))
    assert time.monotonic() - began < 5
    relay.wait_line(msg=re.compile("^Connection refused, address 127.0.0.4"))
    relay.kill()
    relay.start()
    send(peer, texts(41, 61), 41)
    endpoint.start()
    wait_for("all of it", lambda: len(arrived(endpoint)) >= 60, 30, endpoint.told)
    endpoint.kill()
    endpoint.start()
    send(peer, texts(61, 71), 61)
    wait_for("all of it", lambda: len(arrived(endpoint)) >= 70, 30, endpoint.told)
    assert arrived(endpoint) == texts(1, 71)


def test_kill_9_of_the_relay_at_any_moment_loses_nothing_and_doubles_nothing(relay, endpoint):
    endpoint.start()
    relay.set("Misc", "SetMaxFailedAttempts", 1_000_000)
    relay.set("Log", "PrintSeverity", "none")
    relay.start()
    peer, acked = client(relay), 0
    for number in range(12):
        try:
            with peer:
                peer.authenticate()
                acked = max(acked, peer.next_seq - 1)
                peer.tls.send(b"".join(peer.report_frame(seq, body(b"n%d" % seq))
                                       for seq in range(acked + 1, acked + 101)))
                # Somewhere in the batches that this makes.
                enough = acked + 7 * number % 90
                while acked < enough:
                    acked = peer.acknowledged()
        except (tls.Closed, OSError):
            pass
        relay.kill()
        relay.start()
    with peer:
        peer.authenticate()
        acked = max(acked, peer.next_seq - 1)
        for seq in range(acked + 1, acked + 11):
            assert peer.report(seq, body(b"n%d" % seq)) == seq
    last = acked + 10
    wait_for("the last one", lambda: f"n{last}" in arrived(endpoint), 30, endpoint.told)
    assert arrived(endpoint) == texts(1, last + 1)
    logged = [line.msg for line in relay.client_lines("client1")]
    assert logged == texts(1, last + 1)


def test_what_the_log_does_not_take_goes_on_all_the_same(relay, endpoint):
    relay.set("Server", "UseClientSeverity", "yes")
    relay.set("Log", "LogSeverity", "alert")
    endpoint.start()
    relay.write_config()
    relay.spawn("--foreground")
    wait_for("the relay is up", lambda: relay.ctl("STATUS").returncode == 0, told=relay.told)
    send(client(relay), ["not for this log"])
    wait_for("the report", lambda: arrived(endpoint) == ["not for this log"], told=endpoint.told)
    assert not relay.client_lines()


def test_without_a_password_it_collects_until_a_reload_finds_one(relay, endpoint, folder):
    password = folder / "relay-password"
    password.chmod(0o644)
    relay.start()
    relay.wait_line(msg="No password set in this program", reason=re.compile("chmod 600"))
    send(client(relay), ["early"])
    endpoint.start()
    password.chmod(0o600)
    relay.reload()
    wait_for("the report", lambda: arrived(endpoint) == ["early"], told=endpoint.told)


def test_relay_settings_are_told_to_wait_for_the_next_start(relay, endpoint):
    relay.start()
    relay.set("Misc", "SetLogServer", CLIENT2)
    relay.set("Misc", "SetSpoolLimit", "3")
    relay.reload()
    for option in ("SetLogServer", "SetSpoolLimit"):
        relay.wait_line(msg=re.compile("next start"), option=option)


def test_the_command_line_names_the_server(relay, endpoint):
    relay.set("Misc", "SetLogServer", "nobody.example.test")
    endpoint.set("Misc", "SetServerPort", 40000)
    endpoint.port = 40000
    endpoint.start()
    relay.start("--server-host", OTHER, "--server-port=40000", "-e", "mark",
                "--bind-address", ADDRESS_OF[SERVER])
    endpoint.wait_line(inner=True, client="server", msg=re.compile("^Server up"))


def test_a_relay_without_a_place_for_its_spool_does_not_start(relay):
    relay.set("Misc", "SetSpoolPath", relay.folder / "missing" / "relay")
    relay.write_config()
    ended = relay.call("--foreground")
    assert ended.returncode == 1
    assert 'msg="Service failure" service="log server"' in ended.stderr, ended.stderr


@pytest.mark.skipif(not inject.SUPPORTED, reason="the probe knows x86-64 only")
def test_the_relay_s_courier_can_do_no_more_than_its_work(relay, endpoint):
    endpoint.start()
    relay.start()
    pid = wait_for("a courier", lambda: relay.roles("courier"))[0].pid
    target = str(relay.log.parent / "written-by-a-role").encode()
    assert_may_only("courier", attempts(pid, relay.pid, target), {"make a TCP socket"})
    assert_is_locked_in(pid)
    assert not relay.count(msg="Role lacks some of its barriers", role="courier")
