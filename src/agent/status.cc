#include "agent/status.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <chrono>
#include <thread>
#include <type_traits>
#include <utility>

#include "base/hex.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "sys/file.h"

namespace samhain::agent {
namespace {

constexpr mode_t kMode = 0600;
/// Always so long, filled up with newlines, so that one write replaces another.
constexpr std::size_t kSize = 1'024;
constexpr std::string_view kHead = "samhain-status 1";
constexpr std::string_view kCheck = "check ";

constexpr int kTries = 10;
constexpr std::chrono::milliseconds kPause{10};

/// Calls `visit(key, number)` for each number of a status, in the order of the file.
template <class StatusType, class Visit>
void for_each_number(StatusType& status, Visit visit) {
  const auto scan = [&](std::string_view prefix, auto& state) {
    visit(fmt::format("{}.action", prefix), state.action);
    visit(fmt::format("{}.began", prefix), state.began_ns);
    visit(fmt::format("{}.files", prefix), state.files);
    visit(fmt::format("{}.bytes", prefix), state.bytes);
    visit(fmt::format("{}.skipped", prefix), state.skipped);
    visit(fmt::format("{}.expected", prefix), state.expected);
  };
  visit("pid", status.pid);
  visit("started", status.started_ns);
  visit("updated", status.updated_ns);
  visit("next", status.next_ns);
  visit("suspended", status.is_suspended);
  scan("running", status.running);
  scan("last", status.last.scan);
  visit("last.duration", status.last.duration_ms);
  visit("last.findings", status.last.findings);
  visit("last.errors", status.last.errors);
  visit("last.outcome", status.last.outcome);
}

std::string check_of(std::string_view text) {
  return base::hex(crypto::sha256(as_bytes(text))).substr(0, 16);
}

bool is_in_range(const Status& status) {
  return !word_of(status.running.action).empty() && !word_of(status.last.scan.action).empty() &&
         status.last.outcome >= Outcome::Completed && status.last.outcome <= Outcome::Failed;
}

/// Takes lines off the front of a text, each with its key.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  std::string_view next() {
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return line;
  }
  template <class T>
  void number(std::string_view key, T& value) {
    const std::string_view line = next();
    const bool is_it = line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ';
    const auto number =
        is_it ? base::to_number<std::int64_t>(line.substr(key.size() + 1)) : std::nullopt;
    if (!number || *number < 0) {
      is_good_ = false;
      return;
    }
    if constexpr (std::is_enum_v<T>) {
      if (*number > UINT8_MAX) is_good_ = false;
    }
    value = static_cast<T>(*number);
  }
  bool is_good() const { return is_good_; }

 private:
  std::string_view rest_;
  bool is_good_ = true;
};

struct flock whole_file(int type) {
  struct flock lock {};
  lock.l_type = static_cast<short>(type);
  lock.l_whence = SEEK_SET;
  return lock;
}

/// Nobody else may have written what we are going to believe.
Result<void> check_owner(int fd, const std::string& path) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) return system_error(path, errno);
  const bool is_ours = facts.st_uid == geteuid() || facts.st_uid == 0;
  if (S_ISREG(facts.st_mode) && is_ours && (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  return Error{Error::Kind::Refused,
               path + ": not a file that only its owner may write; remove it"};
}

Result<Status> read_from(int fd) {
  std::string text(kSize, '\0');
  const ssize_t size = pread(fd, text.data(), text.size(), 0);
  if (size < 0) return system_error("status", errno);
  text.resize(static_cast<std::size_t>(size));
  return decode_status(text);
}

}  // namespace

std::string encode(const Status& status) {
  std::string text = fmt::format("{}\n", kHead);
  for_each_number(status, [&text](std::string_view key, auto value) {
    text += fmt::format("{} {}\n", key, static_cast<std::int64_t>(value));
  });
  return text + fmt::format("{}{}\n", kCheck, check_of(text));
}

Result<Status> decode_status(std::string_view text) {
  const Error malformed{Error::Kind::Malformed, "not a status of this version"};
  Lines lines(text);
  if (lines.next() != kHead) return malformed;
  Status status;
  for_each_number(status,
                  [&lines](std::string_view key, auto& value) { lines.number(key, value); });
  const std::size_t check = text.find(kCheck);
  if (!lines.is_good() || check == std::string_view::npos || !is_in_range(status)) return malformed;
  if (lines.next() != fmt::format("{}{}", kCheck, check_of(text.substr(0, check)))) {
    return malformed;
  }
  return status;
}

Result<StatusFile> StatusFile::open(const std::string& path) {
  UniqueFd fd{::open(path.c_str(),
                     O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, kMode)};
  if (!fd) return system_error(path, errno);
  if (auto checked = check_owner(fd.get(), path); !checked) return checked.error();
  struct flock lock = whole_file(F_WRLCK);
  if (fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno != EAGAIN && errno != EACCES) return system_error(path, errno);
    return Error{Error::Kind::Busy, path + ": another samhain has it"};
  }
  const auto before = read_from(fd.get());
  return StatusFile{std::move(fd), before ? std::optional(*before) : std::nullopt};
}

Result<void> StatusFile::write(const Status& status, bool is_durable) {
  std::string text = encode(status);
  assert(text.size() <= kSize);
  text.resize(kSize, '\n');
  const ssize_t size = pwrite(fd_.get(), text.data(), text.size(), 0);
  if (size < 0) return system_error("status", errno);
  if (static_cast<std::size_t>(size) != text.size()) return system_error("status", ENOSPC);
  if (is_durable && fdatasync(fd_.get()) != 0) return system_error("status", errno);
  return {};
}

Result<SeenStatus> read_status(const std::string& path) {
  const UniqueFd fd{
      ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  if (!fd && errno == ENOENT) return Error{Error::Kind::Missing, path};
  if (!fd) return system_error(path, errno);
  if (auto checked = check_owner(fd.get(), path); !checked) return checked.error();
  struct flock lock = whole_file(F_WRLCK);
  if (fcntl(fd.get(), F_OFD_GETLK, &lock) != 0) return system_error(path, errno);
  auto status = read_from(fd.get());
  for (int i = 1; i < kTries && !status; ++i) {  // it was just being written
    std::this_thread::sleep_for(kPause);
    status = read_from(fd.get());
  }
  if (!status) return status.error().within("status", path);
  return SeenStatus{.status = *status, .is_alive = lock.l_type != F_UNLCK};
}

}  // namespace samhain::agent
