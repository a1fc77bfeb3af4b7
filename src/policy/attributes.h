#pragma once

#include <cstdint>
#include <string_view>

namespace samhain::policy {

/// What is compared of an object; the words of the original (samhainrc(5), ATTRIBUTES).
enum class Attribute : std::uint32_t {
  Checksum = 0x0001,   ///< CHK
  Link = 0x0002,       ///< LNK
  Inode = 0x0004,      ///< INO
  User = 0x0008,       ///< USR
  Group = 0x0010,      ///< GRP
  Mtime = 0x0020,      ///< MTM
  Ctime = 0x0040,      ///< CTM
  Atime = 0x0080,      ///< ATM
  Size = 0x0100,       ///< SIZ
  Mode = 0x0200,       ///< MOD: permissions, type and the file system's attribute letters
  Hardlinks = 0x0400,  ///< HLN
  Device = 0x0800,     ///< RDEV
  Growing = 0x1000,    ///< SGROW: size may grow, the old content must still be the beginning
  Prelinked = 0x2000,  ///< PRE: of an ELF file, the content as prelink(8) undoes it
  Content = 0x4000,    ///< TXT: the content itself is kept in the baseline; CHK comes with it
  Audit = 0x8000,      ///< AUDIT: auditd is asked who changed it

  // What the original has no words for.
  Flags = 0x1'0000,         ///< FLAGS: all of lsattr(1), where MOD takes twelve letters of it
  Acl = 0x2'0000,           ///< ACL: POSIX access control lists
  Capabilities = 0x4'0000,  ///< CAP: capabilities(7) that a program has by its file
  Selinux = 0x8'0000,       ///< SELINUX: the label
  Xattrs = 0x10'0000,       ///< XATTR: all other extended attributes, xattr(7)
  Birth = 0x20'0000,        ///< BTM: when it was made, where the file system knows
};

class AttributeSet {
 public:
  constexpr AttributeSet() = default;
  constexpr explicit AttributeSet(std::uint32_t bits) : bits_(bits) {}
  constexpr bool has(Attribute a) const { return (bits_ & static_cast<std::uint32_t>(a)) != 0; }
  constexpr void add(Attribute a) { bits_ |= static_cast<std::uint32_t>(a); }
  constexpr void remove(Attribute a) { bits_ &= ~static_cast<std::uint32_t>(a); }
  constexpr bool is_empty() const { return bits_ == 0; }
  constexpr std::uint32_t bits() const { return bits_; }
  constexpr bool operator==(const AttributeSet&) const = default;

 private:
  std::uint32_t bits_ = 0;
};

}  // namespace samhain::policy
