#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace samhain {

/// Where the client's binary holds its password (samhain_setpwd(8)):
/// `16 bytes magic | u8 state | u8 length | 64 bytes digits`, the digits in ASCII, unused ones
/// zero. samhain_setpwd finds the slot by its magic, which therefore occurs once in a binary.
inline constexpr std::size_t kSlotMagicSize = 16;
inline constexpr std::size_t kSlotStateOffset = kSlotMagicSize;
inline constexpr std::size_t kSlotLengthOffset = kSlotStateOffset + 1;
inline constexpr std::size_t kSlotDigitsOffset = kSlotLengthOffset + 1;
inline constexpr std::size_t kSlotMaxDigits = 64;
inline constexpr std::size_t kSlotSize = kSlotDigitsOffset + kSlotMaxDigits;

/// The state byte.
inline constexpr std::uint8_t kSlotUnset = 0x55;
inline constexpr std::uint8_t kSlotSet = 0xAA;

/// A function and not a constant: a constant's bytes would stand a second time in the binary, in
/// its debugging information.
consteval std::array<std::uint8_t, kSlotMagicSize> slot_magic() {
  return {0x9b, 0x53, 0xe1, 0x0d, 0xc4, 0x7a, 0x38, 0xf6,
          0x21, 0x8e, 0xb5, 0x6c, 0xd9, 0x02, 0xaf, 0x74};
}

}  // namespace samhain
