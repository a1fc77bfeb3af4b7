#include "tools/waiting_baselines.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/hex.h"
#include "crypto/digest.h"
#include "samhain/bytes.h"
#include "sys/file.h"

namespace samhain::tools {
namespace {

constexpr std::string_view kPrefix = "file.";
constexpr off_t kMaxSize = off_t{2} << 30;
constexpr mode_t kMode = 0640;
constexpr std::size_t kBufferSize = 1U << 20;

/// As the server writes them: whoever owns the directory may have put anything there.
Result<UniqueFd> open_regular(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK));
  if (!fd && errno == ENOENT) return Error{Error::Kind::Missing, path + ": no such file"};
  if (!fd) return system_error(path, errno);
  struct stat facts {};
  if (fstat(fd.get(), &facts) != 0) return system_error(path, errno);
  if (!S_ISREG(facts.st_mode)) return Error{Error::Kind::Refused, path + ": not a regular file"};
  if (facts.st_size > kMaxSize) return Error{Error::Kind::Limit, path + ": larger than 2 GiB"};
  return fd;
}

/// Gives all bytes of a file to `take`, in pieces.
template <class Take>
Result<void> each_piece(int fd, Take take) {
  Bytes buffer(kBufferSize);
  for (off_t at = 0;;) {
    const ssize_t size = pread(fd, buffer.data(), buffer.size(), at);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return system_error("read", errno);
    if (size == 0) return {};
    if (auto taken = take(ByteView{buffer}.first(static_cast<std::size_t>(size))); !taken) {
      return taken;
    }
    at += size;
  }
}

Result<std::string> digest_of(int fd) {
  crypto::Sha256 sha;
  auto read = each_piece(fd, [&](ByteView piece) -> Result<void> {
    sha.update(piece);
    return {};
  });
  if (!read) return read.error();
  return base::hex(sha.finish());
}

std::string path_of(const std::string& directory, const std::string& host) {
  return fmt::format("{}/{}{}", directory, kPrefix, host);
}

}  // namespace

bool is_host(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view{".-_:"}.find(c) != std::string_view::npos;
  };
  return !name.empty() && name.find("..") == std::string_view::npos &&
         std::ranges::all_of(name, is_plain);
}

Result<std::vector<Waiting>> list_waiting(const std::string& pending) {
  const Handle<DIR, closedir> list(opendir(pending.c_str()));
  if (!list) return system_error(pending, errno);
  std::vector<Waiting> found;
  while (const dirent* entry = readdir(list.get())) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(kPrefix) || !is_host(name.substr(kPrefix.size()))) continue;
    Waiting waiting;
    waiting.host = name.substr(kPrefix.size());
    const auto fd = open_regular(path_of(pending, waiting.host));
    struct stat facts {};
    if (!fd || fstat(fd->get(), &facts) != 0) continue;  // gone, or not the server's
    waiting.size = static_cast<std::uint64_t>(facts.st_size);
    waiting.received = facts.st_mtim.tv_sec;
    auto digest = digest_of(fd->get());
    if (!digest) return digest.error().within("pending baseline", waiting.host);
    waiting.digest = std::move(*digest);
    found.push_back(std::move(waiting));
  }
  std::ranges::sort(found, {}, &Waiting::host);
  return found;
}

Result<UniqueFd> open_waiting(const std::string& pending, const std::string& host) {
  const std::string path = path_of(pending, host);
  auto fd = open_regular(path);
  if (!fd && fd.error().kind == Error::Kind::Missing) {
    return Error{Error::Kind::Missing, fmt::format("no baseline of {} waits", host)};
  }
  if (!fd) return fd;
  struct stat facts {};
  if (fstat(fd->get(), &facts) != 0) return system_error(path, errno);
  // What root reads here the server's user may read in the end: not a file that he can only link
  // to.
  if (facts.st_nlink != 1) {
    return Error{Error::Kind::Refused, path + ": it has another name elsewhere"};
  }
  return fd;
}

Result<UniqueFd> open_approved(const std::string& data, const std::string& host) {
  for (const std::string& path : {path_of(data, host), data + "/file"}) {
    auto fd = open_regular(path);
    if (fd || fd.error().kind != Error::Kind::Missing) return fd;
  }
  return UniqueFd{};
}

Result<UniqueFd> open_delta(const std::string& data, const std::string& host,
                            const std::string& uuid) {
  return open_regular(path_of(data, host) + "." + uuid);
}

Proposal::Proposal(UniqueFd fd, std::string temporary, std::string path)
    : fd_(std::move(fd)), temporary_(std::move(temporary)), path_(std::move(path)) {}

Proposal::Proposal(Proposal&& other) noexcept
    : fd_(std::move(other.fd_)),
      temporary_(std::exchange(other.temporary_, std::string{})),
      path_(std::move(other.path_)) {}

Proposal::~Proposal() {
  if (!temporary_.empty()) (void)unlink(temporary_.c_str());
}

Result<Proposal> Proposal::begin(const std::string& pending, const std::string& host) {
  // As the server calls what is not whole yet; what nobody has locked it removes at START and
  // SIGHUP.
  std::string temporary = pending + "/.upload-XXXXXX";
  UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return system_error(pending, errno);
  Proposal proposal(std::move(fd), std::move(temporary), path_of(pending, host));
  if (flock(proposal.fd(), LOCK_EX) != 0) return system_error(pending, errno);
  return proposal;
}

Result<void> Proposal::submit() {
  if (fsync(fd_.get()) != 0) return system_error(temporary_, errno);
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return system_error(path_, errno);
  temporary_.clear();
  return sys::flush_directory_of(path_);
}

Result<void> remove_waiting(const std::string& pending, const std::string& host) {
  const std::string path = path_of(pending, host);
  if (unlink(path.c_str()) == 0) return {};
  if (errno == ENOENT) {
    return Error{Error::Kind::Missing, fmt::format("no baseline of {} waits", host)};
  }
  return system_error(path, errno);
}

Approval::Approval(std::string data, std::string pending, std::string host)
    : data_(std::move(data)), pending_(std::move(pending)), host_(std::move(host)) {}

Approval::Approval(Approval&& other) noexcept
    : data_(std::move(other.data_)),
      pending_(std::move(other.pending_)),
      host_(std::move(other.host_)),
      temporary_(std::exchange(other.temporary_, std::string{})),
      waiting_(std::move(other.waiting_)),
      fd_(std::move(other.fd_)),
      digest_(std::move(other.digest_)),
      is_approved_(other.is_approved_) {}

Approval::~Approval() {
  if (!temporary_.empty()) (void)unlink(temporary_.c_str());
}

Result<Approval> Approval::begin(const std::string& data, const std::string& pending,
                                 const std::string& host) {
  auto from = open_waiting(pending, host);
  if (!from) return from.error();
  Approval approval(data, pending, host);
  // Begins with a dot: no name of a file for a client does.
  std::string temporary = data + "/.approval-XXXXXX";
  approval.fd_ = UniqueFd(mkostemp(temporary.data(), O_CLOEXEC));
  if (!approval.fd_) return system_error(data, errno);
  approval.temporary_ = std::move(temporary);
  approval.waiting_ = std::move(*from);
  if (auto copied = approval.copy(approval.waiting_.get()); !copied) {
    return copied.error().within("copy to", data);
  }
  return approval;
}

Result<void> Approval::copy(int from) {
  crypto::Sha256 sha;
  auto copied = each_piece(from, [&](ByteView piece) {
    sha.update(piece);
    return sys::write_all(fd_.get(), piece);
  });
  if (!copied) return copied;
  digest_ = base::hex(sha.finish());
  return {};
}

Result<void> Approval::commit(const std::optional<sys::Identity>& reader) {
  const std::string path = path_of(data_, host_);
  if (reader && fchown(fd_.get(), 0, reader->gid) != 0) return system_error(path, errno);
  if (fchmod(fd_.get(), kMode) != 0 || fsync(fd_.get()) != 0) return system_error(path, errno);
  if (rename(temporary_.c_str(), path.c_str()) != 0) return system_error(path, errno);
  temporary_.clear();
  is_approved_ = true;
  return sys::flush_directory_of(path);
}

/// A look before the removal would not do: a newer one may come in between.  So what has the name
/// loses it first, and gets it back if it is not what was copied.
Result<Approval::Rest> Approval::settle_waiting() const {
  const std::string path = path_of(pending_, host_);
  // The server removes at its start what is called so, should we end on the way.
  const std::string aside = fmt::format("{}/.upload-approved-{}", pending_, getpid());
  if (rename(path.c_str(), aside.c_str()) != 0) {
    if (errno == ENOENT) return Rest::Nothing;  // rejected meanwhile
    return system_error(path, errno);
  }
  struct stat copied {};
  struct stat taken {};
  if (fstat(waiting_.get(), &copied) != 0) return system_error(path, errno);
  if (lstat(aside.c_str(), &taken) != 0) return system_error(aside, errno);
  const bool is_newer = copied.st_dev != taken.st_dev || copied.st_ino != taken.st_ino;
  if (!is_newer) {
    if (unlink(aside.c_str()) != 0) return system_error(aside, errno);
    return Rest::Nothing;
  }
  if (renameat2(AT_FDCWD, aside.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) {
    return Rest::NewerWaits;
  }
  if (errno != EEXIST) return system_error(path, errno);
  // One that is newer still has taken its place.
  if (unlink(aside.c_str()) != 0) return system_error(aside, errno);
  return Rest::NewerWaits;
}

}  // namespace samhain::tools
