"""Signals of the agent beside those of its end (samhain(8))."""

import os
import signal

import pytest

from harness.waiting import stays, wait_for


@pytest.fixture
def alone(samhain):
    """An agent without a server that tells the time each second."""
    samhain.settings["Client"] = []
    samhain.set("Misc", "SetFilecheckTime", 3600)
    samhain.set("Misc", "SetLoopTime", 1)
    samhain.init()
    samhain.log.unlink()  # it has the lines of init
    return samhain


def test_sigusr1_brings_everything_to_the_console_and_takes_it_back(alone):
    alone.set("Log", "PrintSeverity", "none")
    alone.start()
    stamps = alone.count(msg="---- TIMESTAMP ----")
    wait_for("a time stamp", lambda: alone.count(msg="---- TIMESTAMP ----") > stamps)
    assert not alone.stderr_lines()
    alone.signal(signal.SIGUSR1)
    alone.wait_line(source="stderr", msg="---- TIMESTAMP ----")
    alone.signal(signal.SIGUSR1)
    told = len(alone.stderr_lines())
    stamps = alone.count(msg="---- TIMESTAMP ----")
    wait_for("more of them", lambda: alone.count(msg="---- TIMESTAMP ----") >= stamps + 2)
    assert len(alone.stderr_lines()) <= told + 1


def test_sigabrt_from_outside_opens_the_log_file_anew(alone):
    alone.start()
    os.rename(alone.log, f"{alone.log}.1")
    alone.signal(signal.SIGABRT)
    wait_for("a new log file", alone.log.exists)
    assert alone.process.poll() is None


def test_a_fault_that_is_only_claimed_ends_nothing(alone):
    alone.start()
    for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE):
        alone.signal(number)
    stays("alive", lambda: alone.process.poll() is None, 0.3)
    assert alone.count(msg="EXIT") == 0


def test_a_daemon_checks_at_sigttou_and_in_silence_at_sigtstp(alone):
    assert alone.call("-t", "check", "-D").returncode == 0
    alone.wait_line(msg="File check completed.")
    (alone.tree / "one").write_text("x\n")
    os.kill(alone.pid, signal.SIGTSTP)
    wait_for("a silent check", lambda: alone.count(msg="File check completed.") == 2)
    assert alone.count(msg="POLICY ADDED") == 0
    (alone.tree / "two").write_text("x\n")
    os.kill(alone.pid, signal.SIGTTOU)
    wait_for("a check", lambda: alone.count(msg="File check completed.") == 3)
    alone.wait_line(msg="POLICY ADDED", path=str(alone.tree / "two"))
    assert alone.count(msg="POLICY ADDED") == 1, "what was found in silence counts as reported"


def test_a_silent_check_can_be_wholly_silent(alone):
    alone.set("Misc", "SetFullSilent", "yes")
    alone.write_config()
    assert alone.call("-t", "check", "-D").returncode == 0
    alone.wait_line(msg="File check completed.")
    (alone.tree / "one").write_text("x\n")
    os.kill(alone.pid, signal.SIGTSTP)
    (alone.tree / "two").write_text("x\n")
    os.kill(alone.pid, signal.SIGTTOU)
    wait_for("the loud one", lambda: alone.count(msg="File check completed.") == 2)
    assert alone.count(msg="File check starting.") == 2
