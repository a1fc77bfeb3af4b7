"""`samhain --test-connection` beside a daemon: a visitor, which the client's own session never notices."""

import json
import re

import pytest

from harness import tls
from harness.daemons import PASSWORD
from harness.guide import loud
from harness.protocol3 import CONFIGURATION, INVALID, NOFILE, Peer, body
from harness.waiting import wait_for
from harness.world import ADDRESS_OF, CLIENT1

NO_SPOOL = b"\0" * 16


class Visitor(Peer):
    def __init__(self, yule):
        super().__init__(CLIENT1, yule.port, PASSWORD, source=ADDRESS_OF[CLIENT1])
        self.spool = NO_SPOOL


@pytest.fixture
def files(yule, folder):
    data = folder / "data"
    data.mkdir()
    data.chmod(0o755)
    (data / "rc").write_text("what all clients get\n")
    yule.set("Server", "SetDataDirectory", data)
    return data


def status(yule):
    return json.loads(yule.ctl("--json", "STATUS", CLIENT1).stdout)


def is_ended(visitor):
    """The server closes the connection, with or without a last word."""
    try:
        while visitor.receive():
            pass
    except (tls.Closed, OSError):
        return True
    return False


@pytest.mark.usefixtures("files")
def test_a_running_agent_goes_on_undisturbed_while_its_connection_is_tested(yule, samhain):
    yule.start()
    samhain.set("Misc", "SetFilecheckTime", 600)
    samhain.init()
    samhain.start()
    yule.wait_line(inner=True, client="client1", msg="File check completed.")
    wait_for("all is delivered", lambda: status(yule)["state"] == "Filecheck", told=yule.told)
    before = status(yule)

    for number in (1, 2):
        done = samhain.call("--test-connection")
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search("^authentication +ok$", done.stdout, re.M), done.stdout
        assert "SHA-256" in done.stdout, "a file is on offer"
        wait_for("the visit's line",
                 lambda: yule.count(msg="Connection test", client=CLIENT1) == number,
                 told=yule.told)
    assert status(yule) == before

    (samhain.tree / "new").write_text("x")
    assert yule.ctl("SCAN", CLIENT1).returncode == 0
    yule.wait_line(inner=True, client="client1", msg="POLICY ADDED")
    samhain.stop()
    yule.wait_line(inner=True, client="client1", msg="EXIT")
    for line in ("Restart without prior exit", "Force authentication",
                 "Invalid connection attempt: Signature mismatch"):
        assert not yule.count(msg=line), line
    assert yule.count(msg="NEW CLIENT") == 1
    assert samhain.count(msg="Session key negotiated") == 1


@pytest.mark.usefixtures("files")
def test_a_visitor_reads_files_and_is_told_no_command(yule):
    yule.start()
    assert yule.ctl("RELOAD", CLIENT1).returncode == 0
    with Visitor(yule) as visitor:
        visitor.authenticate()
        assert visitor.get(CONFIGURATION) == b"what all clients get\n"
        assert visitor.get(2) == NOFILE
    # The file that nobody needs is no alarm, but told.
    assert yule.wait_line(msg="Requested file not found", client=CLIENT1).severity == "INFO"
    assert loud(yule) == set()
    assert "RELOAD" in yule.ctl("LIST").stdout
    assert "sent" not in yule.ctl("LISTALL").stdout
    assert status(yule)["state"] == "Inactive"


@pytest.mark.parametrize("what", ["REPORT", "PUT"])
def test_a_visitor_may_say_nothing(yule, folder, what):
    pending = folder / "pending"
    pending.mkdir()
    yule.set("Server", "AcceptBaselineUpload", "yes")
    yule.set("Server", "SetPendingDirectory", pending)
    yule.start()
    with Visitor(yule) as visitor:
        visitor.authenticate()
        if what == "REPORT":
            visitor.tls.send(visitor.report_frame(1, body(b"hostile")))
        else:
            visitor.begin_put(10, b"\0" * 32)
        assert is_ended(visitor)
    yule.wait_line(msg=f"Invalid connection attempt: {what} of a visitor", client=CLIENT1)
    assert not yule.client_lines() and not list(pending.iterdir())
    assert status(yule)["state"] == "Inactive"


def test_a_visit_cannot_be_resumed_and_a_reload_ends_it(yule):
    yule.start()
    with Visitor(yule) as visitor:
        visitor.authenticate()
        assert visitor.lifetime == 120
        yule.reload()
        assert is_ended(visitor)
        with visitor:
            assert visitor.resume() == INVALID


def test_of_one_client_there_are_four_visitors_at_most_and_the_oldest_goes(yule):
    yule.start()
    visitors = [Visitor(yule).connect().authenticate() for _ in range(5)]
    assert is_ended(visitors[0])
    assert all(visitor.get(CONFIGURATION) == NOFILE for visitor in visitors[1:])
    for visitor in visitors:
        visitor.close()


def test_a_file_that_is_there_and_cannot_be_read_is_told_as_to_a_client(yule, files):
    (files / "rc").chmod(0o600)
    yule.start()
    with Visitor(yule) as visitor:
        visitor.authenticate()
        assert visitor.get(CONFIGURATION) == NOFILE
    assert yule.wait_line(msg="Requested file not found", client=CLIENT1).severity == "CRIT"


def test_the_password_counts_for_visitors_too(yule):
    yule.start()
    with Visitor(yule) as visitor:
        visitor.password = b"f" * 32
        with pytest.raises(tls.Closed):
            visitor.authenticate()
    yule.wait_line(msg="Invalid connection attempt: Session key mismatch", client=CLIENT1)
    assert not yule.count(msg="Connection test")
