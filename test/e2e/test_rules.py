"""Rules for clients' messages: by their own severity and class, and the head of lines."""

import re

from harness.daemons import PASSWORD, text_of
from harness.protocol3 import Peer, body
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1

NOTICE, CRIT = 3, 7
STAMP, EVENT = 7, 10


def send(yule, *contents):
    with Peer(CLIENT1, yule.port, PASSWORD, source=ADDRESS_OF[CLIENT1]) as peer:
        peer.authenticate()
        first = peer.next_seq
        for number, content in enumerate(contents):
            assert peer.report(first + number, content) == first + number
        return peer


def messages(yule):
    return [line.msg for line in yule.client_lines()]


def test_by_default_all_reports_are_logged_whatever_the_thresholds(yule):
    yule.set("Log", "LogSeverity", "crit")
    yule.set("Log", "LogClass", "START")
    yule.write_config()
    yule.spawn("--foreground")
    yule.wait_line(source="stderr", msg=re.compile("^Server up"))
    send(yule, body(b"one", NOTICE, STAMP), body(b"two", CRIT, EVENT))
    assert messages(yule) == ["one", "two"]
    assert yule.count(msg="NEW CLIENT") == 0, "own messages keep to the thresholds"


def test_use_client_severity_logs_what_the_threshold_takes_and_acknowledges_all(yule):
    yule.set("Log", "LogSeverity", "mark")
    yule.set("Server", "UseClientSeverity", "yes")
    yule.start()
    peer = send(yule, body(b"low", NOTICE), body(b"high", CRIT), body(b"low again", NOTICE))
    assert messages(yule) == ["high"]
    assert yule.stop() == 0
    yule.start()
    with Peer(CLIENT1, yule.port, PASSWORD, source=ADDRESS_OF[CLIENT1], spool=peer.spool) as again:
        assert again.authenticate().next_seq == 3, "what left no line is delivered all the same"


def test_use_client_class_logs_the_classes_that_the_log_takes(yule):
    yule.set("Log", "LogClass", "START, EVENT")
    yule.set("Server", "UseClientClass", "yes")
    yule.start()
    send(yule, body(b"stamp", CRIT, STAMP), body(b"event", NOTICE, EVENT))
    assert messages(yule) == ["event"]


def test_the_message_header_begins_each_line(yule):
    yule.set("Misc", "MessageHeader", "%C %S %T")
    yule.write_config()
    yule.spawn("--foreground")
    wait_for("yule is up", lambda: "Server up" in text_of(yule.log), told=yule.told)
    text = text_of(yule.log)
    assert re.match(r'START ALERT  :  \[[^]]+\] msg="START"', text), text
    yule.set("Misc", "MessageHeader", "%F")
    yule.reload()
    wait_for("the refusal", lambda: "Old configuration stays" in yule.stderr())
    assert "source file" in yule.stderr()
