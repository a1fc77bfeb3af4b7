"""Makes a live process itself try a system call, from outside, by ptrace(2) (x86-64).

So a test asks the very process that runs, with its filters, its user and its root directory, and
not a copy that the test has set up as it believes the process to be.
"""

import ctypes
import errno
import os
import platform
import struct

SUPPORTED = platform.machine() == "x86_64"

_ATTACH, _DETACH, _SINGLESTEP, _GETREGS, _SETREGS = 16, 17, 9, 12, 13
_WALL = 0x40000000
_SYSCALL = b"\x0f\x05"

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in (
        "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
        "fs_base gs_base ds es fs gs").split()]


# Numbers of x86-64.
SOCKET, CONNECT, EXECVE, KILL, PTRACE, SETUID, OPENAT, MOUNT = 41, 42, 59, 62, 101, 105, 257, 165
UNLINK, FORK, CHROOT, MPROTECT = 87, 57, 161, 10
AT_FDCWD = -100 & 0xFFFFFFFFFFFFFFFF


def _ptrace(request, pid, data=None):
    if _libc.ptrace(request, pid, None, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace {request}: {os.strerror(number)}")


def _wait(pid):
    _, status = os.waitpid(pid, _WALL)
    if not os.WIFSTOPPED(status):
        raise AssertionError(f"process {pid} ended under the probe: status {status:#x}")


class Probe:
    """`with Probe(pid) as probe: probe.call(OPENAT, AT_FDCWD, b"/etc/passwd", os.O_RDONLY)`"""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        _ptrace(_ATTACH, self.pid)
        _wait(self.pid)
        self.saved = Registers()
        _ptrace(_GETREGS, self.pid, ctypes.addressof(self.saved))
        self.memory = open(f"/proc/{self.pid}/mem", "r+b", buffering=0)
        self.code = self._read(self.saved.rip, len(_SYSCALL))
        self._write(self.saved.rip, _SYSCALL)
        return self

    def __exit__(self, *_):
        try:
            if self.code:
                self._write(self.saved.rip, self.code)
            _ptrace(_SETREGS, self.pid, ctypes.addressof(self.saved))
            _ptrace(_DETACH, self.pid)
        finally:
            self.memory.close()

    def crash(self):
        """A real fault once the probe lets go: the process goes on at an address that it has not."""
        self._write(self.saved.rip, self.code)
        self.saved.rip, self.code = 0, None

    def _read(self, address, size):
        self.memory.seek(address)
        return self.memory.read(size)

    def _write(self, address, data):
        self.memory.seek(address)
        self.memory.write(data)

    def call(self, number, *arguments):
        """The result, or minus errno; byte strings are passed as pointers to text."""
        regs = Registers.from_buffer_copy(self.saved)
        stack = (self.saved.rsp - 1024) & ~0xF  # below the red zone
        values = []
        for argument in arguments:
            if isinstance(argument, bytes):
                stack = (stack - len(argument) - 16) & ~0xF
                self._write(stack, argument + b"\0")
                argument = stack
            values.append(argument & 0xFFFFFFFFFFFFFFFF)
        values += [0] * (6 - len(values))
        regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9 = values
        regs.rax = number
        regs.orig_rax = 0xFFFFFFFFFFFFFFFF  # nothing for the kernel to restart
        regs.rip = self.saved.rip
        regs.rsp = stack
        _ptrace(_SETREGS, self.pid, ctypes.addressof(regs))
        after = Registers()
        for _ in range(10):  # a stop for another reason may come first
            _ptrace(_SINGLESTEP, self.pid)
            _wait(self.pid)
            _ptrace(_GETREGS, self.pid, ctypes.addressof(after))
            if after.rip != regs.rip:
                break
        return struct.unpack("q", struct.pack("Q", after.rax))[0]


def name_of(result):
    return errno.errorcode.get(-result, str(result)) if result < 0 else "ok"
