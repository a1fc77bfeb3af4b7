#include "uplink/password.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "base/text.h"
#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/password_slot.h"
#include "srp/verifier.h"

namespace samhain::uplink {

namespace {

constexpr std::size_t kSlotPageSize = 4096;

/// A page of its own, so that wiping can replace the whole mapping and nothing else.
struct alignas(kSlotPageSize) SlotPage {
  std::uint8_t bytes[kSlotPageSize];
};

consteval SlotPage unset_slot() {
  SlotPage page{};
  const auto magic = slot_magic();
  for (std::size_t i = 0; i < magic.size(); ++i) page.bytes[i] = magic[i];
  page.bytes[kSlotStateOffset] = kSlotUnset;
  return page;
}

// Volatile: samhain_setpwd changes these bytes in the file, behind the compiler's back.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): wiped at run time
[[gnu::used]] volatile SlotPage slot = unset_slot();

constexpr std::size_t kMaxPasswordFile = 128;

}  // namespace

Result<Password> Password::from(std::string_view digits) {
  if (auto good = srp::check_password(digits); !good) return good.error();
  Password password;
  if (digits.size() > password.digits_.size()) {
    return Error{Error::Kind::Malformed, "a password has at most 64 hex digits"};
  }
  memcpy(password.digits_.span().data(), digits.data(), digits.size());
  password.length_ = digits.size();
  return password;
}

std::string_view Password::text() const { return as_text(digits_.span()).substr(0, length_); }

Result<Password> take_embedded_password() {
  SecretBytes<kSlotMaxDigits> digits;
  const std::uint8_t state = slot.bytes[kSlotStateOffset];
  const std::size_t length = slot.bytes[kSlotLengthOffset];
  for (std::size_t i = 0; i < kSlotMaxDigits; ++i) {
    digits.span()[i] = slot.bytes[kSlotDigitsOffset + i];
  }
  wipe_embedded_password();
  if (state == kSlotUnset || state == 0) {
    return Error{
        Error::Kind::Missing,
        "this program has no password: give it one with samhain_setpwd(8), or name a password "
        "file with SetPasswordFile"};
  }
  if (state != kSlotSet || length > kSlotMaxDigits) {
    return Error{Error::Kind::Malformed,
                 "the password in this program is damaged: install it anew"};
  }
  auto password = Password::from(as_text(digits.span()).substr(0, length));
  if (!password) return password.error().within("password in this program", "");
  return password;
}

void wipe_embedded_password() {
  // Overwriting alone would leave the file's page one madvise(2) away; a mapping of its own does
  // not.
  auto* page = const_cast<std::uint8_t*>(slot.bytes);
  explicit_bzero(page, kSlotPageSize);
  if (sysconf(_SC_PAGESIZE) != static_cast<long>(kSlotPageSize)) return;
  (void)mmap(page, kSlotPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
             -1,
             0);  // may fail only for want of memory: the bytes are overwritten all the same
}

Result<Password> load_password(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!fd) return system_error("password file " + path, errno);
  struct stat facts {};
  if (fstat(fd.get(), &facts) != 0) return system_error("password file " + path, errno);
  const auto refuse = [&](std::string_view why) {
    return Error{Error::Kind::Refused, fmt::format("password file {}: {}", path, why)};
  };
  if (!S_ISREG(facts.st_mode)) return refuse("not a plain file");
  if (facts.st_uid != 0 && facts.st_uid != geteuid())
    return refuse("owned neither by root nor by us");
  if ((facts.st_mode & 077) != 0) return refuse("others may read or write it: chmod 600 it");

  SecretBytes<kMaxPasswordFile> content;
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t count = read(fd.get(), content.span().data() + size, content.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("password file " + path, errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  std::string_view line = as_text(content.span()).substr(0, size);
  while (line.ends_with('\n')) line.remove_suffix(1);
  auto password = Password::from(base::trim(line));
  if (!password) return password.error().within("password file", path);
  return password;
}

}  // namespace samhain::uplink
