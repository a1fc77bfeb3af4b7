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
from pathlib import Path

import pytest

from harness import processes, spool, tls
from harness.daemons import PASSWORD, Samhain
from harness.protocol3 import Peer, body
from harness.waiting import stays, wait_for
from harness.world import ADDRESS_OF, CLIENT1, CLIENT2

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
    found = collections.Counter(spool.delivered(yule.log_lines(), SHORT))
    lost, doubled = expected - found, found - expected
    assert not lost and not doubled, (
        f"lost {sum(lost.values())}: {list(lost)[:3]}\n"
        f"doubled {sum(doubled.values())}: {list(doubled)[:3]}")


def wait_delivered(truth, yule, bound=60.0):
    wait_for("all reports are in the server's log",
             lambda: spool.count_delivered(yule.log, SHORT) >= truth.count(), bound,
             lambda: f"{spool.count_delivered(yule.log, SHORT)} of {truth.count()}\n{yule.told()}")


def test_what_a_check_could_not_send_is_sent_by_the_next(yule, samhain, truth):
    samhain.init()
    (samhain.tree / "f").write_text("x\n")
    samhain.check()
    assert any(dict(fields).get("path") == str(samhain.tree / "f")
               for _, _, fields in expected_lines(truth))
    yule.start()
    samhain.check()
    wait_delivered(truth, yule)
    assert spool.delivered(yule.log_lines(), SHORT) == expected_lines(truth)


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


class Pump(threading.Thread):
    """A client of our own that sends numbered reports without a pause, so that a kill finds some on
    their way at any moment; what was not acknowledged it sends again, as the protocol says."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.peer = Peer(CLIENT2, port, PASSWORD, source=ADDRESS_OF[CLIENT2])
        self.acked, self.unheard, self.failure = 0, 0, None
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.is_set():
            try:
                with self.peer:
                    self.converse()
            except (tls.Closed, OSError):
                self.is_over.wait(0.05)  # the server is away
            except AssertionError as failure:
                self.failure = failure
                return

    def converse(self):
        self.peer.authenticate()
        # 0: the server knows nothing of us yet.  Else it may never ask for what it acknowledged.
        assert self.peer.next_seq == 0 or self.peer.next_seq > self.acked, "acknowledged and lost"
        self.unheard += self.peer.next_seq - 1 > self.acked  # logged, and the ACK was lost
        self.acked = max(self.acked, self.peer.next_seq - 1)
        while not self.is_over.wait(0.03):
            last = self.acked + 8
            self.peer.tls.send(b"".join(
                self.peer.report_frame(seq, body(b"n%d" % seq))
                for seq in range(self.acked + 1, last + 1)))
            while self.acked < last:
                seq = self.peer.acknowledged()
                assert self.acked < seq <= last
                self.acked = seq

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.join(20)


class Killer:
    """Kills one process at a time, and starts again what an init system would."""

    PARENTS = {"keeper": "--foreground", "scanner": "-t check -f"}

    def __init__(self, yule, samhain, seed):
        self.daemons = {"keeper": yule, "scanner": samhain}
        self.random = random.Random(seed)
        self.killed = collections.Counter()

    @property
    def count(self):
        return sum(self.killed.values())

    def start_missing(self):
        for parent, arguments in self.PARENTS.items():
            if self.daemons[parent].process.poll() is not None:
                self.daemons[parent].spawn(*arguments.split())

    def victims(self):
        """Kind -> pids of all that live; a daemon's parent is known by its role."""
        found = collections.defaultdict(list)
        for parent, daemon in self.daemons.items():
            found[parent].append(daemon.pid)
            for process in daemon.roles():
                found[process.role or "starting"].append(process.pid)
        return found

    def strike(self):
        # A role comes back after a delay that doubles with each death, and only a new parent begins
        # anew with it: so parents more often.
        victims = self.victims()
        kinds = sorted(victims) + 2 * list(self.PARENTS)
        kind = self.random.choice(kinds)
        try:
            os.kill(self.random.choice(victims[kind]), signal.SIGKILL)
        except ProcessLookupError:
            return
        if kind in self.PARENTS:
            self.daemons[kind].process.wait(10)
        self.killed[kind] += 1

    def wait_for_a_moment(self, truth):
        """Any moment, or the one in which reports begin to flow."""
        until = time.monotonic() + self.random.choice((0.0, 0.1, 0.4, 0.8, 1.2))
        if self.random.random() < 0.4:
            before, until = truth.size(), time.monotonic() + 1.5
            wait_for("reports", lambda: truth.size() != before or time.monotonic() >= until)
            return
        wait_for("the moment", lambda: time.monotonic() >= until)


def test_kill_9_of_any_process_at_any_moment_loses_no_report_and_doubles_none(
        yule, samhain, truth):
    seed = int(os.environ.get("SAMHAIN_E2E_SEED", time.time_ns() % 1_000_000))
    print(f"SAMHAIN_E2E_SEED={seed}")
    for number in range(60):
        (samhain.tree / f"f{number}").write_text("x\n")
    for daemon in (samhain, yule):
        daemon.set("Log", "PrintSeverity", "none")
    yule.set("Misc", "SetMaxFailedAttempts", 1_000_000)  # a role's death may look like one
    yule.register(CLIENT2)
    samhain.init()
    yule.start()
    samhain.start()
    killer = Killer(yule, samhain, seed)
    deadline = time.monotonic() + 240
    with Churn(samhain.tree), Pump(yule.port) as pump:
        while killer.count < KILLS:
            assert time.monotonic() < deadline, killer.killed
            killer.wait_for_a_moment(truth)
            killer.start_missing()
            killer.strike()
            killer.start_missing()
            if killer.count % 20 == 0:
                before = spool.count_delivered(yule.log, SHORT), pump.acked
                wait_for("reports flow", lambda b=before: spool.count_delivered(
                    yule.log, SHORT) > b[0] and pump.acked > b[1], 120, yule.told)  # twice a longest pause
    assert pump.failure is None
    killer.start_missing()
    wait_delivered(truth, yule, 90)
    samhain.stop(60)
    wait_delivered(truth, yule)
    stays("no more than was submitted",
          lambda: spool.count_delivered(yule.log, SHORT) == truth.count(), 0.5)
    print(f"{dict(killer.killed)}; {truth.count()} reports of the agent, {pump.acked} of the pump, "
          f"which missed the ACK {pump.unheard} times")
    assert_exactly_once(truth, yule)
    numbers = [int(line.msg[1:]) for line in yule.client_lines("client2")]
    assert numbers == list(range(1, len(numbers) + 1)), "once each and in order"
    assert len(numbers) >= pump.acked
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


def test_a_reload_while_the_disk_under_the_agents_log_is_full_loses_nothing(samhain, small_disk):
    samhain.set("Log", "ExportSeverity", "none")
    small_disk(samhain.log.parent)
    samhain.init()
    samhain.start()
    ballast = fill(samhain.log.parent)
    wanted = {str(samhain.tree / f"f{number}") for number in range(40)}
    for path in wanted:
        Path(path).write_text("x\n", encoding="ascii")

    def told(lines):
        return [one.get("path") for one in lines if one.msg == "POLICY ADDED"]

    wait_for("the findings", lambda: set(told(samhain.stderr_lines())) >= wanted, 30, samhain.told)
    samhain.wait_line(source="stderr", severity="ERROR", msg="Service failure", service="logfile")
    assert not set(told(samhain.log_lines())) >= wanted, "the disk was not full"
    samhain.signal(signal.SIGHUP)
    samhain.wait_line(source="stderr", msg="Runtime configuration reloaded")
    ballast.unlink()
    wait_for("the findings in the log", lambda: set(told(samhain.log_lines())) >= wanted, 30,
             samhain.told)
    assert sorted(told(samhain.log_lines())) == sorted(wanted), "each once"


def test_a_full_spool_gives_up_the_least_important_and_says_how_many(yule, samhain):
    samhain.set("Misc", "SetSpoolLimit", 2)
    samhain.set("Log", "ExportSeverity", "info")
    samhain.init()
    samhain.start()
    for step in range(4):
        checks = samhain.count(msg="File check completed.")
        for number in range(1200):
            (samhain.tree / f"{'n' * 240}{number}").write_text(f"{step}\n")
        samhain.wait_checks(checks + 2)
    yule.start()
    line = yule.wait_line(60, inner=True, msg=re.compile("^Reports lost"))
    assert int(line.inner.get("count")) > 0
