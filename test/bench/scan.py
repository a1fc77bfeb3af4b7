"""Times init and check of a tree of real files against the floor and Debian's peers.

Every round runs each command once, in an order that turns from round to round, so that a shared
machine's drift hits all alike.  Prints for each the medians [lowest .. highest] of wall time, of CPU time
of all its processes, peak memory of all of them together, and the ratio to the floor of the same round.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

ATTRIBUTES_AIDE = "p+i+n+u+g+s+b+m+c+ftype+l+sha256"


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--peers", help="folder with Debian's peers unpacked; without: only the floor and samhain")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=100_000)
    return parser.parse_args()


def make_corpus(directory, wanted):
    """A copy of this system's own trees, again under another name until there are enough files."""
    marker = os.path.join(directory, ".complete")
    tree = os.path.join(directory, "tree")
    if os.path.exists(marker) and open(marker).read().split()[0] == str(wanted):
        return tree
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(tree)
    have, copies = 0, 0
    while have < wanted:
        copies += 1
        for source in ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/share", "/usr/include", "/etc"):
            target = os.path.join(tree, str(copies), source.strip("/").replace("/", "-"))
            os.makedirs(target)
            for here, subdirs, names in os.walk(source):
                place = os.path.join(target, os.path.relpath(here, source))
                os.makedirs(place, exist_ok=True)
                subdirs[:] = [d for d in subdirs if not os.path.ismount(os.path.join(here, d))]
                for name in names:
                    file = os.path.join(here, name)
                    if have >= wanted:
                        break
                    if os.path.islink(file):
                        os.symlink(os.readlink(file), os.path.join(place, name))
                    elif os.path.isfile(file):
                        shutil.copy2(file, os.path.join(place, name))
                        have += 1
            if have >= wanted:
                break
    with open(marker, "w") as f:
        f.write(f"{wanted}\n")
    return tree


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o600)


class Memory(threading.Thread):
    """Peak of the summed proportional memory (PSS) of a process group, in MiB."""

    def __init__(self, group):
        super().__init__(daemon=True)
        self.group, self.peak, self.going = group, 0, True

    def run(self):
        while self.going:
            total = 0
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    if os.getpgid(int(pid)) != self.group:
                        continue
                    for line in open(f"/proc/{pid}/smaps_rollup"):
                        if line.startswith("Pss:"):
                            total += int(line.split()[1])
                except (OSError, ValueError):
                    continue
            self.peak = max(self.peak, total / 1024)
            time.sleep(0.05)


def run(command, environment):
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=environment, start_new_session=True)
    memory = Memory(process.pid)
    memory.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    memory.going = False
    memory.join()
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "memory": memory.peak,
            "status": process.returncode}


def our_commands(build, tree, work):
    """name -> (command, environment); init comes before the check that needs its baseline."""
    ours = f"{work}/ours"
    write(f"{ours}/samhainrc", f"""[Log]
PrintSeverity=none
LogSeverity=err
ExportSeverity=none
[Misc]
SetDatabasePath={ours}/state/samhain_file
SetLogfilePath={ours}/samhain_log
SetLockfilePath={ours}/samhain.pid
SetSpoolPath={ours}/state/spool
[ReadOnly]
dir=99{tree}
""")
    os.makedirs(f"{ours}/state", exist_ok=True)
    samhain = [f"{build}/samhain", f"--config-file={ours}/samhainrc", "-t"]
    return {
        "floor": ([f"{build}/test/bench/floor", tree], os.environ),
        "samhain init": (samhain + ["init"], os.environ),
        "samhain check": (samhain + ["check"], os.environ),
    }


def peers_commands(peers, tree, work):
    libraries = dict(os.environ, LD_LIBRARY_PATH=f"{peers}/usr/lib/x86_64-linux-gnu:{peers}/lib/x86_64-linux-gnu")
    write(f"{work}/aide.conf", f"""database_in=file:{work}/aide.db
database_out=file:{work}/aide.db
gzip_dbout=no
log_level=error
report_level=changed_attributes
report_url=file:{work}/aide.report
num_workers=2
{tree} {ATTRIBUTES_AIDE}
""")
    write(f"{work}/samhain/etc/samhainrc", f"""[ReadOnly]
dir=99{tree}
[Log]
MailSeverity=none
PrintSeverity=none
LogSeverity=err
SyslogSeverity=none
[Misc]
Daemon=no
DigestAlgo=SHA256
SetDatabasePath={work}/samhain/file
SetLogfilePath={work}/samhain/log
SetLockfilePath={work}/samhain/pid
[EOF]
""")
    write(f"{work}/tw.txt", "".join(f"{k}={v}\n" for k, v in {
        "ROOT": f"{peers}/usr/sbin", "POLFILE": f"{work}/tw.pol", "DBFILE": f"{work}/tw.twd",
        "REPORTFILE": f"{work}/tw.twr", "SITEKEYFILE": f"{work}/site.key", "LOCALKEYFILE": f"{work}/local.key",
        "EDITOR": "/bin/true", "LATEPROMPTING": "false", "LOOSEDIRECTORYCHECKING": "false",
        "MAILNOVIOLATIONS": "false", "EMAILREPORTLEVEL": "0", "REPORTLEVEL": "1", "SYSLOGREPORTING": "false",
        "MAILMETHOD": "SMTP", "SMTPHOST": "localhost", "SMTPPORT": "25", "TEMPDIRECTORY": work}.items()))
    write(f"{work}/twpol.txt", f'"{tree}" -> +pinugsmbcS ;\n')
    twadmin = f"{peers}/usr/sbin/twadmin"
    for arguments in (("-m", "G", "-S", f"{work}/site.key", "-Q", "bench"),
                      ("-m", "G", "-L", f"{work}/local.key", "-P", "bench"),
                      ("-m", "F", "-c", f"{work}/tw.cfg", "-S", f"{work}/site.key", "-Q", "bench", f"{work}/tw.txt"),
                      ("-m", "P", "-c", f"{work}/tw.cfg", "-p", f"{work}/tw.pol", "-S", f"{work}/site.key", "-Q",
                       "bench", f"{work}/twpol.txt")):
        subprocess.run([twadmin, *arguments], check=True, stdout=subprocess.DEVNULL)

    def samhain_of_debian(action):
        clean = f"rm -f {work}/samhain/pid {work}/samhain/log*;"
        clean += f"rm -f {work}/samhain/file;" if action == "init" else ""
        return ["unshare", "-m", "sh", "-c", f"{clean} mount --make-rprivate / && mkdir -p /etc/samhain && "
                f"mount --bind {work}/samhain/etc /etc/samhain && "
                f"exec {peers}/usr/sbin/samhain -t {action} --foreground"]

    tripwire = f"{peers}/usr/sbin/tripwire"
    aide = [f"{peers}/usr/bin/aide", f"--config={work}/aide.conf"]
    return {
        "Debian aide init": (aide + ["--init"], libraries),
        "Debian aide check": (aide + ["--check"], libraries),
        "Debian samhain init": (samhain_of_debian("init"), libraries),
        "Debian samhain check": (samhain_of_debian("check"), libraries),
        "Debian tripwire init (SHA-1)": ([tripwire, "-m", "i", "-s", "-c", f"{work}/tw.cfg", "-P", "bench"], os.environ),
        "Debian tripwire check (SHA-1)": ([tripwire, "-m", "c", "-s", "-c", f"{work}/tw.cfg"], os.environ),
    }


def spread(values, form="{:.2f}"):
    return " ".join([form.format(statistics.median(values)),
                     "[" + form.format(min(values)), "..", form.format(max(values)) + "]"])


def main():
    options = parse_arguments()
    directory = os.path.join(options.build, "bench")
    print(f"corpus: {options.files} real files ...", flush=True)
    tree = make_corpus(os.path.join(directory, "corpus"), options.files)
    # Not below the build: root trusts no configuration in a folder that somebody else owns.
    work = tempfile.mkdtemp(prefix="samhain-bench-")
    all_commands = our_commands(options.build, tree, work)
    if options.peers:
        all_commands |= peers_commands(options.peers, tree, work)
    size = sum(os.lstat(os.path.join(here, name)).st_size for here, _, names in os.walk(tree) for name in names)
    print(f"{size / 2**30:.2f} GiB; {os.cpu_count()} cores; {options.rounds} rounds", flush=True)
    run(*all_commands["floor"])  # warm the cache
    results = {name: [] for name in all_commands}
    groups = list(dict.fromkeys(name.replace(" check", " init") for name in all_commands))
    for number in range(options.rounds):
        turned = groups[number % len(groups):] + groups[:number % len(groups)]
        for group in turned:
            for name in dict.fromkeys((group, group.replace(" init", " check"))):
                result = run(*all_commands[name])
                results[name].append(result)
                print(f"  round {number + 1} {name}: {result['wall']:.2f} s, status {result['status']}", flush=True)
    print(f"\n| {options.files} files | wall, s | CPU, s | peak memory, MiB | wall / floor | status |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, runs in results.items():
        ratios = [r["wall"] / floor["wall"] for r, floor in zip(runs, results["floor"])]
        print(f"| {name} | {spread([r['wall'] for r in runs])} | {spread([r['cpu'] for r in runs])} | "
              f"{statistics.median(r['memory'] for r in runs):.0f} | {spread(ratios)} | "
              f"{','.join(sorted({str(r['status']) for r in runs}))} |")
    shutil.rmtree(work)


main()
