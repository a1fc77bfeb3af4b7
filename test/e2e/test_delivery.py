"""A report that was submitted arrives in the server's log: once, in order, whatever dies meanwhile."""

import collections
import os
import random
import re
import select
import signal
import subprocess
import threading
import time

import pytest

from harness import processes, spool
from harness.daemons import PASSWORD, Samhain
from harness.protocol3 import Peer, body
from harness.waiting import stays, wait_for
from harness.world import ADDRESS_OF, CLIENT1

KILLS = int(os.environ.get("SAMHAIN_E2E_KILLS", "200"))
SHORT = "client1"


@pytest.fixture
def truth(samhain, folder):
    with spool.Truth(samhain.spool, folder / "truth") as keeper:
        yield keeper


def expected_lines(truth):
    return [spool.line_of(content) for _, content in sorted(truth.submitted().items())]


def assert_exactly_once(truth, yule):
    expected = collections.Counter(expected_lines(truth))
    found = collections.Counter(spool.delivered(yule.log_lines()))
    lost, doubled = expected - found, found - expected
    assert not lost and not doubled, (
        f"lost {sum(lost.values())}: {list(lost)[:3]}\n"
        f"doubled {sum(doubled.values())}: {list(doubled)[:3]}")


def wait_delivered(truth, yule, bound=60.0):
    wait_for("all reports are in the server's log",
             lambda: spool.count_delivered(yule.log) >= truth.count(), bound,
             lambda: f"{spool.count_delivered(yule.log)} of {truth.count()}\n{yule.told()}")


def test_reports_wait_while_the_server_is_away_and_arrive_once_and_in_order(
        yule, samhain, truth):
    samhain.init()
    samhain.start()
    for number in range(30):
        (samhain.tree / f"f{number}").write_text("x\n")
    samhain.wait_line(msg="POLICY ADDED", path=str(samhain.tree / "f29"))
    samhain.wait_line(severity="ERROR", msg=re.compile("^Connection refused, address 127.0.0.1"))
    samhain.wait_line(severity="ERROR", msg="Service failure", service="log server")
    yule.start()
    wait_delivered(truth, yule)
    arrived = spool.delivered(yule.log_lines())
    assert arrived == expected_lines(truth)[:len(arrived)]
    samhain.wait_line(msg="Connection reestablished", service="log server")
    assert samhain.count(msg="Service failure", service="log server") == 1
    samhain.stop()
    yule.wait_line(inner=True, msg="EXIT")
    wait_delivered(truth, yule)
    assert spool.delivered(yule.log_lines()) == expected_lines(truth)


def test_what_a_check_could_not_send_is_sent_by_the_next(yule, samhain, truth):
    samhain.init()
    (samhain.tree / "f").write_text("x\n")
    samhain.check()
    assert any(dict(fields).get("path") == str(samhain.tree / "f")
               for _, _, fields in expected_lines(truth))
    yule.start()
    samhain.check()
    wait_delivered(truth, yule)
    assert spool.delivered(yule.log_lines()) == expected_lines(truth)


def test_a_restart_of_the_server_asks_for_authentication_and_loses_nothing(yule, samhain, truth):
    yule.start()
    samhain.init()
    samhain.start()
    yule.wait_line(msg="NEW CLIENT", client=CLIENT1)
    yule.stop()
    (samhain.tree / "while-away").write_text("x\n")
    yule.start()
    yule.wait_line(60, inner=True, msg="POLICY ADDED", path=str(samhain.tree / "while-away"))
    assert yule.count(severity="CRIT", msg="Restart without prior exit") == 0
    assert yule.count(msg="Force authentication", client=CLIENT1) >= 1
    wait_delivered(truth, yule)
    assert_exactly_once(truth, yule)


def test_a_killed_agent_is_told_as_restart_without_prior_exit(yule, samhain, truth):
    yule.start()
    samhain.init()
    samhain.start()
    yule.wait_line(msg="NEW CLIENT", client=CLIENT1)
    samhain.kill()
    samhain.start()
    line = yule.wait_line(msg="Restart without prior exit", client=CLIENT1)
    assert line.severity == "CRIT"
    samhain.stop()
    wait_delivered(truth, yule)
    assert_exactly_once(truth, yule)


def test_a_clean_end_and_a_new_start_is_a_new_client_without_a_complaint(yule, samhain):
    yule.start()
    samhain.init()
    for _ in range(2):
        samhain.start()
        samhain.stop()
    wait_for("two greetings", lambda: yule.count(msg="NEW CLIENT") >= 2, told=yule.told)
    assert yule.count(msg="Restart without prior exit") == 0


# --- exactly once --------------------------------------------------------------------------------------


class Churn(threading.Thread):
    """Changes files all the time, so that reports flow."""

    def __init__(self, tree):
        super().__init__(daemon=True)
        self.tree, self.is_over = tree, threading.Event()

    def run(self):
        step = 0
        while not self.is_over.wait(0.02):
            step += 1
            (self.tree / f"f{step % 60}").write_text(f"{step}\n")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.join(10)


class Killer:
    """Kills one process at a time, and starts again what an init system would."""

    def __init__(self, yule, samhain, seed):
        self.yule, self.samhain = yule, samhain
        self.random = random.Random(seed)
        self.killed = collections.Counter()

    def start_missing(self):
        if self.yule.process.poll() is not None:
            self.yule.spawn("--foreground")
        if self.samhain.process.poll() is not None:
            self.samhain.spawn("-t", "check", "-f")

    def victims(self):
        """(name, pid) of all that live; a daemon's parent counts as its role."""
        found = []
        for daemon, parent in ((self.yule, "keeper"), (self.samhain, "scanner")):
            # A role comes back after a delay that doubles with each death; only a new parent begins
            # anew with it.  So parents are a third of all.
            roles = [(process.role or "starting", process.pid) for process in daemon.roles()]
            found += roles + [(parent, daemon.pid)] * max(1, len(roles) // 2)
        return found

    def strike(self):
        name, pid = self.random.choice(self.victims())
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        if name in ("keeper", "scanner"):
            daemon = self.yule if name == "keeper" else self.samhain
            daemon.process.wait(10)
        self.killed[name] += 1


def test_kill_9_of_any_process_at_any_moment_loses_no_report_and_doubles_none(
        yule, samhain, truth):
    seed = int(os.environ.get("SAMHAIN_E2E_SEED", time.time_ns() % 1_000_000))
    print(f"SAMHAIN_E2E_SEED={seed}")
    for number in range(60):
        (samhain.tree / f"f{number}").write_text("x\n")
    samhain.set("Log", "PrintSeverity", "none")
    yule.set("Log", "PrintSeverity", "none")
    samhain.init()
    yule.start()
    samhain.start()
    killer = Killer(yule, samhain, seed)
    deadline = time.monotonic() + 240
    with Churn(samhain.tree):
        while sum(killer.killed.values()) < KILLS:
            assert time.monotonic() < deadline, killer.killed
            pause = time.monotonic() + killer.random.choice((0.0, 0.1, 0.4, 0.8, 1.2))
            wait_for("the moment", lambda at=pause: time.monotonic() >= at)
            killer.start_missing()
            killer.strike()
            killer.start_missing()
            if sum(killer.killed.values()) % 20 == 0:
                before = spool.count_delivered(yule.log)
                wait_for("reports flow", lambda b=before: spool.count_delivered(yule.log) > b, 60,
                         yule.told)
    print(dict(killer.killed))
    killer.start_missing()
    wait_delivered(truth, yule, 90)
    samhain.stop(60)
    wait_delivered(truth, yule, 60)
    stays("no more than was submitted",
          lambda: spool.count_delivered(yule.log) == truth.count(), 0.5)
    assert_exactly_once(truth, yule)
    for role in ("keeper", "front", "gate", "resolver", "scanner", "measurer", "courier"):
        assert killer.killed[role], f"{role} was never hit: {killer.killed}"


# --- full disks -------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(folder):
    """mount(path, owner) puts a file system of 1 MiB on a directory."""
    mounted = []

    def mount(path, owner=0):
        path.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=1m,mode=0755,uid={owner},gid={owner}",
                        "none", str(path)], check=True)
        mounted.append(path)
        return path

    yield mount
    processes.end_all_children()
    for path in mounted:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def fill(directory):
    """Takes all room of the file system that `directory` is on; returns the file to remove."""
    ballast = directory / "ballast"
    fd = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    size = 65_536
    while size:
        try:
            os.write(fd, b"x" * size)
        except OSError:
            size //= 2
    os.close(fd)
    return ballast


def test_a_full_disk_under_the_servers_log_delays_reports_and_loses_none(
        yule, samhain, truth, small_disk):
    small_disk(yule.log.parent, yule.identity_ids()[0])
    yule.start()
    samhain.init()
    samhain.start()
    yule.wait_line(inner=True, msg="File check completed.")
    ballast = fill(yule.log.parent)
    for number in range(40):
        (samhain.tree / f"f{number}").write_text("x\n")
    samhain.wait_line(msg="POLICY ADDED", path=str(samhain.tree / "f39"))
    yule.wait_line(source="stderr", severity="ERROR", msg="Service failure", service="logfile")
    stays("the server", lambda: yule.process.poll() is None, 0.5)
    ballast.unlink()
    yule.wait_line(60, inner=True, msg="POLICY ADDED", path=str(samhain.tree / "f39"))
    wait_delivered(truth, yule)
    assert_exactly_once(truth, yule)


def test_nothing_is_acknowledged_that_is_not_on_the_disk(yule, small_disk):
    small_disk(yule.log.parent, yule.identity_ids()[0])
    yule.start()
    text = b"second" * 2000
    with Peer(CLIENT1, yule.port, PASSWORD, source=ADDRESS_OF[CLIENT1]) as peer:
        peer.authenticate()
        assert peer.report(1, body(b"first")) == 1
        ballast = fill(yule.log.parent)
        peer.tls.send(peer.report_frame(2, body(text)))
        yule.wait_line(source="stderr", severity="ERROR", msg="Service failure", service="logfile")
        stays("no answer", lambda: not select.select([peer.tls.socket], [], [], 0)[0], 0.5)
        ballast.unlink()
        assert peer.acknowledged() == 2, "as soon as there is room"
    with Peer(CLIENT1, yule.port, PASSWORD, source=ADDRESS_OF[CLIENT1], spool=peer.spool) as again:
        assert again.authenticate().next_seq == 3
        assert again.report(2, body(text)) >= 2
    assert yule.count(inner=True, msg=text.decode()) == 1


def test_a_full_disk_under_the_spool_is_told_and_ends_when_there_is_room(
        yule, folder, small_disk):
    samhain = Samhain(folder)
    small_disk(samhain.state)
    samhain.state.chmod(0o700)
    samhain.init()
    samhain.start()
    ballast = fill(samhain.state)
    for number in range(200):
        (samhain.tree / f"f{number}").write_text("x\n")
    samhain.wait_line(severity="ERROR", msg="Service failure", service="log server")
    stays("the agent", lambda: samhain.process.poll() is None, 0.5)
    ballast.unlink()
    yule.start()
    (samhain.tree / "afterwards").write_text("x\n")
    yule.wait_line(60, inner=True, msg="POLICY ADDED", path=str(samhain.tree / "afterwards"))


def test_a_full_disk_under_the_agents_log_is_told_and_ends_when_there_is_room(
        yule, samhain, small_disk):
    small_disk(samhain.log.parent)
    yule.start()
    samhain.init()
    samhain.start()
    ballast = fill(samhain.log.parent)
    for number in range(40):
        (samhain.tree / f"f{number}").write_text("x\n")
    yule.wait_line(inner=True, severity="ERROR", msg="Service failure", service="logfile")
    ballast.unlink()
    (samhain.tree / "afterwards").write_text("x\n")
    samhain.wait_line(30, msg="POLICY ADDED", path=str(samhain.tree / "afterwards"))


def test_a_full_spool_gives_up_the_least_important_and_says_how_many(yule, samhain):
    samhain.set("Misc", "SetSpoolLimit", 2)
    samhain.set("Log", "ExportSeverity", "info")
    samhain.init()
    samhain.start()
    for step in range(12):
        checks = samhain.count(msg="File check completed.")
        for number in range(500):
            (samhain.tree / f"{'n' * 100}{number}").write_text(f"{step}\n")
        samhain.wait_checks(checks + 2)
    yule.start()
    line = yule.wait_line(60, inner=True, msg=re.compile("^Reports lost"))
    assert int(line.inner.get("count")) > 0
