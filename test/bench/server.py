"""How much a yule takes: acknowledged reports, authentications, crowds of clients.

Runs a real yule, with fsync on, in private namespaces (test/e2e/harness), against
test/bench/server_load; medians of the rounds.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOP / "test" / "e2e"))

IDLE_CLIENTS = 2_000       # memory of each
RETURNING_CLIENTS = 5_000  # come back when the server has started again
CROWD = 10_000             # open connections, while one more client reports
MARKS_AN_HOUR = 6
TARGET_REPORTS, TARGET_LOGINS = 30_000, 300
TARGET_RETURN_S, TARGET_CROWD_KIB, TARGET_LATENCY_MS = 60, 40, 100

# As kExponentX of member.h: all clients share one salt and v = g^x.
EXPONENT_X = 3


def registrations(protocol3):
    verifier = pow(protocol3.G, EXPONENT_X, protocol3.N)
    return [f"Client=load{number}.bench.test@{'00' * 16}@{verifier:0768X}"
            for number in range(CROWD)]


def start_yule(folder):
    from harness import protocol3
    from harness.daemons import Yule
    yule = Yule(folder)
    yule.set("Misc", "SetMaxUnauthenticated", 100_000)
    yule.set("Misc", "SeverityLookup", "debug")
    yule.set("Log", "PrintSeverity", "none")
    yule.set("Log", "LogSeverity", "mark")
    for line in registrations(protocol3):
        yule.add("Clients", line)
    return yule.start()


def cpu_seconds(yule):
    ticks = 0
    for pid in [yule.pid, *(process.pid for process in yule.roles())]:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            fields = file.read().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_kib(yule):
    from harness.processes import memory_kib
    return sum(memory_kib(pid) for pid in [yule.pid, *(p.pid for p in yule.roles())])


class Bench:
    def __init__(self, build, seconds):
        self.load = str(build / "test" / "bench" / "server_load")
        self.seconds = seconds

    def run(self, mode, connections):
        """(rate, CPU seconds of the server) of one run against a fresh server."""
        with fresh_server() as yule:
            before = cpu_seconds(yule)
            done = subprocess.run(
                [self.load, str(yule.port), mode, str(connections), str(self.seconds)],
                stdout=subprocess.PIPE, check=True, timeout=self.seconds + 60, text=True)
            return float(done.stdout), cpu_seconds(yule) - before

    def set_up(self, yule, mode, count, seconds=None):
        """A load that has said that it is ready."""
        arguments = [self.load, str(yule.port), mode, str(count)]
        if seconds:
            arguments.append(str(seconds))
        load = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert load.stdout.readline() == "ready\n", "the load did not come up"
        return load

    def memory(self, count):
        """KiB of the server for each idle client."""
        with fresh_server() as yule:
            before = pss_kib(yule)
            with self.set_up(yule, "idle", count) as load:
                after = pss_kib(yule)
                load.stdin.close()
            return (after - before) / count

    def figures(self, mode, count, seconds=None):
        """(what the load prints when it is told to go on, CPU seconds of the server meanwhile)."""
        with fresh_server() as yule, self.set_up(yule, mode, count, seconds) as load:
            before = cpu_seconds(yule)
            load.stdin.close()
            line = load.stdout.readline()
            assert line, "the load failed"
            return [float(word) for word in line.split()], cpu_seconds(yule) - before


class fresh_server:
    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="samhain-bench-"))
        self.folder.chmod(0o755)
        self.yule = start_yule(self.folder)
        return self.yule

    def __exit__(self, *_):
        self.yule.stop(60)
        shutil.rmtree(self.folder, ignore_errors=True)


def row(what, value, target):
    print(f"{what:<58} {value:>12}   {target}", flush=True)


def measure_throughput(bench, rounds):
    for connections in (1, 64):
        runs = [bench.run("reports", connections) for _ in range(rounds)]
        rate = statistics.median(rate for rate, _ in runs)
        row(f"acknowledged reports a second, {connections} connection(s), fsync on",
            f"{rate:,.0f}", f"target {TARGET_REPORTS:,}")
    runs = [bench.run("logins", 32) for _ in range(rounds)]
    row("authentications a second, TLS handshake included",
        f"{statistics.median(rate for rate, _ in runs):,.0f}", "")
    per_core = statistics.median(rate * bench.seconds / cpu for rate, cpu in runs)
    row("authentications a second and core of the server", f"{per_core:,.0f}",
        f"target {TARGET_LOGINS}")


def measure_crowds(bench, rounds):
    few = min(rounds, 3)
    for mode, how in (("arrive", "authenticate"), ("return", "resume")):
        seconds = statistics.median(bench.figures(mode, RETURNING_CLIENTS)[0][0]
                                    for _ in range(few))
        row(f"seconds until {RETURNING_CLIENTS:,} clients are back, who {how}", f"{seconds:.1f}",
            f"target {TARGET_RETURN_S}")
    cpu = statistics.median(bench.figures("marks", RETURNING_CLIENTS)[1] for _ in range(few))
    row("CPU of the server a client and hour, a mark every ten minutes",
        f"{cpu / RETURNING_CLIENTS * MARKS_AN_HOUR * 1000:.1f} ms", "")
    for count, target in ((IDLE_CLIENTS, ""), (CROWD - 1, f"target {TARGET_CROWD_KIB}")):
        memory = statistics.median(bench.memory(count) for _ in range(few))
        row(f"memory for each of {count:,} open clients (PSS)", f"{memory:.1f} KiB", target)
    runs = [bench.figures("latency", CROWD, bench.seconds)[0] for _ in range(few)]
    for name, index in (("median", 0), ("99th of 100", 1)):
        row(f"ms from report to acknowledgement beside {CROWD - 1:,} clients, {name}",
            f"{statistics.median(run[index] for run in runs):.1f}",
            "" if index else f"target {TARGET_LATENCY_MS}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    arguments = parser.parse_args()
    os.environ["SAMHAIN_BUILD"] = str(arguments.build.resolve())
    from harness import world
    world_folder = world.enter()
    bench = Bench(arguments.build.resolve(), arguments.seconds)
    try:
        print(f"server: medians of {arguments.rounds} runs of {arguments.seconds} s, "
              f"{os.cpu_count()} cores shared with the load")
        measure_throughput(bench, arguments.rounds)
        measure_crowds(bench, arguments.rounds)
    finally:
        shutil.rmtree(world_folder, ignore_errors=True)


if __name__ == "__main__":
    main()
