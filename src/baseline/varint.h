#pragma once

#include <cstddef>
#include <cstdint>

#include "samhain/bytes.h"

namespace samhain::baseline {

// Numbers of a baseline: seven bits a byte, the lowest first, the eighth says that more follow;
// signed ones are folded so that small ones of either sign are short ("zigzag").

inline void put_varint(std::uint64_t value, Bytes& output) {
  for (; value >= 0x80; value >>= 7) output.push_back(static_cast<std::uint8_t>(value | 0x80));
  output.push_back(static_cast<std::uint8_t>(value));
}

inline void put_signed(std::int64_t value, Bytes& output) {
  put_varint(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63),
             output);
}

/// Takes numbers and bytes off the front of an input.  A read past the end makes it bad for ever:
/// read everything, then ask is_good() once.
class Cursor {
 public:
  explicit Cursor(ByteView input) : rest_(input) {}

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      const std::uint8_t byte = rest_.front();
      rest_ = rest_.subspan(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    fail();
    return 0;
  }
  std::int64_t signed_number() {
    const std::uint64_t folded = varint();
    return static_cast<std::int64_t>(folded >> 1 ^ (~(folded & 1) + 1));
  }
  /// A varint that must fit.
  template <class T>
  T small() {
    const std::uint64_t value = varint();
    if (static_cast<T>(value) != value) fail();
    return static_cast<T>(value);
  }
  ByteView bytes(std::uint64_t size) {
    if (size > rest_.size()) {
      fail();
      return {};
    }
    const ByteView taken = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(static_cast<std::size_t>(size));
    return taken;
  }
  std::string_view text() { return as_text(bytes(varint())); }

  bool is_good() const { return is_good_; }
  bool is_empty() const { return rest_.empty(); }
  std::size_t left() const { return rest_.size(); }

 private:
  void fail() {
    is_good_ = false;
    rest_ = {};
  }
  ByteView rest_;
  bool is_good_ = true;
};

}  // namespace samhain::baseline
