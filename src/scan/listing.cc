#include "scan/listing.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace samhain::scan {
namespace {

constexpr std::size_t kBufferSize = 64U << 10;
constexpr std::size_t kNameOffset = offsetof(dirent64, d_name);

}  // namespace

Listing::Listing() : buffer_(kBufferSize) {}

Result<void> Listing::begin(int fd) {
  used_ = at_ = 0;
  fd_ = fd;
  // The descriptor may have been read before: it is kept while a walk is below it.
  if (lseek(fd, 0, SEEK_SET) < 0) return system_error("lseek", errno);
  return {};
}

Result<bool> Listing::next(Item& item) {
  for (;;) {
    if (at_ == used_) {
      const long got = syscall(SYS_getdents64, fd_, buffer_.data(), buffer_.size());
      if (got < 0) return system_error("getdents64", errno);
      if (got == 0) return false;
      used_ = static_cast<std::size_t>(got);
      at_ = 0;
    }
    // The kernel's own records; a file system in user space supplied only the names.
    if (used_ - at_ < kNameOffset + 2) return Error{Error::Kind::Malformed, "getdents64: cut"};
    std::uint16_t size = 0;
    const char* record = buffer_.data() + at_;
    std::memcpy(&size, record + offsetof(dirent64, d_reclen), sizeof size);
    if (size < kNameOffset + 2 || size > used_ - at_) {
      return Error{Error::Kind::Malformed, "getdents64: cut"};
    }
    at_ += size;
    std::memcpy(&item.inode, record + offsetof(dirent64, d_ino), sizeof item.inode);
    item.type = static_cast<std::uint8_t>(record[offsetof(dirent64, d_type)]);
    const char* name = record + kNameOffset;
    item.name = std::string_view(name, strnlen(name, size - kNameOffset));
    if (item.name != "." && item.name != "..") return true;
  }
}

}  // namespace samhain::scan
