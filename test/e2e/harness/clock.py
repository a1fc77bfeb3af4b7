"""A steady clock for one daemon that a test can put forward, by a library of ours before the system's."""

import mmap
import os
import struct
import subprocess

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;
static int (*system_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("TEST_CLOCK");
  const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  *(void **)&system_clock = dlsym(RTLD_NEXT, "clock_gettime");
  if (fd < 0) return;
  void *page = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
  if (page != MAP_FAILED) offset = page;
  close(fd);
}

int clock_gettime(clockid_t id, struct timespec *now) {
  if (system_clock == NULL) begin();
  const int result = system_clock(id, now);
  if (result == 0 && id == CLOCK_MONOTONIC && offset != NULL) now->tv_sec += *offset;
  return result;
}
"""


class Clock:
    def __init__(self, folder):
        self.library, self.path = folder / "clock.so", folder / "clock"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", str(self.library), "-ldl"],
                       input=_SOURCE, encoding="ascii", check=True)
        self.path.write_bytes(bytes(8))
        self.path.chmod(0o644)
        with open(self.path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 8)

    def environment(self):
        """Of the daemon that shall have this clock, and of the commands by which it is started."""
        # The address sanitizer minds who is before it; not here.
        options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
        return {"LD_PRELOAD": str(self.library), "TEST_CLOCK": str(self.path),
                "ASAN_OPTIONS": options}

    def advance(self, seconds):
        now = struct.unpack("=q", self.page[:])[0]
        self.page[:] = struct.pack("=q", now + seconds)
