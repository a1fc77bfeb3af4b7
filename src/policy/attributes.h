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
