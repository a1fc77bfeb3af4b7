"""A file system in user space, spoken raw to /dev/fuse (linux/fuse.h), that leaves chosen calls
without an answer: whoever makes one waits until he is killed."""

import ctypes
import errno
import os
import select
import struct
import threading

MS_NOSUID, MS_NODEV, MNT_DETACH = 2, 4, 2

(LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, INTERRUPT,
 BATCH_FORGET) = 1, 2, 3, 14, 15, 18, 25, 26, 27, 28, 29, 36, 42
ROOT = 1
TIMES = (1_700_000_000, 1_700_000_000, 1_700_000_000, 0, 0, 0)
libc = ctypes.CDLL(None, use_errno=True)


class FileSystem:
    """`files`: name -> content.  `silent`: (name, opcode) pairs that get no answer; the name "" is
    the root, None every call."""

    def __init__(self, path, files, silent=()):
        self.path = str(path)
        self.names = list(files)
        self.contents = list(files.values())
        self.silent = set(silent)
        self.unanswered = []  # what came of these
        self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other"
        if libc.mount(b"test", self.path.encode(), b"fuse", MS_NOSUID | MS_NODEV,
                      options.encode()) != 0:
            error = ctypes.get_errno()
            os.close(self.fd)
            raise OSError(error, os.strerror(error))
        self.is_over = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join(10)
        os.close(self.fd)  # ends all who still wait
        libc.umount2(self.path.encode(), MNT_DETACH)

    def _serve(self):
        while not self.is_over:
            if not select.select([self.fd], [], [], 0.05)[0]:
                continue
            try:
                self._answer(os.read(self.fd, 1 << 18))
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return  # unmounted
                if error.errno not in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    raise

    def _answer(self, request):
        _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
        body = request[40:]
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            return
        name = body.split(b"\0")[0].decode() if opcode == LOOKUP else self._name(node)
        if opcode != INIT and (None in self.silent or (name, opcode) in self.silent):
            self.unanswered.append((name, opcode))
            return
        result = self._result(opcode, node, name, body)
        number, payload = (result, b"") if isinstance(result, int) else (0, result)
        try:
            os.write(self.fd, struct.pack("<IiQ", 16 + len(payload), -number, unique) + payload)
        except FileNotFoundError:
            pass  # who asked was killed

    def _name(self, node):
        return self.names[node - 2] if 2 <= node < 2 + len(self.names) else ""

    def _attributes(self, node):
        is_root = node == ROOT
        size = 0 if is_root else len(self.contents[node - 2])
        return struct.pack("<QQQ QQQIII IIIIIII", node, size, (size + 511) // 512, *TIMES,
                           0o040755 if is_root else 0o100644, 1, 0, 0, 0, 4096, 0)

    def _result(self, opcode, node, name, body):
        if opcode == INIT:
            return struct.pack("<IIIIHHIIHH8I", 7, 31, 1 << 16, 0, 12, 9, 1 << 17, 1, 32, 0,
                               *[0] * 8)
        if opcode == GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self._attributes(node)
        if opcode == LOOKUP:
            if name not in self.names:
                return errno.ENOENT
            found = self.names.index(name) + 2
            return struct.pack("<QQQQII", found, 0, 0, 0, 0, 0) + self._attributes(found)
        if opcode in (OPEN, OPENDIR):
            return struct.pack("<QII", 0, 0, 0)
        if opcode in (READ, READDIR):
            offset, size = struct.unpack_from("<QI", body, 8)
            return (self._entries(offset) if opcode == READDIR else
                    self.contents[node - 2][offset:offset + size])
        return 0 if opcode in (RELEASE, RELEASEDIR, FLUSH) else errno.ENOSYS

    def _entries(self, offset):
        if offset > 0:
            return b""
        text = b""
        for index, name in enumerate(self.names):
            raw = name.encode()
            text += struct.pack("<QQII", index + 2, index + 1, len(raw), 8) + raw
            text += b"\0" * (-len(raw) % 8)
        return text
