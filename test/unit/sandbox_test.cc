#include "sys/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "sys/role.h"

namespace samhain::sys {
namespace {

constexpr uid_t kNobody = 65'534;
const Identity kSomebody{.name = "nobody", .uid = kNobody, .gid = kNobody};

/// What a child says of itself: one line for each promise that was broken.
class Report {
 public:
  explicit Report(int fd) : fd_(fd) {}
  void expect(bool holds, std::string_view promise) const {
    if (holds) return;
    const int error = errno;
    std::string line{promise};
    line += ": " + std::string{strerror(error)} + "\n";
    if (write(fd_, line.data(), line.size()) < 0) _exit(99);
  }
  /// The call failed, and not because its arguments were nonsense.
  void refused(long result, std::string_view what) const {
    const bool is_refusal = result < 0 && (errno == EPERM || errno == EACCES || errno == ENOENT);
    expect(is_refusal, std::string{what} + " is refused");
  }

 private:
  int fd_;
};

using Body = std::function<void(const Report&)>;

/// Runs `body` in a child, as `uid` where that is another than ours; what it reports.
std::string in_child(uid_t uid, const Body& body) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    if (uid != geteuid() && (setgid(uid) != 0 || setuid(uid) != 0)) _exit(98);
    body(Report{ends[1]});
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  std::array<char, 4'096> part{};
  for (;;) {
    const ssize_t size = read(ends[0], part.data(), part.size());
    if (size <= 0) break;
    text.append(part.data(), static_cast<std::size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  if (WIFSIGNALED(status)) text += "killed by signal " + std::to_string(WTERMSIG(status)) + "\n";
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
    text += "status " + std::to_string(WEXITSTATUS(status)) + "\n";
  }
  return text;
}

bool has_user_namespaces() {
  return in_child(kNobody,
                  [](const Report& report) {
                    report.expect(unshare(CLONE_NEWUSER) == 0, "user namespaces");
                  })
      .empty();
}

/// Everything that no role may do, tried for real.
void try_to_escape(const Report& report) {
  report.refused(open("/etc/passwd", O_RDONLY | O_CLOEXEC), "open for reading");
  report.refused(open("/tmp/sandbox_test", O_WRONLY | O_CREAT | O_CLOEXEC, 0600),
                 "creating a file");
  report.refused(openat(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "opening a directory");
  report.refused(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  report.refused(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "Unix socket");
  std::array<char*, 2> arguments{const_cast<char*>("x"), nullptr};
  report.refused(execve("/bin/true", arguments.data(), arguments.data() + 1), "execve");
  report.refused(execve("/proc/self/exe", arguments.data(), arguments.data() + 1),
                 "execve of self");
  report.refused(fork(), "fork");
  report.refused(setuid(0), "setuid");
  report.refused(setresgid(0, 0, 0), "setresgid");
  report.refused(kill(getppid(), SIGTERM), "kill of the parent");
  report.refused(kill(getpid(), 0), "kill at all");
  report.refused(ptrace(PTRACE_ATTACH, getppid(), nullptr, nullptr), "ptrace");
  report.refused(unshare(CLONE_NEWUSER), "unshare");
  report.refused(mount("none", "/", "tmpfs", 0, nullptr), "mount");
  report.refused(chroot("/"), "chroot");
  report.refused(chmod("/tmp", 0777), "chmod");
  report.refused(unlink("/tmp/sandbox_test"), "unlink");
  report.refused(ioctl(0, TIOCSTI, "x"), "typing into the terminal");
#ifndef WITH_SANITIZERS  // their runtime needs prctl(2)
  report.refused(prctl(PR_SET_DUMPABLE, 1), "becoming dumpable");
#endif
  report.refused(fcntl(0, F_SETOWN, getppid()), "signals by descriptor");
  void* page = mmap(nullptr, 4'096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  report.refused(page == MAP_FAILED ? -1 : 0, "executable memory");
  page = mmap(nullptr, 4'096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  report.expect(page != MAP_FAILED, "memory");
  report.refused(mprotect(page, 4'096, PROT_READ | PROT_EXEC), "making memory executable");
}

/// Ordinary work that must go on.
void work(const Report& report) {
  std::vector<std::string> many(10'000, "some text that is too long for the small buffer");
  report.expect(many.back().size() > 10, "memory");
  auto loop = Loop::create();
  report.expect(static_cast<bool>(loop), "a loop");
  (*loop)->after(std::chrono::milliseconds{1}, [&] { (*loop)->stop(); });
  (*loop)->run();
  struct stat facts {};
  report.expect(fstat(0, &facts) == 0, "fstat");
  timespec now{};
  report.expect(clock_gettime(CLOCK_REALTIME, &now) == 0, "the clock");
  const time_t seconds = now.tv_sec;
  tm parts{};
  report.expect(localtime_r(&seconds, &parts) != nullptr, "local time");
  signal(SIGABRT, SIG_IGN);
  report.expect(raise(SIGUSR2) == 0 || errno != EPERM, "raise");
}

void lock_in_and_try(const Report& report, const Confinement& confinement,
                     std::string_view missing) {
  signal(SIGUSR2, SIG_IGN);
  const auto barriers = lock_in(confinement);
  if (!barriers) {
    report.expect(false, barriers.error().text());
    return;
  }
  report.expect(barriers->text() == missing, barriers->text());
  report.expect(barriers->seccomp, "seccomp");
  work(report);
  try_to_escape(report);
}

std::string without_landlock() {
  return in_child(
             geteuid(),
             [](const Report& report) {
               const auto barriers = lock_in(Confinement{.role = "probe", .may_share_user = true});
               report.expect(barriers && barriers->landlock, "Landlock");
             }).empty()
             ? ""
             : "no Landlock (kernel)";
}

TEST(Sandbox, ARoleStartedAsRootCanDoNothingMore) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string missing = without_landlock();
  EXPECT_EQ(
      in_child(0,
               [&](const Report& report) {
                 lock_in_and_try(
                     report,
                     Confinement{.role = "test", .identity = kSomebody, .has_empty_root = true},
                     missing);
                 report.expect(getuid() == kNobody && geteuid() == kNobody, "identity");
               }),
      "");
}

TEST(Sandbox, ARoleStartedByAnOrdinaryUserCanDoNothingMore) {
  if (geteuid() == 0 && !has_user_namespaces()) GTEST_SKIP() << "needs user namespaces";
  const std::string missing = without_landlock();
  const uid_t uid = geteuid() == 0 ? kNobody : geteuid();
  EXPECT_EQ(
      in_child(uid,
               [&](const Report& report) {
                 lock_in_and_try(
                     report,
                     Confinement{.role = "test", .has_empty_root = true, .may_share_user = true},
                     missing);
               }),
      "");
}

TEST(Sandbox, SaysThatItHasNoUserOfItsOwn) {
  EXPECT_EQ(in_child(geteuid(),
                     [](const Report& report) {
                       const auto barriers = lock_in(Confinement{.role = "test"});
                       const bool is_said =
                           barriers &&
                           barriers->text().find("no user of its own") != std::string::npos;
                       report.expect(is_said, "the missing user is said");
                     }),
            "");
}

/// In an empty root no path leads anywhere, with all calls that could look allowed.
TEST(Sandbox, AnEmptyRootIsEmptyWithoutSeccomp) {
  if (geteuid() != 0 && !has_user_namespaces()) GTEST_SKIP() << "needs root or user namespaces";
  const std::vector<int> calls = {SCMP_SYS(openat), SCMP_SYS(newfstatat), SCMP_SYS(getdents64),
                                  SCMP_SYS(chdir), SCMP_SYS(chroot)};
  for (const bool is_root : {true, false}) {
    if (is_root && geteuid() != 0) continue;
    const std::string found = in_child(is_root ? 0 : kNobody, [&](const Report& report) {
      const int before = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      close(before);
      const auto barriers = lock_in(Confinement{.role = "test",
                                                .has_empty_root = true,
                                                .may_read_files = true,
                                                .system_calls = calls,
                                                .may_share_user = true});
      report.expect(barriers && barriers->empty_root, "empty root");
      for (const char* path :
           {"/etc/passwd", "/proc", "/../etc", "../../../etc", "/dev/null", "/0"}) {
        report.expect(open(path, O_RDONLY | O_CLOEXEC) < 0, path);
      }
      report.expect(chroot("/proc") < 0, "chroot out");
    });
    EXPECT_EQ(found, "") << (is_root ? "as root" : "as an ordinary user");
  }
}

TEST(Sandbox, AMeasurerReadsEverythingAndWritesNothing) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  std::array<char, 32> name = {"/tmp/sandboxXXXXXX"};
  const int made = mkstemp(name.data());  // mode 0600, root's own
  ASSERT_GE(made, 0);
  const std::string path = name.data();
  const std::string found = in_child(0, [&](const Report& report) {
    const auto barriers = lock_in(Confinement{.role = "test",
                                              .identity = kSomebody,
                                              .capabilities = {CAP_DAC_READ_SEARCH, CAP_FOWNER},
                                              .may_read_files = true,
                                              .system_calls = {SCMP_SYS(statx)},
                                              .may_open_read_only = true});
    report.expect(static_cast<bool>(barriers), "lock_in");
    const int fd = open(path.c_str(), O_RDONLY | O_NOATIME | O_NOFOLLOW | O_CLOEXEC);
    report.expect(fd >= 0, "a root-only file, without a mark on it");
    int flags = 0;
    report.expect(ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 || errno != EPERM, "its flags");
    report.expect(open("/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0, "a directory");
    report.refused(open(path.c_str(), O_WRONLY | O_CLOEXEC), "writing");
    report.refused(open(path.c_str(), O_RDONLY | O_TRUNC | O_CLOEXEC), "truncating");
    report.refused(open("/tmp/new", O_RDONLY | O_CREAT | O_CLOEXEC, 0600), "creating");
    report.refused(ioctl(fd, FS_IOC_SETFLAGS, &flags), "setting flags");
    report.refused(chmod(path.c_str(), 0777), "chmod with CAP_FOWNER");
    report.refused(fchmod(fd, 0777), "fchmod with CAP_FOWNER");
    report.refused(unlink(path.c_str()), "unlink");
    report.refused(rename(path.c_str(), "/tmp/other"), "rename");
    report.refused(ftruncate(fd, 0), "ftruncate");
    report.refused(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    report.refused(setuid(0), "setuid");
    report.refused(fork(), "fork");
  });
  EXPECT_EQ(found, "");
  unlink(path.c_str());
  close(made);
}

TEST(Sandbox, ACourierMakesTcpSocketsAndNoOthers) {
  EXPECT_EQ(in_child(geteuid(),
                     [](const Report& report) {
                       const auto barriers =
                           lock_in(Confinement{.role = "test", .may_make_tcp_sockets = true});
                       report.expect(static_cast<bool>(barriers), "lock_in");
                       constexpr int kFlags = SOCK_CLOEXEC | SOCK_NONBLOCK;
                       report.expect(socket(AF_INET, SOCK_STREAM | kFlags, 0) >= 0, "IPv4");
                       const int six = socket(AF_INET6, SOCK_STREAM | kFlags, IPPROTO_TCP);
                       report.expect(six >= 0 || errno == EAFNOSUPPORT, "IPv6");
                       report.refused(socket(AF_INET, SOCK_DGRAM | kFlags, 0), "UDP");
                       report.refused(socket(AF_INET, SOCK_RAW | kFlags, 0), "raw");
                       report.refused(socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP), "SCTP");
                       report.refused(socket(AF_UNIX, SOCK_STREAM | kFlags, 0), "Unix");
                       report.refused(socket(AF_NETLINK, SOCK_RAW | kFlags, 0), "netlink");
                       report.refused(open("/etc/passwd", O_RDONLY | O_CLOEXEC), "open");
                     }),
            "");
}

TEST(Sandbox, DiesWithItsParentAlsoAfterTheChangeOfUser) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    std::array<int, 2> ready{};
    if (pipe2(ready.data(), O_CLOEXEC) != 0) _exit(1);
    if (fork() == 0) {
      close(ready[0]);
      Confinement confinement{.role = "test"};
      if (geteuid() == 0) confinement.identity = kSomebody;
      if (!lock_in(confinement)) _exit(1);
      close(ready[1]);  // tells that we are locked in
      for (;;) pause();
    }
    close(ready[1]);
    char none = 0;
    (void)!read(ready[0], &none, 1);
    _exit(0);
  }
  close(ends[1]);
  char none = 0;
  // The grandchild holds the other end: this returns when it is dead, else the test times out.
  alarm(20);
  EXPECT_EQ(read(ends[0], &none, 1), 0);
  alarm(0);
  close(ends[0]);
  EXPECT_EQ(waitpid(parent, nullptr, 0), parent);
}

TEST(Sandbox, IsNotDumpable) {
  EXPECT_EQ(in_child(geteuid(),
                     [](const Report& report) {
                       const auto barriers =
                           lock_in(Confinement{.role = "test", .system_calls = {SCMP_SYS(prctl)}});
                       report.expect(barriers && prctl(PR_GET_DUMPABLE) == 0, "not dumpable");
                       report.expect(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "no new privs");
                     }),
            "");
}

void try_what_no_parent_needs(const Report& report) {
  report.refused(mount("none", "/mnt", "tmpfs", 0, nullptr), "mount");
  report.refused(umount2("/mnt", MNT_DETACH), "umount");
  report.refused(sethostname("x", 1), "sethostname");
#ifndef WITH_SANITIZERS
  report.refused(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr), "ptrace");
#endif
}

TEST(RestrainedParent, KeepsWhatItsRolesNeedAndNoMore) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::vector<unsigned> kept = {CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_SYS_CHROOT,
                                      CAP_KILL};
  EXPECT_EQ(in_child(0,
                     [&](const Report& report) {
                       const auto barriers = restrain_parent(kept);
                       try_what_no_parent_needs(report);
                       report.expect(barriers && barriers->seccomp, "restrained");
                       report.expect(barriers && barriers->text().empty(), "nothing is missing");
                       report.expect(geteuid() == 0, "its uid");
                       report.expect(prctl(PR_CAPBSET_READ, CAP_KILL) == 1, "kept capability");
                       report.expect(prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) == 0, "bounding set");
                       report.refused(chown("/", 1, 1), "chown");
                       const pid_t role = fork();
                       if (role == 0) {
                         const auto locked = lock_in(Confinement{
                             .role = "test", .identity = kSomebody, .has_empty_root = true});
                         _exit(locked && locked->empty_root && locked->own_user ? 0 : 1);
                       }
                       int status = 1;
                       report.expect(waitpid(role, &status, 0) == role && status == 0, "a role");
                     }),
            "");
}

TEST(RestrainedParent, AnOrdinaryUsersRolesStillStart) {
  const uid_t uid = geteuid() == 0 ? kNobody : geteuid();
  EXPECT_EQ(in_child(uid,
                     [&](const Report& report) {
                       const auto barriers = restrain_parent({});
                       report.expect(barriers && barriers->seccomp, "restrained");
                       auto loop = Loop::create();
                       if (!loop) return report.expect(false, "loop");
                       Role::Spec spec;
                       spec.name = "locked";
                       spec.set_up = [] { return Bytes{}; };
                       spec.is_restarted = false;
                       std::string missing = "never ready";
                       spec.on_ready = [&](std::string_view text) {
                         missing = text;
                         (*loop)->stop();
                       };
                       spec.on_down = [&](const Error& error) {
                         missing = error.text();
                         (*loop)->stop();
                       };
                       auto role = Role::start(**loop, spec);
                       report.expect(static_cast<bool>(role), "start");
                       (*loop)->run();
                       report.expect(missing.empty() || missing.starts_with("no "), missing);
                     }),
            "");
}

}  // namespace
}  // namespace samhain::sys
