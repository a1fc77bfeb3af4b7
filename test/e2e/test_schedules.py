"""Schedules and masks of the agent, as samhainrc(5) has them, with the real program."""

import signal

import pytest


@pytest.fixture
def alone(samhain):
    samhain.settings["Client"] = []
    return samhain


def test_a_daemon_waits_for_its_schedule_and_says_that_the_second_is_missing(alone):
    second = alone.folder / "second"
    second.mkdir()
    # The first never comes while this test runs; the second has no schedule, so it is the first.
    alone.set("Misc", "FileCheckScheduleOne", "0 0 29 2 *")
    alone.add("ReadOnly", "%SCHEDULE_TWO")
    alone.add("ReadOnly", f"dir=1{second}")
    alone.add("ReadOnly", "!%SCHEDULE_TWO")
    alone.init()  # takes everything, whatever the schedules
    alone.log.unlink()
    (second / "new").write_text("x\n")
    alone.start(waits=False)
    alone.wait_line(msg="START")
    alone.set("Misc", "FileCheckScheduleOne", "* * * * *")
    alone.write_config()
    assert alone.count(msg="File check starting.") == 0
    alone.signal(signal.SIGHUP)
    alone.wait_line(msg="POLICY ADDED", path=str(second / "new"))
    assert alone.count(msg="No second schedule, its directories are checked with the first") >= 1


def test_each_schedule_has_its_own_directories(alone):
    second = alone.tree / "second"
    second.mkdir()
    alone.set("Misc", "FileCheckScheduleOne", "* * * * *")
    alone.set("Misc", "FileCheckScheduleTwo", "0 0 29 2 *")
    alone.add("ReadOnly", "%SCHEDULE_TWO")
    alone.add("ReadOnly", f"dir=1{second}")
    alone.add("ReadOnly", "!%SCHEDULE_TWO")
    (second / "old").write_text("x\n")
    alone.init()
    alone.log.unlink()
    (second / "old").unlink()
    (second / "new").write_text("x\n")
    (alone.tree / "new").write_text("x\n")
    alone.start(waits=False)
    alone.wait_line(msg="File check completed.")
    assert alone.count(msg="POLICY ADDED", path=str(alone.tree / "new")) == 1
    assert alone.count(path=str(second / "new")) == 0
    assert alone.count(path=str(second / "old")) == 0
    # A check in front of somebody takes everything.
    alone.stop()
    alone.log.unlink()
    alone.check()
    assert alone.count(msg="POLICY ADDED", path=str(second / "new")) == 1
    assert alone.count(msg="POLICY MISSING", path=str(second / "old")) == 1


def test_a_mask_counts_for_the_lines_after_it(alone):
    first, other = alone.tree / "first", alone.tree / "other"
    first.write_text("a\n")
    other.write_text("a\n")
    alone.settings["ReadOnly"] = []
    alone.add("Attributes", f"file={first}")
    alone.write_config(alone.config_text() + "[Misc]\nRedefAttributes=CHK\nRedefAttributes=+XYZ\n"
                       f"[Attributes]\nfile={other}\n")
    alone.call("-t", "init")
    first.write_text("b\n")
    other.write_text("b\n")
    first.chmod(0o600)
    other.chmod(0o600)
    alone.log.unlink()
    alone.call("-t", "check")
    assert alone.count(msg="POLICY [Attributes] -----M----", path=str(first)) == 1
    assert alone.count(msg="POLICY [Attributes] C---------", path=str(other)) == 1
    assert alone.count(msg="Invalid input", option="redefattributes", obj="+XYZ",
                       reason="+XYZ is no attribute") == 1
