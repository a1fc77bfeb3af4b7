"""How much a yule takes: acknowledged reports, authentications, memory of an open client.

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

IDLE_CLIENTS = 2000
TARGET_REPORTS, TARGET_LOGINS = 30_000, 300

# As kExponentX of member.h: all clients share one salt and v = g^x.
EXPONENT_X = 3


def registrations(protocol3):
    verifier = pow(protocol3.G, EXPONENT_X, protocol3.N)
    return [f"Client=load{number}.bench.test@{'00' * 16}@{verifier:0768X}"
            for number in range(IDLE_CLIENTS)]


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

    def memory(self):
        """KiB of the server for each idle client."""
        with fresh_server() as yule:
            before = pss_kib(yule)
            with subprocess.Popen([self.load, str(yule.port), "idle", str(IDLE_CLIENTS)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
                assert load.stdout.readline() == "ready\n", "the load did not come up"
                after = pss_kib(yule)
                load.stdin.close()
            return (after - before) / IDLE_CLIENTS


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
        for connections in (1, 64):
            runs = [bench.run("reports", connections) for _ in range(arguments.rounds)]
            rate = statistics.median(rate for rate, _ in runs)
            row(f"acknowledged reports a second, {connections} connection(s), fsync on",
                f"{rate:,.0f}", f"target {TARGET_REPORTS:,}")
        runs = [bench.run("logins", 32) for _ in range(arguments.rounds)]
        row("authentications a second, TLS handshake included",
            f"{statistics.median(rate for rate, _ in runs):,.0f}", "")
        per_core = statistics.median(
            rate * arguments.seconds / cpu for rate, cpu in runs)
        row("authentications a second and core of the server", f"{per_core:,.0f}",
            f"target {TARGET_LOGINS}")
        memory = statistics.median(bench.memory() for _ in range(min(arguments.rounds, 3)))
        row(f"memory for each of {IDLE_CLIENTS:,} open clients (PSS)", f"{memory:.1f} KiB", "")
    finally:
        shutil.rmtree(world_folder, ignore_errors=True)


if __name__ == "__main__":
    main()
