"""What a scan takes of its host: disk, processors, page cache."""

import ctypes
import os
import subprocess
import time

import pytest

from harness import daemons


@pytest.fixture
def alone(samhain):
    """An agent that has no server."""
    del samhain.settings["Client"]
    samhain.set("Log", "ExportSeverity", "none")
    return samhain


def fill(path, size):
    path.write_bytes(os.urandom(1 << 16) * (size >> 16))


def timed_check(agent):
    began = time.monotonic()
    assert agent.check().returncode == 0
    return time.monotonic() - began


def test_the_io_limit_is_one_for_all_measurers_together(alone):
    for name in "abcd":
        fill(alone.tree / name, 2 << 20)
    alone.init()
    alone.set("Misc", "SetMeasurers", 2)
    without = timed_check(alone)
    alone.set("Misc", "SetIOLimit", 4096)
    took = timed_check(alone)  # 8 MiB, 4 of them a second
    assert 1.5 < took < 6, (took, without)
    assert without < 1.5, "else the test shows nothing"


def test_a_limit_counts_as_no_time_out(alone):
    with open(alone.tree / "large", "wb") as file:
        file.truncate(6 << 20)  # it takes up nothing on the disk, so it may take no second more
    alone.init()
    alone.set("Misc", "SetMeasureTimeout", 1)
    alone.set("Misc", "SetIOLimit", 2048)
    began = time.monotonic()
    done = alone.check()
    assert done.returncode == 0 and time.monotonic() - began > 2
    assert "Timeout" not in done.stderr and "POLICY" not in done.stderr, done.stderr


def test_under_pressure_a_scan_goes_on_at_a_tenth(folder, alone):
    """The pressure files are ours, bound over the kernel's in the agent's own namespace."""
    pressure = folder / "pressure"

    def press(percent):
        pressure.write_text(f"some avg10={percent} avg60=0.00 avg300=0.00 total=0\n")

    for number in range(4):
        with open(alone.tree / f"sparse{number}", "wb") as file:
            file.truncate(64 << 20)
    alone.init()
    alone.mounts = [(pressure, "/proc/pressure/io"), (pressure, "/proc/pressure/cpu")]
    alone.set("Misc", "SetPressureLimit", 50)
    press("50.00")
    calm = timed_check(alone)
    press("50.01")
    pressed = timed_check(alone)
    assert pressed > 2.5 * calm, (calm, pressed)
    alone.mounts = []


def test_io_priority_and_nice_level_hold_for_all_processes(alone):
    (alone.tree / "f").write_text("x\n")
    alone.init()
    alone.set("Misc", "SetFilecheckTime", 3600)
    alone.set("Misc", "SetNiceLevel", 7)
    for value, wanted in (("idle", "idle"), ("best-effort 6", "best-effort: prio 6")):
        alone.set("Misc", "SetIOPriority", value)
        alone.start()
        for process in [alone.pid, *(p.pid for p in alone.roles("measurer"))]:
            assert daemons.run("ionice", "-p", process).stdout.strip() == wanted
            assert os.getpriority(os.PRIO_PROCESS, process) == 7
        alone.stop()


@pytest.mark.parametrize("line", ["SetIOLimit=-1", "SetIOPriority=best-effort 8",
                                  "SetIOPriority=first", "SetPressureLimit=101"])
def test_a_limit_that_is_none_is_refused(alone, line):
    key, value = line.split("=")
    alone.set("Misc", key, value)
    alone.write_config()
    done = alone.call("--check-config")
    assert done.returncode == 1 and key.lower() in done.stdout + done.stderr


def test_atime_and_page_cache_of_the_host_do_not_suffer(alone):
    """What was cached stays so, what was not stays out."""
    # The head of each is looked at, to know what it is; that of an image is all that is read.
    alone.add("Misc", "SkipChecksum=match_filetype(IMAGE)")
    cold, skipped, warm = (alone.tree / name for name in ("cold", "skipped.png", "warm"))
    for path in (cold, skipped, warm):
        fill(path, 4 << 20)
    with open(skipped, "r+b") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
    subprocess.run(["sync", "-f", str(cold)], check=True)
    for path in (cold, skipped):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    with open(warm, "rb") as file:
        if not tells_what_is_cached(file.fileno()):
            pytest.skip("this file system does not tell what is cached")
    before = cached_pages(cold), cached_pages(skipped), cached_pages(warm)
    assert before[:2] == (0, 0) and before[2] > 0
    for path in (cold, skipped, warm):
        os.utime(path, (1_000_000_000, 1_700_000_000))
    alone.init()
    assert alone.check().returncode == 0
    assert [os.stat(path).st_atime for path in (cold, skipped, warm)] == [1_000_000_000] * 3
    assert (cached_pages(cold), cached_pages(skipped), cached_pages(warm)) == before
    alone.set("Misc", "SetDropCache", "no")
    assert alone.check().returncode == 0
    assert cached_pages(cold) > 0 and cached_pages(skipped) > 0, "else the test shows nothing"


def tells_what_is_cached(fd):
    try:
        os.preadv(fd, [bytearray(1)], 0, os.RWF_NOWAIT)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


def cached_pages(path):
    """mincore(2) of the whole file, which reads nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    size = os.stat(path).st_size
    with open(path, "rb") as file:
        address = libc.mmap(None, size, 1, 1, file.fileno(), 0)
    pages = ctypes.create_string_buffer((size + 4095) // 4096)
    assert libc.mincore(address, size, pages) == 0
    libc.munmap(address, size)
    return sum(page & 1 for page in pages.raw)
