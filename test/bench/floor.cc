// The floor: what any scanner must do, and nothing else.  Walks the trees given without following
// symlinks, opens each regular file, statx(2)es it, reads it into one reused buffer and digests it
// by SHA-256 in one reused context.  As many processes as cores take their work from one shared
// stack: directories, and big files by themselves, so that a directory of a few of them keeps all
// cores busy.
//   floor [-j PROCESSES] DIRECTORY...
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kMaxTasks = 1U << 20;
constexpr std::uint64_t kBigFile = 4U << 20;

[[noreturn]] void give_up(const char* what) {
  perror(what);
  _exit(1);
}

struct Task {
  bool is_file;
  std::array<char, PATH_MAX> path;
};

/// In memory that all processes share; only the pages of tasks that were used are real.
struct Shared {
  pthread_mutex_t lock;
  std::size_t count, unfinished;
  std::uint64_t files, directories, bytes, failures;
  Task tasks[kMaxTasks];

  void push(bool is_file, const std::string& path) {
    pthread_mutex_lock(&lock);
    if (count == kMaxTasks || path.size() >= PATH_MAX) give_up("too many directories at once");
    tasks[count].is_file = is_file;
    memcpy(tasks[count++].path.data(), path.c_str(), path.size() + 1);
    ++unfinished;
    pthread_mutex_unlock(&lock);
  }
  /// False when everything is done; waits while others may still push.
  bool pop(bool& is_file, std::string& path) {
    for (;;) {
      pthread_mutex_lock(&lock);
      const bool is_there = count > 0;
      const bool is_over = unfinished == 0;
      if (is_there) {
        is_file = tasks[--count].is_file;
        path = tasks[count].path.data();
      }
      pthread_mutex_unlock(&lock);
      if (is_there || is_over) return is_there;
      usleep(50);
    }
  }
  void finish_one() {
    pthread_mutex_lock(&lock);
    --unfinished;
    pthread_mutex_unlock(&lock);
  }
};

class Worker {
 public:
  explicit Worker(Shared& shared) : shared_(shared), buffer_(128U << 10), listing_(64U << 10) {
    if (sha_ == nullptr || EVP_DigestInit_ex2(sha_, algorithm_, nullptr) != 1) abort();
  }

  void run() {
    bool is_file = false;
    std::string path;
    while (shared_.pop(is_file, path)) {
      if (is_file) {
        digest(AT_FDCWD, path.c_str(), nullptr);
      } else {
        list(path);
      }
      shared_.finish_one();
    }
    pthread_mutex_lock(&shared_.lock);
    shared_.files += files_;
    shared_.directories += directories_;
    shared_.bytes += bytes_;
    shared_.failures += failures_;
    pthread_mutex_unlock(&shared_.lock);
  }

 private:
  void list(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return void(++failures_);
    ++directories_;
    for (;;) {
      const long got = syscall(SYS_getdents64, fd, listing_.data(), listing_.size());
      if (got <= 0) break;
      for (long at = 0; at < got;) {
        const auto* entry = reinterpret_cast<const dirent64*>(listing_.data() + at);
        at += entry->d_reclen;
        const char* name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (entry->d_type == DT_DIR) shared_.push(false, path + "/" + name);
        if (entry->d_type == DT_REG) digest(fd, name, &path);
      }
    }
    close(fd);
  }

  /// `directory` is null for a big file that has a task of its own.
  void digest(int at, const char* name, const std::string* directory) {
    const int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC);
    struct statx facts;
    if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &facts) != 0) {
      ++failures_;
      if (fd >= 0) close(fd);
      return;
    }
    if (directory != nullptr && facts.stx_size > kBigFile) {
      shared_.push(true, *directory + "/" + name);
    } else {
      ++files_;
      read_all(fd, facts.stx_size);
    }
    close(fd);
  }

  void read_all(int fd, std::uint64_t size) {
    std::uint64_t total = 0;
    for (;;) {
      const ssize_t got = read(fd, buffer_.data(), buffer_.size());
      if (got <= 0) break;
      EVP_DigestUpdate(sha_, buffer_.data(), static_cast<std::size_t>(got));
      total += static_cast<std::uint64_t>(got);
      if (total >= size) break;
    }
    bytes_ += total;
    std::array<unsigned char, EVP_MAX_MD_SIZE> result;
    EVP_DigestFinal_ex(sha_, result.data(), nullptr);
    EVP_DigestInit_ex2(sha_, nullptr, nullptr);
  }

  Shared& shared_;
  EVP_MD* algorithm_ = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* sha_ = EVP_MD_CTX_new();
  std::vector<unsigned char> buffer_;
  std::vector<char> listing_;
  std::uint64_t files_ = 0, directories_ = 0, bytes_ = 0, failures_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  long workers = sysconf(_SC_NPROCESSORS_ONLN);
  for (int option = 0; (option = getopt(argc, argv, "j:")) != -1;) {
    if (option != 'j' || (workers = strtol(optarg, nullptr, 10)) < 1) return 2;
  }
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) give_up("mmap");
  auto& shared = *static_cast<Shared*>(memory);  // zero: empty
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&shared.lock, &attributes);
  for (int i = optind; i < argc; ++i) shared.push(false, argv[i]);

  for (long i = 0; i < workers; ++i) {
    const pid_t child = fork();
    if (child < 0) give_up("fork");
    if (child > 0) continue;
    Worker(shared).run();
    _exit(0);
  }
  int status = 0;
  bool is_good = true;
  while (wait(&status) > 0) is_good = is_good && status == 0;
  printf("files %llu directories %llu bytes %llu failures %llu\n",
         static_cast<unsigned long long>(shared.files),
         static_cast<unsigned long long>(shared.directories),
         static_cast<unsigned long long>(shared.bytes),
         static_cast<unsigned long long>(shared.failures));
  return is_good ? 0 : 1;
}
