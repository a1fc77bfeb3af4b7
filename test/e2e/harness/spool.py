"""The agent's spool as the truth of what was submitted (docs/spool-format.md).

Segments only grow, and go when all in them is acknowledged; the keeper of the truth links each to a
directory of its own as soon as it appears.
"""

import collections
import ctypes
import os
import select
import struct
import threading
import time
import zlib
from pathlib import Path

from .waiting import wait_for

_IN_CREATE, _IN_MOVED_TO = 0x100, 0x80
_libc = ctypes.CDLL(None, use_errno=True)
TAGS = ["NONE   :", "DEBUG  :", "INFO   :", "NOTICE :", "WARN   :", "MARK   :", "ERROR  :",
        "CRIT   :", "ALERT  :", "<TCP>  :"]


def records(data):
    """(seq, body) of each whole record; what is behind the last one was never submitted."""
    at = 0
    while len(data) - at >= 8:
        length, crc = struct.unpack(">II", data[at:at + 8])
        content = data[at + 8:at + 8 + length]
        if len(content) < length:
            return
        assert zlib.crc32(content) == crc, f"record at {at}"
        yield struct.unpack(">Q", content[:8])[0], content[9:]
        at += 8 + length


def line_of(body):
    """(tag, time, fields) as a client's line shows them."""
    severity, _, when, count = struct.unpack(">BHqH", body[:13])
    at, fields = 13, []
    for _ in range(count):
        pair = []
        for _ in range(2):
            size = struct.unpack(">I", body[at:at + 4])[0]
            pair.append(body[at + 4:at + 4 + size].decode("latin-1"))
            at += 4 + size
        fields.append(tuple(pair))
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(when // 1_000_000_000))
    return TAGS[severity], stamp, tuple(fields)


def line_key(line):
    """The same of a line that was read from a log."""
    return line.tag, line.time, tuple(line.fields)


class Truth:
    """Links every segment of `spool` into `folder` until it is ended."""

    def __init__(self, spool, folder):
        self.spool, self.folder = Path(spool), Path(folder)
        self.spool.mkdir(mode=0o700, exist_ok=True)
        self.folder.mkdir()
        self.inotify = _libc.inotify_init1(os.O_CLOEXEC)
        watch = _libc.inotify_add_watch(self.inotify, os.fsencode(self.spool),
                                        _IN_CREATE | _IN_MOVED_TO)
        assert self.inotify >= 0 and watch >= 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self):
        self._link()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join(10)
        os.close(self.inotify)

    def _follow(self):
        while not self.is_over.is_set():
            readable, _, _ = select.select([self.inotify], [], [], 0.2)
            if readable:
                os.read(self.inotify, 65536)
            self._link()

    def _link(self):
        for name in os.listdir(self.spool):
            if len(name) == 20 and name.isdigit() and not (self.folder / name).exists():
                try:
                    os.link(self.spool / name, self.folder / name)
                except FileNotFoundError:
                    continue

    def count(self):
        """How many reports there are; cheap, for loops that wait."""
        newest = max(os.listdir(self.folder), default=None)
        if newest is None:
            return 0
        seqs = [seq for seq, _ in records((self.folder / newest).read_bytes())]
        return max(seqs, default=int(newest) - 1)

    def size(self):
        """Bytes in the newest segment: another figure means that reports were submitted."""
        newest = max(os.listdir(self.folder), default=None)
        return (newest, (self.folder / newest).stat().st_size) if newest else None

    def submitted(self):
        """seq -> body of all that was ever in the spool, without a gap."""
        found = {}
        for name in sorted(os.listdir(self.folder)):
            found.update(records((self.folder / name).read_bytes()))
        missing = set(range(1, max(found, default=0) + 1)) - set(found)
        assert not missing, f"the test missed segments: {sorted(missing)[:10]}"
        return found


def delivered(log_lines, client):
    """The lines of a client in the server's log, as keys."""
    return [line_key(line.inner) for line in log_lines
            if line.inner and line.get("client") == client]


def wait_once_each(truth, yule, client="client1"):
    """All that was submitted is in the server's log, each once."""
    def is_so():
        wanted = collections.Counter(line_of(content) for content in truth.submitted().values())
        return collections.Counter(delivered(yule.log_lines(), client)) == wanted
    wait_for("each report once", is_so, 30, yule.told)


def count_delivered(log, client):
    """How many there are (guide form); cheap, for loops that wait."""
    try:
        data = Path(log).read_bytes()
    except FileNotFoundError:
        return 0
    return data.count(b'] client="%s" msg="' % client.encode())
