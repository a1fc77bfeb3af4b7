#include "scan/extended.h"

#include <endian.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "base/hex.h"
#include "base/text.h"
#include "crypto/digest.h"

namespace samhain::scan {
namespace {

using policy::Attribute;
using policy::AttributeSet;

constexpr const char* kAccessList = "system.posix_acl_access";
constexpr const char* kDefaultList = "system.posix_acl_default";
constexpr const char* kCapability = "security.capability";
constexpr const char* kSelinux = "security.selinux";
/// Longest value that is shown as it is.
constexpr std::size_t kMaxShown = 64;
/// More text than this of one object is cut and closed by its digest.
constexpr std::size_t kMaxText = 16U << 10;

/// The value of one attribute, or why there is none.
struct Value {
  ByteView bytes;
  int sys_errno = 0;
  bool is_there() const { return sys_errno == 0; }
  bool is_absent() const { return sys_errno == ENODATA || sys_errno == EOPNOTSUPP; }
  std::string trouble() const { return fmt::format("unreadable: {}", std::strerror(sys_errno)); }
};

class Attributes {
 public:
  explicit Attributes(const Subject& subject) : subject_(subject) {
    // The l… calls know no directory descriptor.
    if (subject.fd < 0 && fchdir(subject.directory) != 0) directory_errno_ = errno;
  }

  Value get(const char* name) {
    if (directory_errno_ != 0) return {.bytes = {}, .sys_errno = directory_errno_};
    const ssize_t size = subject_.fd >= 0
                             ? fgetxattr(subject_.fd, name, buffer().data(), buffer().size())
                             : lgetxattr(subject_.name, name, buffer().data(), buffer().size());
    if (size < 0) return {.bytes = {}, .sys_errno = errno};
    return {.bytes = ByteView(buffer()).first(static_cast<std::size_t>(size))};
  }

  /// The names, sorted.  Errors: those of listxattr(2).
  std::optional<std::vector<std::string>> names(int& sys_errno) {
    sys_errno = directory_errno_;
    if (sys_errno != 0) return std::nullopt;
    auto* to = reinterpret_cast<char*>(buffer().data());
    const ssize_t size = subject_.fd >= 0 ? flistxattr(subject_.fd, to, buffer().size())
                                          : llistxattr(subject_.name, to, buffer().size());
    if (size < 0) {
      sys_errno = errno;
      return std::nullopt;
    }
    std::vector<std::string> names;
    const std::string_view all(to, static_cast<std::size_t>(size));
    for (const std::string_view name : base::split(all, std::string_view("\0", 1))) {
      names.emplace_back(name);
    }
    std::ranges::sort(names);
    return names;
  }

 private:
  static std::vector<std::uint8_t>& buffer() {
    static std::vector<std::uint8_t> buffer(kMaxValue);
    return buffer;
  }
  static constexpr std::size_t kMaxValue = 64U << 10;  // linux/limits.h: of a value, of a list

  const Subject& subject_;
  int directory_errno_ = 0;
};

std::string permissions(std::uint32_t bits) {
  std::string text = "---";
  if ((bits & 4) != 0) text[0] = 'r';
  if ((bits & 2) != 0) text[1] = 'w';
  if ((bits & 1) != 0) text[2] = 'x';
  return text;
}

std::string read_acl(Attributes& attributes, std::uint32_t mode) {
  const Value access = attributes.get(kAccessList);
  std::string text = "acl_access:";
  if (access.is_there()) {
    text += acl_text(access.bytes);
  } else {
    text += access.is_absent() ? acl_text(mode) : access.trouble();
  }
  if (!S_ISDIR(mode)) return text;
  const Value inherited = attributes.get(kDefaultList);
  if (inherited.is_absent()) return text;
  text += ",acl_default:";
  return text + (inherited.is_there() ? acl_text(inherited.bytes) : inherited.trouble());
}

bool has_own_word(std::string_view name) {
  return name == kAccessList || name == kDefaultList || name == kCapability || name == kSelinux;
}

bool is_plain(ByteView value) {
  return std::ranges::all_of(value, [](std::uint8_t c) { return c > ' ' && c < 0x7F; });
}

std::string value_text(ByteView value) {
  if (value.size() <= kMaxShown && is_plain(value)) return std::string{as_text(value)};
  return "sha256:" + base::hex(crypto::sha256(value));
}

std::string read_others(Attributes& attributes) {
  int sys_errno = 0;
  const auto names = attributes.names(sys_errno);
  if (!names) {
    return sys_errno == EOPNOTSUPP ? "" : Value{.bytes = {}, .sys_errno = sys_errno}.trouble();
  }
  std::string text;
  for (const std::string& name : *names) {
    if (has_own_word(name)) continue;
    const Value value = attributes.get(name.c_str());
    if (value.is_absent()) continue;
    if (!text.empty()) text.push_back(' ');
    text += name + "=" + (value.is_there() ? value_text(value.bytes) : value.trouble());
  }
  if (text.size() > kMaxText) {
    const std::string whole = base::hex(crypto::sha256(as_bytes(text)));
    text.resize(kMaxText);
    text += " sha256:" + whole;
  }
  return text;
}

std::string label_text(const Value& value) {
  if (value.is_absent()) return "";
  if (!value.is_there()) return value.trouble();
  std::string text{as_text(value.bytes)};
  while (text.ends_with('\0')) text.pop_back();
  return text;
}

constexpr std::array<std::string_view, 41> kCapabilityNames = {"chown",
                                                               "dac_override",
                                                               "dac_read_search",
                                                               "fowner",
                                                               "fsetid",
                                                               "kill",
                                                               "setgid",
                                                               "setuid",
                                                               "setpcap",
                                                               "linux_immutable",
                                                               "net_bind_service",
                                                               "net_broadcast",
                                                               "net_admin",
                                                               "net_raw",
                                                               "ipc_lock",
                                                               "ipc_owner",
                                                               "sys_module",
                                                               "sys_rawio",
                                                               "sys_chroot",
                                                               "sys_ptrace",
                                                               "sys_pacct",
                                                               "sys_admin",
                                                               "sys_boot",
                                                               "sys_nice",
                                                               "sys_resource",
                                                               "sys_time",
                                                               "sys_tty_config",
                                                               "mknod",
                                                               "lease",
                                                               "audit_write",
                                                               "audit_control",
                                                               "setfcap",
                                                               "mac_override",
                                                               "mac_admin",
                                                               "syslog",
                                                               "wake_alarm",
                                                               "block_suspend",
                                                               "audit_read",
                                                               "perfmon",
                                                               "bpf",
                                                               "checkpoint_restore"};

std::string capability_names(std::uint64_t set) {
  std::string text;
  for (unsigned i = 0; i < 64; ++i) {
    if ((set >> i & 1U) == 0) continue;
    if (!text.empty()) text.push_back(',');
    text += i < kCapabilityNames.size() ? fmt::format("cap_{}", kCapabilityNames[i])
                                        : fmt::format("cap_{}", i);
  }
  return text;
}

}  // namespace

bool wants_extended(AttributeSet attributes) {
  constexpr std::uint32_t kExtended = static_cast<std::uint32_t>(Attribute::Acl) |
                                      static_cast<std::uint32_t>(Attribute::Capabilities) |
                                      static_cast<std::uint32_t>(Attribute::Selinux) |
                                      static_cast<std::uint32_t>(Attribute::Xattrs);
  return (attributes.bits() & kExtended) != 0;
}

void read_extended(const Subject& subject, AttributeSet attributes, ExtendedFacts& facts) {
  Attributes all(subject);
  // A symlink has no list of its own.
  if (attributes.has(Attribute::Acl) && !S_ISLNK(subject.mode)) {
    facts.acl = read_acl(all, subject.mode);
  }
  if (attributes.has(Attribute::Capabilities) && S_ISREG(subject.mode)) {
    const Value value = all.get(kCapability);
    if (value.is_there()) {
      facts.capabilities = capabilities_text(value.bytes);
    } else if (!value.is_absent()) {
      facts.capabilities = value.trouble();
    }
  }
  if (attributes.has(Attribute::Selinux)) facts.selinux = label_text(all.get(kSelinux));
  if (attributes.has(Attribute::Xattrs)) facts.xattrs = read_others(all);
}

std::string acl_text(std::uint32_t mode) {
  return fmt::format("u::{},g::{},o::{}", permissions(mode >> 6), permissions(mode >> 3),
                     permissions(mode));
}

std::string acl_text(ByteView list) {
  posix_acl_xattr_header head{};
  posix_acl_xattr_entry entry{};
  if (list.size() < sizeof head || (list.size() - sizeof head) % sizeof entry != 0) {
    return "malformed";
  }
  std::memcpy(&head, list.data(), sizeof head);
  if (le32toh(head.a_version) != POSIX_ACL_XATTR_VERSION) return "malformed";
  std::string text;
  for (list = list.subspan(sizeof head); !list.empty(); list = list.subspan(sizeof entry)) {
    std::memcpy(&entry, list.data(), sizeof entry);
    if (!text.empty()) text.push_back(',');
    const std::string may = permissions(le16toh(entry.e_perm));
    const std::uint32_t id = le32toh(entry.e_id);
    switch (le16toh(entry.e_tag)) {
      case ACL_USER_OBJ:
        text += "u::" + may;
        break;
      case ACL_USER:
        text += fmt::format("u:{}:{}", id, may);
        break;
      case ACL_GROUP_OBJ:
        text += "g::" + may;
        break;
      case ACL_GROUP:
        text += fmt::format("g:{}:{}", id, may);
        break;
      case ACL_MASK:
        text += "m::" + may;
        break;
      case ACL_OTHER:
        text += "o::" + may;
        break;
      default:
        return "malformed";
    }
  }
  return text;
}

std::string capabilities_text(ByteView value) {
  vfs_ns_cap_data data{};
  if (value.size() != XATTR_CAPS_SZ_2 && value.size() != XATTR_CAPS_SZ_3) return "malformed";
  std::memcpy(&data, value.data(), value.size());
  const std::uint32_t magic = le32toh(data.magic_etc);
  const auto whole = [](__le32 low, __le32 high) {
    return std::uint64_t{le32toh(high)} << 32 | le32toh(low);
  };
  const std::uint64_t permitted = whole(data.data[0].permitted, data.data[1].permitted);
  const std::uint64_t inheritable = whole(data.data[0].inheritable, data.data[1].inheritable);
  const bool is_effective = (magic & VFS_CAP_FLAGS_EFFECTIVE) != 0;
  std::string text;
  const auto add = [&](std::uint64_t set, std::string_view flags) {
    if (set == 0) return;
    if (!text.empty()) text.push_back(' ');
    text += fmt::format("{}={}", capability_names(set), flags);
  };
  const std::string_view e = is_effective ? "e" : "";
  add(permitted & ~inheritable, fmt::format("{}p", e));
  add(permitted & inheritable, fmt::format("{}ip", e));
  add(inheritable & ~permitted, "i");
  if (text.empty()) text = "=";
  if (value.size() == XATTR_CAPS_SZ_3 && le32toh(data.rootid) != 0) {
    text += fmt::format(" [rootid={}]", le32toh(data.rootid));
  }
  return text;
}

}  // namespace samhain::scan
