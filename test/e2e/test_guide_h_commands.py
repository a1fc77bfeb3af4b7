"""The guide, stage H: commands to a real agent (H5, H7)."""

import json

import pytest

from harness.waiting import wait_for
from harness.world import CLIENT1


def pending(yule):
    return json.loads(yule.ctl("--json", "LIST").stdout)


@pytest.fixture
def pair(yule, samhain):
    """Both at work, the agent with nothing to do for an hour."""
    yule.start()
    samhain.set("Misc", "SetFilecheckTime", 3600)
    samhain.init()
    samhain.start()
    yule.wait_line(inner=True, client="client1", msg="File check completed.")
    return yule, samhain


def test_h5_a_reload_is_done_and_the_list_empties(pair):
    yule, samhain = pair
    assert yule.ctl("-c", "RELOAD", CLIENT1).returncode == 0
    line = yule.wait_line(inner=True, client="client1", msg="Command executed", command="RELOAD")
    assert line.inner.severity == "NOTICE"
    assert samhain.wait_line(msg="Runtime configuration reloaded").severity == "CRIT"
    yule.wait_line(inner=True, client="client1", msg="Runtime configuration reloaded")
    wait_for("the list is empty", lambda: pending(yule) == [])


def test_a_command_is_confirmed_whatever_the_thresholds(yule, samhain):
    samhain.set("Log", "ExportSeverity", "crit")
    samhain.set("Misc", "SetFilecheckTime", 3600)
    yule.start()
    samhain.init()
    samhain.start()
    (samhain.tree / "new").write_text("x\n")
    yule.wait_line(inner=True, client="client1", msg="START")
    assert yule.ctl("-c", "SCAN", CLIENT1).returncode == 0
    yule.wait_line(inner=True, client="client1", msg="Command executed", command="SCAN")
    yule.wait_line(inner=True, client="client1", msg="POLICY ADDED")


def test_stop_ends_the_agent_once_and_is_confirmed_before(pair):
    yule, samhain = pair
    assert yule.ctl("-c", "STOP", CLIENT1).returncode == 0
    assert samhain.wait_end() == 0
    end = yule.wait_line(inner=True, client="client1", msg="EXIT")
    assert end.inner.get("status") == "Quit"
    told = [line.msg for line in yule.client_lines("client1")]
    assert told.index("Command executed") < told.index("EXIT")
    wait_for("the list is empty", lambda: pending(yule) == [])
    samhain.start()
    assert samhain.process.poll() is None, "the next one is not stopped by it"


def test_an_agent_that_was_down_is_told_at_its_next_connection(yule, samhain):
    yule.start()
    samhain.init()
    assert yule.ctl("-c", "DELTA:01234567-89ab-cdef-0123-456789abcdef", CLIENT1).returncode == 0
    done = samhain.check()
    assert done.returncode == 0
    line = yule.wait_line(inner=True, client="client1", msg="Command refused")
    assert line.inner.get("reason") and line.inner.get("command").startswith("DELTA:")
    wait_for("the list is empty", lambda: pending(yule) == [])


def test_stop_ends_a_single_check_too(yule, samhain):
    yule.start()
    samhain.init()
    assert yule.ctl("-c", "STOP", CLIENT1).returncode == 0
    done = samhain.check()
    assert done.returncode == 0
    yule.wait_line(inner=True, client="client1", msg="Command executed", command="STOP")


def test_h7_a_host_that_is_not_registered_is_refused_with_a_message(yule):
    yule.start()
    done = yule.ctl("-c", "RELOAD", "client9.example.test")
    assert done.returncode == 1 and "client9.example.test" in done.stderr
    assert pending(yule) == []
