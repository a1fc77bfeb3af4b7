"""What each role can no longer do: the live process itself is made to try (docs/security.md)."""

import errno
import os
import socket
import subprocess

import pytest

from harness import daemons, inject, processes
from harness.inject import (AT_FDCWD, CHROOT, EXECVE, KILL, MOUNT, OPENAT, PTRACE, SETUID,
                            SOCKET)
from harness.waiting import wait_for

pytestmark = pytest.mark.skipif(not inject.SUPPORTED, reason="the probe knows x86-64 only")

O_WRITE = os.O_WRONLY | os.O_CREAT
PTRACE_ATTACH = 16


@pytest.fixture
def pair(yule, samhain):
    """Both daemons at work, with a session between them."""
    (samhain.tree / "file").write_text("x\n")
    yule.start()
    samhain.init()
    samhain.start()
    yule.wait_line(msg="NEW CLIENT")
    return yule, samhain


def attempts(pid, parent, writable):
    """What the process gets for each thing it should not do; 0 or a positive number: it may."""
    with inject.Probe(pid) as probe:
        return {
            "read a file": probe.call(OPENAT, AT_FDCWD, b"/etc/passwd", os.O_RDONLY),
            "read a secret": probe.call(OPENAT, AT_FDCWD, b"/etc/shadow", os.O_RDONLY),
            "write a file": probe.call(OPENAT, AT_FDCWD, writable, O_WRITE, 0o600),
            "make a TCP socket": probe.call(SOCKET, socket.AF_INET, socket.SOCK_STREAM, 0),
            "make a UDP socket": probe.call(SOCKET, socket.AF_INET, socket.SOCK_DGRAM, 0),
            "make a Unix socket": probe.call(SOCKET, socket.AF_UNIX, socket.SOCK_STREAM, 0),
            "make a raw socket": probe.call(SOCKET, socket.AF_INET, socket.SOCK_RAW, 1),
            "make a packet socket": probe.call(SOCKET, socket.AF_PACKET, socket.SOCK_RAW, 0),
            "become root": probe.call(SETUID, 0),
            "trace a process": probe.call(PTRACE, PTRACE_ATTACH, parent, 0, 0),
            "signal its parent": probe.call(KILL, parent, 0),
            "mount": probe.call(MOUNT, b"none", b"/tmp", b"tmpfs", 0, 0),
            "change its root": probe.call(CHROOT, b"/"),
            # Last, since it would end the process that is asked if it were allowed.
            "execute a program": probe.call(EXECVE, b"/bin/true", 0, 0),
        }


REFUSED = {-errno.EPERM, -errno.EACCES, -errno.ENOENT, -errno.ENOSYS}


def assert_may_only(role, results, allowed):
    wrong = {what: inject.name_of(result) for what, result in results.items()
             if (result in REFUSED) == (what in allowed)}
    assert not wrong, f"{role}: {wrong}"


def one_of(daemon, role):
    return wait_for(f"a {role}", lambda: daemon.roles(role))[0].pid



@pytest.mark.parametrize("role, allowed", [
    ("front", set()),
    ("gate", set()),
    # The names of peers need files, DNS, and perhaps a name service daemon; a secret is not readable
    # as this user.
    ("resolver", {"read a file", "make a UDP socket", "make a TCP socket", "make a Unix socket"}),
])
def test_a_servers_role_can_do_no_more_than_its_work(pair, role, allowed):
    yule, _ = pair
    pid = one_of(yule, role)
    target = str(yule.log.parent / "written-by-a-role").encode()
    assert_may_only(role, attempts(pid, yule.pid, target), allowed)
    assert not os.path.exists(target)
    assert_is_locked_in(pid)
    assert processes.is_alive(pid), "the probe left it alive"


@pytest.mark.parametrize("role, allowed", [
    ("measurer", {"read a file", "read a secret"}),
    ("courier", {"make a TCP socket"}),
])
def test_an_agents_role_can_do_no_more_than_its_work(pair, role, allowed):
    _, samhain = pair
    pid = one_of(samhain, role)
    target = str(samhain.folder / "written-by-a-role").encode()
    assert_may_only(role, attempts(pid, samhain.pid, target), allowed)
    assert not os.path.exists(target)
    assert_is_locked_in(pid)
    assert processes.is_alive(pid)


def assert_is_locked_in(pid):
    status = processes.status_of(pid)
    assert status["NoNewPrivs"] == "1", pid
    assert status["Seccomp"] == "2", pid
    assert "0" not in status["Uid"].split(), pid
    # Not dumpable: what /proc shows of it is root's.
    assert os.stat(f"/proc/{pid}/environ").st_uid == 0


def test_the_keeper_cannot_regain_root(pair):
    yule, _ = pair
    with inject.Probe(yule.pid) as probe:
        assert probe.call(SETUID, 0) == -errno.EPERM
        assert probe.call(OPENAT, AT_FDCWD, b"/etc/shadow", os.O_RDONLY) == -errno.EACCES
        assert probe.call(OPENAT, AT_FDCWD, b"/etc/written", O_WRITE, 0o600) == -errno.EACCES
        assert probe.call(MOUNT, b"none", b"/tmp", b"tmpfs", 0, 0) == -errno.EPERM
        assert probe.call(CHROOT, b"/") == -errno.EPERM
        assert probe.call(KILL, 1, 0) == -errno.EPERM
    # A signal from its user is possible to every process of that user; from a role it is not
    # (above).  Its own log it can write, of course:
    assert os.access(yule.log, os.W_OK)


def test_the_scanner_refuses_what_only_an_intruder_would_do(pair):
    _, samhain = pair
    with inject.Probe(samhain.pid) as probe:
        assert probe.call(MOUNT, b"none", b"/tmp", b"tmpfs", 0, 0) in REFUSED
        assert probe.call(PTRACE, PTRACE_ATTACH, os.getpid(), 0, 0) in REFUSED
        assert probe.call(SOCKET, socket.AF_PACKET, socket.SOCK_RAW, 0) in REFUSED
        assert probe.call(SOCKET, socket.AF_INET, socket.SOCK_RAW, 1) in REFUSED
    kept = int(processes.status_of(samhain.pid)["CapEff"], 16)
    for capability in (1 << 12, 1 << 13, 1 << 16, 1 << 19, 1 << 21, 1 << 25):
        assert not kept & capability, "net_admin net_raw sys_module sys_ptrace sys_admin sys_time"


def test_the_scanner_itself_holds_no_connection(pair):
    _, samhain = pair
    addresses = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        with open(f"/proc/{samhain.pid}/net/{table}", encoding="ascii") as file:
            addresses |= {line.split()[9] for line in file.readlines()[1:]}

    def network_sockets(pid):
        links = (os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
        return {link for link in links if link.startswith("socket:[") and link[8:-1] in addresses}
    assert network_sockets(samhain.pid) == set()
    assert network_sockets(one_of(samhain, "courier")), "the look finds what is there"


def test_a_role_that_serves_the_network_sees_an_empty_root(pair):
    yule, samhain = pair
    for daemon, role in ((yule, "front"), (yule, "gate"), (samhain, "courier")):
        assert entries_of_root(one_of(daemon, role)) == [], role
    assert entries_of_root(yule.pid), "the look finds what is there"


def entries_of_root(pid):
    try:
        return os.listdir(f"/proc/{pid}/root")
    except (FileNotFoundError, ProcessLookupError):
        return []  # a directory that no longer exists


def test_a_role_knows_nothing_of_its_parents_environment(pair):
    yule, samhain = pair
    for process in yule.roles() + samhain.roles():
        with open(f"/proc/{process.pid}/environ", "rb") as file:
            names = {entry.split(b"=")[0] for entry in file.read().split(b"\0") if entry}
        assert names <= {b"TZ"}, process


def test_no_role_holds_the_password_but_the_scanner(pair):
    """The memory of every other process of the agent is searched for it."""
    _, samhain = pair
    password = daemons.PASSWORD.lower().encode()
    for process in samhain.roles():
        assert not holds(process.pid, password), process
        assert not holds(process.pid, password.upper()), process


def test_front_holds_no_verifier(pair):
    yule, _ = pair
    line = next(entry for entry in yule.settings["Clients"] if entry.startswith("Client="))
    verifier = bytes.fromhex(line.split("@")[2])
    for process in yule.roles("front") + yule.roles("resolver"):
        assert not holds(process.pid, verifier[:32]), process
    assert holds(yule.pid, verifier[:32]), "the search finds what is there"


def holds(pid, needle):
    with open(f"/proc/{pid}/maps", encoding="latin-1") as maps:
        areas = [line.split() for line in maps]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for area in areas:
            if not area[1].startswith("rw"):
                continue
            begin, end = (int(x, 16) for x in area[0].split("-"))
            try:
                memory.seek(begin)
                if needle in memory.read(end - begin):
                    return True
            except (OSError, ValueError):
                continue
    return False


@pytest.mark.parametrize("word", ["--role=front", "--role=gate", "--role=no-such-role"])
def test_a_role_started_by_hand_refuses(word):
    for program in (daemons.YULE, daemons.SAMHAIN):
        done = daemons.run(program, word, timeout=20)
        assert done.returncode != 0


def test_the_probe_itself_tells_allowed_from_refused():
    """The other side of all tests above: a process that may is found to be one."""
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            results = attempts_without_exec(process.pid)
        finally:
            process.kill()
    assert all(result >= 0 for result in results), results


def attempts_without_exec(pid):
    wait_for("sleep sleeps", lambda: processes.role_of(pid) == "" and
             open(f"/proc/{pid}/stat", encoding="ascii").read().split()[2] == "S")
    with inject.Probe(pid) as probe:
        return [probe.call(OPENAT, AT_FDCWD, b"/etc/passwd", os.O_RDONLY),
                probe.call(SOCKET, socket.AF_INET, socket.SOCK_STREAM, 0),
                probe.call(SOCKET, socket.AF_UNIX, socket.SOCK_STREAM, 0),
                probe.call(SETUID, 0), probe.call(KILL, os.getpid(), 0)]
