#include "sys/system_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <initializer_list>

#include "samhain/handle.h"

namespace samhain::sys {
namespace {

constexpr std::uint32_t kDeny = SCMP_ACT_ERRNO(EPERM);

/// The lower half of argument `index`, under `mask`, is `value`: int arguments, whose upper halves
/// the kernel ignores.
scmp_arg_cmp masked(unsigned index, std::uint32_t mask, std::uint32_t value) {
  return scmp_arg_cmp{index, SCMP_CMP_MASKED_EQ, mask, value};
}
scmp_arg_cmp equal(unsigned index, std::uint32_t value) {
  return masked(index, 0xFFFFFFFFU, value);
}
scmp_arg_cmp null_pointer(unsigned index) { return scmp_arg_cmp{index, SCMP_CMP_EQ, 0, 0}; }

/// Collects rules; the first failure sticks and load() tells it.
class Filter {
 public:
  explicit Filter(std::uint32_t default_action) : context_(seccomp_init(default_action)) {
    if (!context_) error_ = ENOMEM;
  }

  template <std::size_t N>
  void add(std::uint32_t action, const std::array<int, N>& calls) {
    for (const int call : calls) add(action, call);
  }
  void add(std::uint32_t action, int call, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    if (error_ != 0) return;
    error_ = -seccomp_rule_add_array(context_.get(), action, call,
                                     static_cast<unsigned>(conditions.size()), conditions.begin());
  }
  void allow(int call, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    add(SCMP_ACT_ALLOW, call, conditions);
  }

  Result<bool> load() {
    if (error_ != 0) return system_error("seccomp rule", error_);
    const int result = seccomp_load(context_.get());
    if (result == -EINVAL || result == -ENOSYS) return false;  // a kernel without filters
    if (result != 0) return system_error("seccomp", -result);
    return true;
  }

 private:
  Handle<void, seccomp_release> context_;
  int error_ = 0;
};

/// What a poll loop with malloc, OpenSSL and libstdc++ needs; all of it works on what the process
/// has.
constexpr std::array kCommon = {
    // on descriptors that are open
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev),
    SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(lseek),
    SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup), SCMP_SYS(dup3), SCMP_SYS(fstat),
    SCMP_SYS(shutdown), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    // waiting
    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(signalfd4),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(nanosleep), SCMP_SYS(time), SCMP_SYS(restart_syscall),
    SCMP_SYS(sched_yield),
    // memory
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mlock),
    SCMP_SYS(munlock), SCMP_SYS(futex), SCMP_SYS(rseq), SCMP_SYS(getrandom), SCMP_SYS(sysinfo),
    // signals and itself
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
    SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrusage), SCMP_SYS(times), SCMP_SYS(uname),
    SCMP_SYS(exit), SCMP_SYS(exit_group)};

/// What the runtime of the sanitizers asks for besides.
[[maybe_unused]] constexpr std::array kSanitizers = {
    SCMP_SYS(prctl),     SCMP_SYS(readlink), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getrlimit), SCMP_SYS(gettid),   SCMP_SYS(pipe),
    SCMP_SYS(pipe2)};

/// What the C library's resolver and its modules do, beyond opening files and sockets.
constexpr std::array kResolving = {SCMP_SYS(socket),   SCMP_SYS(connect),    SCMP_SYS(bind),
                                   SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg),   SCMP_SYS(newfstatat),
                                   SCMP_SYS(stat),     SCMP_SYS(lstat),      SCMP_SYS(statx),
                                   SCMP_SYS(access),   SCMP_SYS(faccessat),  SCMP_SYS(faccessat2),
                                   SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(fstatfs),
                                   SCMP_SYS(statfs),   SCMP_SYS(getdents64)};

constexpr std::array kDangerous = {
#ifndef WITH_SANITIZERS  // their leak check at the end traces its own process
    SCMP_SYS(ptrace),
#endif
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(bpf),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(setns),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(syslog),
    SCMP_SYS(vhangup),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(modify_ldt),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat)};

/// Calls whose arguments decide.
void allow_by_argument(Filter& filter) {
  // No memory that is executable: code cannot be brought in.
  filter.allow(SCMP_SYS(mmap), {masked(2, PROT_EXEC, 0)});
  filter.allow(SCMP_SYS(mprotect), {masked(2, PROT_EXEC, 0)});
  // glibc's fstat(); the path given beside it is ignored by the kernel only if empty, so without an
  // empty root this tells whether a file exists, no more.
  filter.allow(SCMP_SYS(newfstatat), {equal(3, AT_EMPTY_PATH)});
  for (const int command : {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD, F_DUPFD_CLOEXEC}) {
    filter.allow(SCMP_SYS(fcntl), {equal(1, static_cast<std::uint32_t>(command))});
  }
  // abort(3) and raise(3); nobody else gets a signal.
  filter.allow(SCMP_SYS(tgkill), {equal(0, static_cast<std::uint32_t>(getpid()))});
  filter.allow(SCMP_SYS(prlimit64), {equal(0, 0), null_pointer(2)});
}

void allow_opening(Filter& filter) {
  constexpr std::uint32_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC;
  filter.allow(SCMP_SYS(openat), {masked(2, kWriting, O_RDONLY)});
  filter.allow(SCMP_SYS(open), {masked(1, kWriting, O_RDONLY)});
}

void allow_tcp_sockets(Filter& filter) {
  constexpr auto kTypeMask = ~static_cast<std::uint32_t>(SOCK_NONBLOCK | SOCK_CLOEXEC);
  for (const unsigned family : {unsigned{AF_INET}, unsigned{AF_INET6}}) {
    for (const unsigned protocol : {0U, unsigned{IPPROTO_TCP}}) {
      filter.allow(SCMP_SYS(socket),
                   {equal(0, family), masked(1, kTypeMask, SOCK_STREAM), equal(2, protocol)});
    }
  }
  filter.allow(SCMP_SYS(connect));
  filter.allow(SCMP_SYS(bind));
}

}  // namespace

Result<bool> allow_only_calls_of(const Confinement& confinement) {
  Filter filter{kDeny};
  filter.add(SCMP_ACT_ALLOW, kCommon);
#ifdef WITH_SANITIZERS
  filter.add(SCMP_ACT_ALLOW, kSanitizers);
#endif
  allow_by_argument(filter);
  for (const int call : confinement.system_calls) filter.allow(call);
  if (confinement.may_open_read_only) {
    allow_opening(filter);
    filter.allow(SCMP_SYS(ioctl), {equal(1, static_cast<std::uint32_t>(FS_IOC_GETFLAGS))});
  }
  if (confinement.may_make_tcp_sockets) allow_tcp_sockets(filter);
  if (confinement.may_resolve_names) {
    filter.add(SCMP_ACT_ALLOW, kResolving);
    allow_opening(filter);
    filter.allow(SCMP_SYS(ioctl), {equal(1, FIONREAD)});
    // Name service modules are loaded at the first look-up: code from files, never written first.
    filter.allow(SCMP_SYS(mmap), {masked(2, PROT_WRITE | PROT_EXEC, PROT_EXEC)});
  }
  return filter.load();
}

Result<bool> forbid_dangerous_calls() {
  Filter filter{SCMP_ACT_ALLOW};
  filter.add(kDeny, kDangerous);
  return filter.load();
}

}  // namespace samhain::sys
