"""A small world of our own: private namespaces in which names, addresses and mounts are the test's.

The whole pytest process moves into it once, so nothing that a test mounts or binds is seen outside,
and nothing of it stays behind.
"""

import ctypes
import os
import subprocess
import tempfile

SERVER = "server.example.test"
CLIENT1 = "client1.example.test"
CLIENT2 = "client2.example.test"
OTHER = "other.example.test"
ADDRESS_OF = {SERVER: "127.0.0.1", CLIENT1: "127.0.0.2", CLIENT2: "127.0.0.3", OTHER: "127.0.0.4"}
NAMELESS = "127.0.0.9"

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUTS = 0x04000000
_CLONE_NEWNET = 0x40000000
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)

_LAUNCH = """
hostname "$1"; shift
while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done
shift
exec "$@"
"""


def _check(result, call):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def hosts_text(names=None):
    """The text of /etc/hosts for `names` (name -> address); by default those of the world."""
    entries = ADDRESS_OF if names is None else names
    lines = ["127.0.0.1 localhost"]
    lines += [f"{address} {name} {name.split('.')[0]}" for name, address in entries.items()]
    return "\n".join(lines) + "\n"


def enter():
    """Moves this process into the world; for root only."""
    _check(_libc.unshare(_CLONE_NEWNS | _CLONE_NEWUTS | _CLONE_NEWNET), "unshare")
    # Orphans of the daemons come to us, so that we can end them by their pid.
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["hostname", SERVER], check=True)
    folder = tempfile.mkdtemp(prefix="samhain-world-")
    os.chmod(folder, 0o755)
    for name, text in (
        ("hosts", hosts_text()),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
        ("hosts.allow", ""),
        ("hosts.deny", ""),
    ):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        target = os.path.join("/etc", name)
        if not os.path.exists(target):
            continue
        subprocess.run(["mount", "--bind", path, target], check=True)
    return folder


def command_in(host, mounts, command, net=None):
    """`command` as a command that first takes the name `host` and the bind mounts (source, target),
    in namespaces of its own, and in the network namespace `net` where one is given; the pid stays
    that of the process started."""
    arguments = [part for pair in mounts for part in pair]
    entering = ["nsenter", f"--net={net}", "--"] if net else []
    return [*entering, "unshare", "--mount", "--uts", "--", "sh", "-ec", _LAUNCH, "world", host,
            *arguments, "--", *command]
