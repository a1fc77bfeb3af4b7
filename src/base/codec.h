#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "samhain/bytes.h"

namespace samhain::base {

/// Appends numbers (big-endian) and byte strings (`u32 length | bytes`) to a buffer: the one binary
/// notation of this project, on the wire, between our processes and in the spool.
class Writer {
 public:
  template <std::integral T>
  Writer& number(T value) {
    auto bits = static_cast<std::make_unsigned_t<T>>(value);
    std::array<std::uint8_t, sizeof(T)> raw{};
    for (std::size_t i = sizeof(T); i-- > 0;) {
      raw[i] = static_cast<std::uint8_t>(bits & 0xFF);
      if constexpr (sizeof(T) > 1) bits = static_cast<decltype(bits)>(bits >> 8);
    }
    return raw_bytes(raw);
  }
  Writer& raw_bytes(ByteView bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  Writer& bytes(ByteView value) {
    return number(static_cast<std::uint32_t>(value.size())).raw_bytes(value);
  }
  Writer& text(std::string_view value) { return bytes(as_bytes(value)); }

  std::size_t size() const { return bytes_.size(); }
  ByteView view() const { return bytes_; }
  Bytes take() { return std::move(bytes_); }
  void clear() { bytes_.clear(); }

 private:
  Bytes bytes_;
};

/// Takes the same apart again.  A read past the end, or a length that does not fit, makes the
/// reader bad for ever: read everything, then ask is_complete() once.  Views borrow from the input.
class Reader {
 public:
  explicit Reader(ByteView input) : rest_(input) {}

  template <std::integral T>
  T number() {
    const ByteView raw = raw_bytes(sizeof(T));
    std::make_unsigned_t<T> value = 0;
    for (const std::uint8_t b : raw) {
      if constexpr (sizeof(T) > 1) value = static_cast<decltype(value)>(value << 8);
      value = static_cast<decltype(value)>(value | b);
    }
    return static_cast<T>(value);
  }
  ByteView raw_bytes(std::size_t size) {
    if (size > rest_.size()) {
      is_good_ = false;
      rest_ = {};
      return {};
    }
    const ByteView result = rest_.first(size);
    rest_ = rest_.subspan(size);
    return result;
  }
  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> result{};
    const ByteView raw = raw_bytes(N);
    for (std::size_t i = 0; i < raw.size(); ++i) result[i] = raw[i];
    return result;
  }
  ByteView bytes(std::uint32_t limit = std::numeric_limits<std::uint32_t>::max()) {
    const auto size = number<std::uint32_t>();
    if (size > limit) {
      is_good_ = false;
      rest_ = {};
      return {};
    }
    return raw_bytes(size);
  }
  std::string_view text(std::uint32_t limit = std::numeric_limits<std::uint32_t>::max()) {
    return as_text(bytes(limit));
  }

  std::size_t left() const { return rest_.size(); }
  bool is_good() const { return is_good_; }
  /// Nothing was missing and nothing is left over.
  bool is_complete() const { return is_good_ && rest_.empty(); }

 private:
  ByteView rest_;
  bool is_good_ = true;
};

}  // namespace samhain::base
