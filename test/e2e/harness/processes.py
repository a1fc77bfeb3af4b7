"""Processes as /proc shows them, and the end of those that we started."""

import os
import signal
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    role: str  # "" for a daemon's parent process


def _stat(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        after_name = file.read().rpartition(")")[2].split()
    return after_name[0], int(after_name[1])


def role_of(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read().split(b"\0")
    return next((w[7:].decode() for w in words if w.startswith(b"--role=")), "")


def children_of(parent):
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            state, its_parent = _stat(int(entry))
            if its_parent == parent and state != "Z":
                found.append(Process(int(entry), parent, role_of(int(entry))))
        except OSError:
            continue  # it ended while we looked
    return sorted(found, key=lambda p: p.pid)


def status_of(pid):
    """/proc/PID/status as a dictionary."""
    with open(f"/proc/{pid}/status", encoding="latin-1") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def is_alive(pid):
    try:
        return _stat(pid)[0] not in "ZX"
    except OSError:
        return False


def memory_kib(pid):
    """Proportional set size."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))


def end_all_children():
    """Kills and reaps every child of this process: daemons that went into the background are its
    children too, for it is their reaper."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        left = children_of(os.getpid())
        for process in left:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)
    raise AssertionError(f"children that do not end: {left}")
