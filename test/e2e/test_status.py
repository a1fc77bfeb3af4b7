"""Where a scan is: on a terminal, in `samhain status`, and after a restart in the middle."""

import errno
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from harness import daemons
from harness.waiting import wait_for

BIG = 40 << 30  # of a sparse file: more than a test could wait for


@pytest.fixture
def alone(samhain):
    """An agent that has no server."""
    del samhain.settings["Client"]
    samhain.set("Log", "ExportSeverity", "none")
    return samhain


def make_files(folder, count):
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"f{number}").write_text(f"{number}\n")


def add_endless(agent, name="zz-endless"):
    """A file that takes longer to read than any test: the scan is in the middle of it until it is
    ended."""
    with open(agent.tree / name, "wb") as file:
        file.truncate(BIG)


def status(agent):
    done = agent.call("status", "--json")
    return done.returncode, json.loads(done.stdout)


def wait_in_scan(agent, least=1):
    def look():
        scan = status(agent)[1]["scan"]
        return scan if scan and scan["files"] >= least else None
    return wait_for("a scan under way", look, told=agent.told)


def wait_digesting(agent):
    """Until a measurer reads on and on."""
    wait_in_scan(agent, 0)
    wait_for("something is read", lambda: (status(agent)[1]["scan"] or {}).get("bytes", 0) > 1 << 20,
             told=agent.told)


def test_status_tells_of_nothing_then_of_results_and_of_the_next_start(alone):
    make_files(alone.tree, 20)
    alone.write_config()
    code, seen = status(alone)
    assert code == 3
    assert (seen["running"], seen["scan"], seen["last"], seen["next"]) == (False, None, None, None)
    alone.init()
    code, seen = status(alone)
    assert code == 3
    assert seen["last"]["action"] == "init" and seen["last"]["outcome"] == "completed"
    assert seen["last"]["files"] == 21
    (alone.tree / "f3").write_text("other\n")
    alone.set("Misc", "SetFilecheckTime", 3600)
    assert alone.call("start").returncode == 0
    wait_for("a check", lambda: (status(alone)[1]["last"] or {}).get("action") == "check",
             told=alone.told)
    code, seen = status(alone)
    assert code == 0
    assert seen["running"] and seen["pid"] == alone.pid and seen["scan"] is None
    assert (seen["last"]["files"], seen["last"]["findings"]) == (21, 1)
    assert re.match(r"20\d\d-", seen["next"])
    text = alone.call("status").stdout
    assert f"process {alone.pid}" in text and "1 findings" in text and "next check" in text, text
    assert alone.call("stop").returncode == 0
    assert alone.call("status").returncode == 3


def test_status_shows_the_running_scan_and_sigterm_ends_it_within_a_second(alone):
    make_files(alone.tree, 20)
    alone.init()
    add_endless(alone)
    alone.start(waits=False)
    wait_digesting(alone)
    seen = status(alone)[1]
    assert seen["pid"] == alone.pid
    scan = seen["scan"]
    assert scan["action"] == "check" and scan["expected_files"] == 21
    assert 0 <= scan["percent"] <= 99 and scan["bytes_per_s"] > 0
    assert "running since" in alone.call("status").stdout
    began = time.monotonic()
    alone.signal(signal.SIGTERM)
    assert alone.wait_end() == 0
    assert time.monotonic() - began < 1.5, "a second, and what a busy machine takes"
    assert alone.wait_line(msg="EXIT", status="Terminated")


def test_a_scan_that_was_cut_off_is_told_of_at_the_next_start(alone):
    make_files(alone.tree, 20)
    alone.init()
    add_endless(alone)
    for number in (signal.SIGTERM, signal.SIGKILL):
        alone.start(waits=False)
        wait_digesting(alone)
        told = alone.count(msg="File check was cut off by the end of the program")
        alone.signal(number)
        alone.wait_end()
        assert status(alone)[1]["cut_off"]["action"] == "check"
        assert "cut off, began" in alone.call("status").stdout
        if number == signal.SIGTERM:
            assert told == 0
    (alone.tree / "zz-endless").unlink()
    alone.start()
    assert alone.count(msg="File check was cut off by the end of the program") == 2
    alone.stop()
    alone.start()
    assert alone.count(msg="File check was cut off by the end of the program") == 2
    alone.stop()


def read_terminal(master, until, process, bound=20.0):
    """What appears on a terminal until the bytes `until` do, or the process ends."""
    seen = b""
    deadline = time.monotonic() + bound
    while until not in seen and time.monotonic() < deadline:
        if not select.select([master], [], [], 0.1)[0]:
            continue
        try:
            seen += os.read(master, 65536)
        except OSError as error:
            assert error.errno == errno.EIO  # the other side is closed
            break
    assert until in seen, (seen, process.poll())
    return seen


def test_a_terminal_shows_a_bar_that_is_erased_before_each_line(alone):
    make_files(alone.tree, 20)
    alone.init()
    add_endless(alone)
    master, terminal = pty.openpty()
    # setsid --ctty makes it the terminal of a session of its own, in whose foreground samhain is.
    process = subprocess.Popen(
        ["setsid", "--ctty", *alone.command("-t", "check", "--foreground")],
        stdin=terminal, stdout=terminal, stderr=terminal, cwd="/")
    os.close(terminal)
    seen = read_terminal(master, b"% ", process)
    assert re.search(rb"\r\x1b\[K\[=*> +\] +\d+ %  [\d,]+ files/s, [\d.]+ [kMG]?B/s", seen), seen
    process.terminate()
    seen += read_terminal(master, b"EXIT", process)
    assert process.wait(10) == 0
    assert re.search(rb"\r\x1b\[KALERT", seen), seen
    os.close(master)


def test_what_is_no_terminal_gets_no_bar(alone):
    make_files(alone.tree, 5)
    alone.init()
    add_endless(alone)
    alone.start(waits=False)
    wait_digesting(alone)
    alone.stop()
    assert "\x1b" not in alone.stderr() and "%" not in alone.stderr()


def test_a_check_beside_the_daemon_leaves_its_status_alone(alone):
    make_files(alone.tree, 5)
    alone.init()
    alone.set("Misc", "SetFilecheckTime", 3600)
    alone.start()
    before = status(alone)[1]
    assert alone.check("-l", "none").returncode == 0
    assert status(alone)[1] == before
    assert before["pid"] == alone.pid
    alone.stop()
    assert daemons.run("stat", "-c", "%a %U", f"{alone.baseline}.status").stdout == "600 root\n"


def test_suspension_in_the_middle_of_a_scan_is_told_and_shown(alone):
    make_files(alone.tree, 5)
    alone.init()
    add_endless(alone)
    alone.start(waits=False)
    wait_digesting(alone)
    alone.signal(signal.SIGUSR2)
    alone.wait_line(msg="SUSPEND")
    seen = status(alone)[1]
    assert seen["suspended"] and seen["scan"] is None and seen["last"]["outcome"] == "stopped"
    (alone.tree / "zz-endless").unlink()
    alone.signal(signal.SIGUSR2)
    alone.wait_checks(1)
    wait_for("a result", lambda: status(alone)[1]["last"]["outcome"] == "completed")
    assert not status(alone)[1]["suspended"]
    alone.stop()
