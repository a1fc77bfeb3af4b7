"""Syslog messages by UDP become lines of the server's log."""

import os
import re
import socket
import time

import pytest

from harness import processes
from harness.daemons import server_identity, text_of
from harness.waiting import wait_for

PORT = 5514


def send(*packets, address="127.0.0.1", port=PORT):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        for packet in packets:
            sender.sendto(packet, (address, port))


@pytest.fixture
def receiver(yule):
    yule.set("Server", "SetUDPActive", "yes")
    yule.set("Server", "SetUDPPort", PORT)
    return yule


def test_messages_are_logged_with_address_facility_and_priority_on_ipv4_and_ipv6(receiver):
    receiver.set("Log", "LogSeverity", "crit")
    receiver.write_config()
    receiver.spawn("--foreground")
    receiver.wait_line(source="stderr", msg=re.compile("^Server up"))
    send(b"<38>sshd: hello\n")
    line = receiver.wait_line(syslog_msg="sshd: hello")
    assert line.tag == "<TCP>  :" and line.keys == ["ip", "facility", "priority", "syslog_msg"]
    assert [line.get(k) for k in line.keys[:3]] == ["127.0.0.1", "auth", "info"]
    send(b"no head\x1b[31m\nforged", address="::1")
    line = receiver.wait_line(ip="::1")
    assert line.get("syslog_msg") == "no head\x1b[31m\nforged"
    assert (line.get("facility"), line.get("priority")) == ("kern", "emerg")


def test_the_port_of_syslog_is_opened_as_root_and_read_without_it(receiver):
    receiver.set("Server", "SetUDPPort", 514)
    receiver.form = "classic"
    receiver.set("Log", "LogFormat", "classic")
    receiver.start()
    send(b"<13>text", port=514)
    wait_for("the line", lambda: "ip=<127.0.0.1> facility=<user> priority=<notice> "
             "syslog_msg=<text>" in text_of(receiver.log))
    role = receiver.roles("syslog")[0]
    status = processes.status_of(role.pid)
    assert set(status["Uid"].split()) == {str(server_identity().pw_uid)}
    assert status["Seccomp"] == "2"


def test_a_role_that_died_is_started_again_and_gets_the_same_socket(receiver):
    receiver.start()
    os.kill(receiver.roles("syslog")[0].pid, 9)
    def arrives():
        send(b"<13>again")
        return receiver.count(syslog_msg="again")
    wait_for("a message after the death", arrives, 20.0, receiver.told)


def test_a_flood_is_cut_off_and_counted(receiver):
    receiver.start()
    begun = time.monotonic()

    def is_told():
        send(*[b"<13>flood" for _ in range(200)])
        return receiver.count(msg="Syslog messages dropped", severity="ERROR")
    wait_for("the count of what was dropped", is_told, 20.0, receiver.told)
    assert receiver.count(syslog_msg="flood") < 1_100 + 220 * (time.monotonic() - begun)


def test_without_the_setting_nobody_listens_and_a_taken_port_is_told(yule):
    yule.start()
    assert not yule.roles("syslog")
    assert yule.stop() == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", PORT))
        yule.set("Server", "SetUDPActive", "yes")
        yule.set("Server", "SetUDPPort", PORT)
        yule.write_config()
        done = yule.call("--foreground")
    assert done.returncode == 1
    assert f"UDP port {PORT}" in done.stderr and "SetUDPPort" in done.stderr
