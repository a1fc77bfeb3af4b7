"""Files that hang, and files that do not hold still: no hang, no wrong digest, no leak, and what changed
while it was read is said to have.  SAMHAIN_RACE_SECONDS makes the races longer than CI can wait."""

import contextlib
import ctypes
import hashlib
import os
import signal
import threading
import time

import pytest

from harness import fuse, lines, processes
from harness.waiting import wait_for

RACE_S = float(os.environ.get("SAMHAIN_RACE_SECONDS", "3"))
RENAME_EXCHANGE, AT_FDCWD = 2, -100
MIB = 1 << 20


@pytest.fixture
def alone(samhain):
    """An agent that has no server."""
    del samhain.settings["Client"]
    samhain.set("Log", "ExportSeverity", "none")
    samhain.set("Misc", "SetMeasurers", 2)
    return samhain


@contextlib.contextmanager
def mounted(path, files, silent):
    path.mkdir(exist_ok=True)
    try:
        system = fuse.FileSystem(path, files, silent)
    except OSError as error:
        pytest.skip(f"no FUSE here: {error}")
    with system:
        yield system


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def checked(agent, **more):
    done = agent.check(**more)
    assert done.returncode == 0, done.stderr
    return lines.parse_all(done.stderr, agent.form)


def of_path(all_lines, path):
    return [line for line in all_lines if line.get("path") == str(path)]


# --- what never answers -------------------------------------------------------------------------------


@pytest.mark.parametrize("silent", [
    {("never", fuse.READ)}, {("never", fuse.OPEN)}, {("never", fuse.GETATTR), ("never", fuse.OPEN)}])
def test_a_file_that_never_answers_is_told_of_and_all_others_are_measured(alone, silent):
    place = alone.tree / "fuse"
    place.mkdir()
    alone.init()
    alone.set("Misc", "SetMeasureTimeout", 1)
    files = {"before": b"1\n", "never": b"x" * 100, "zafter": b"2\n" * 5000}
    with mounted(place, files, silent) as system:
        began = time.monotonic()
        seen = checked(alone)
        assert time.monotonic() - began < 10
        assert any(name == "never" for name, _ in system.unanswered)
    told = [line.msg for line in of_path(seen, place / "never")]
    assert "Timeout (1 sec) while checksumming file" in told, told
    for name in ("before", "zafter"):
        added = of_path(seen, place / name)
        assert [line.get("chksum_new") for line in added] == [sha256(files[name])]


def test_a_mount_that_never_answers_costs_its_deadline_once(alone):
    place = alone.tree / "dead"
    place.mkdir()
    (alone.tree / "f").write_text("1\n")
    alone.init()
    (alone.tree / "f").write_text("22\n")
    alone.set("Misc", "SetMeasureTimeout", 1)
    with mounted(place, {"x": b""}, {None}):
        began = time.monotonic()
        seen = checked(alone)
        assert time.monotonic() - began < 10
    assert [line.get("chksum_new") for line in of_path(seen, alone.tree / "f")] == [sha256(b"22\n")]
    assert len([line for line in seen if line.msg.startswith("Timeout")]) == 1
    assert of_path(seen, place)[0].msg.startswith("Timeout")


def test_sigterm_ends_a_scan_that_hangs_within_a_second(alone):
    place = alone.tree / "fuse"
    place.mkdir()
    alone.init()
    alone.set("Misc", "SetMeasureTimeout", 120)
    with mounted(place, {"never": b"x"}, {("never", fuse.READ)}) as system:
        alone.start(waits=False)
        wait_for("it hangs", lambda: system.unanswered, told=alone.told)
        roles = alone.roles()
        began = time.monotonic()
        alone.signal(signal.SIGTERM)
        assert alone.wait_end() == 0
        assert time.monotonic() - began < 1.5, "a second, and what a busy machine takes"
    # The kernel keeps a killed one as long as its call has no answer.
    wait_for("no process left", lambda: not any(processes.is_alive(p.pid) for p in roles))


# --- what does not hold still -------------------------------------------------------------------------


@contextlib.contextmanager
def going_on(step):
    """Calls `step` again and again beside the test."""
    is_over = threading.Event()

    def run():
        while not is_over.is_set():
            step()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(10)


def check_again_and_again(agent):
    """The lines of all checks that fit into the time of a race; five at least."""
    seen, count = [], 0
    deadline = time.monotonic() + RACE_S
    while count < 5 or time.monotonic() < deadline:
        seen += checked(agent)
        count += 1
    return seen


def truncating(path):
    """A file that is 16 MiB and 8 MiB long in turn, and the digests that it may have."""
    content = os.urandom(8 * MIB)
    path.write_bytes(content + bytes(8 * MIB))

    def step():
        os.truncate(path, 8 * MIB)
        os.truncate(path, 16 * MIB)

    return step, {sha256(content), sha256(content + bytes(8 * MIB))}


def exchange(one, other):
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other),
                          RENAME_EXCHANGE) == 0, os.strerror(ctypes.get_errno())


def test_a_file_truncated_while_it_is_read_has_a_true_digest_or_none(alone):
    path = alone.tree / "f"
    step, digests = truncating(path)
    alone.init()
    with going_on(step):
        seen = of_path(check_again_and_again(alone), path)
    messages = {line.msg for line in seen}
    assert "File changes while it is read" in messages, messages
    assert {line.get("chksum_new") for line in seen} - {None, "0" * 64} <= digests
    assert not any(line.msg.startswith("Timeout") for line in seen)
    assert "File changes while it is read" not in {line.msg for line in checked(alone)}


def test_a_directory_swapped_for_a_symlink_never_leads_outside(folder, alone):
    inside, outside, link = alone.tree / "d", folder / "outside", folder / "link"
    for place, content in ((inside, "inside\n"), (outside, "outside\n")):
        (place / "deep").mkdir(parents=True)
        for number in range(20):
            (place / f"f{number}").write_text(content)
            (place / "deep" / f"f{number}").write_text(content)
    (outside / "secret").write_text("outside\n")
    link.symlink_to(outside)
    alone.init()
    with going_on(lambda: exchange(inside, link)):
        seen = check_again_and_again(alone)
    if inside.is_symlink():
        exchange(inside, link)
    assert not [line.raw for line in seen if "secret" in line.raw]
    assert not [line.raw for line in seen if sha256(b"outside\n") in line.raw]
    assert not [line.raw for line in seen if line.msg.startswith("Timeout")]
    assert any(of_path(seen, inside)), "it was met as a symlink at least once"


def test_races_and_hangs_leave_no_descriptor_behind(folder, alone):
    inside, link = alone.tree / "d", folder / "link"
    (inside / "deep").mkdir(parents=True)
    link.symlink_to(folder)
    place = alone.tree / "fuse"
    place.mkdir()
    step, _ = truncating(alone.tree / "f")
    alone.init()
    alone.set("Misc", "SetFilecheckTime", 1)
    alone.set("Misc", "SetMeasureTimeout", 1)

    def counts():
        """Of the scanner, and of each measurer; a hung one is replaced meanwhile."""
        found = [len(os.listdir(f"/proc/{alone.pid}/fd"))]
        for process in alone.roles("measurer"):
            with contextlib.suppress(FileNotFoundError):
                found.append(len(os.listdir(f"/proc/{process.pid}/fd")))
        return found

    def settled():
        """Two measurers, and nothing open that need not be: they rest between two checks."""
        now = counts()
        is_as_before = len(now) == 3 and all(
            few <= many for few, many in zip(sorted(now), sorted(before)))
        return now if is_as_before else None

    alone.start()
    before = min((counts() for _ in range(200) if not time.sleep(0.01)), key=sum)
    assert len(before) == 3
    with mounted(place, {"never": b"x"}, {("never", fuse.READ)}), going_on(step), \
            going_on(lambda: exchange(inside, link)):
        done = alone.count(msg="File check completed.")
        time.sleep(RACE_S)
        alone.wait_checks(done + 2)
    if inside.is_symlink():
        exchange(inside, link)
    # Measurers that are never without work for long keep the last directories open.
    alone.set("Misc", "SetFilecheckTime", 3600)
    alone.write_config()
    alone.signal(signal.SIGHUP)
    wait_for(f"{before} descriptors as before", settled, 20.0, lambda: f"{counts()}\n{alone.told()}")
    alone.stop()
