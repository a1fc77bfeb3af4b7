#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "baseline/baseline.h"
#include "samhain/handle.h"
#include "sys/file.h"

namespace samhain::baseline {
namespace {

std::string key_path_of(const std::string& path) { return path + ".key"; }

Result<void> judge(int fd) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) return system_error("fstat", errno);
  if (!S_ISREG(facts.st_mode)) return Error{Error::Kind::Refused, "not a regular file"};
  if (facts.st_uid != 0 && facts.st_uid != geteuid()) {
    return Error{Error::Kind::Refused, "owned by another user"};
  }
  if ((facts.st_mode & 0077) != 0) {
    return Error{Error::Kind::Refused, "others may read or write it: make its mode 0600"};
  }
  if (facts.st_size != static_cast<off_t>(crypto::SigningSeed::size())) {
    return Error{Error::Kind::Malformed, "not a key: 32 bytes expected"};
  }
  return {};
}

/// Straight into locked memory: no copy stays behind in a buffer.
Result<crypto::SigningSeed> read_seed(int fd) {
  crypto::SigningSeed seed;
  std::size_t done = 0;
  while (done < crypto::SigningSeed::size()) {
    const auto rest = seed.span().subspan(done);
    const ssize_t got = read(fd, rest.data(), rest.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", errno);
    if (got == 0) return Error{Error::Kind::Malformed, "cut"};
    done += static_cast<std::size_t>(got);
  }
  return seed;
}

}  // namespace

Result<crypto::SigningSeed> load_key(const std::string& path) {
  const std::string key_path = key_path_of(path);
  const UniqueFd fd(open(key_path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY));
  if (!fd && errno == ENOENT) {
    return Error{Error::Kind::Missing, "no such file: init makes it"}.within("key", key_path);
  }
  if (!fd) return system_error("open", errno).within("key", key_path);
  if (auto good = judge(fd.get()); !good) return good.error().within("key", key_path);
  auto seed = read_seed(fd.get());
  if (!seed) return seed.error().within("key", key_path);
  return seed;
}

Result<crypto::SigningSeed> load_or_make_key(const std::string& path) {
  auto known = load_key(path);
  if (known || known.error().kind != Error::Kind::Missing) return known;
  crypto::SigningSeed seed = crypto::make_signing_seed();
  const std::string key_path = key_path_of(path);
  if (auto done = sys::write_file_atomically(key_path, seed.span(), 0600); !done) {
    return done.error().within("key", key_path);
  }
  return seed;
}

}  // namespace samhain::baseline
