#include "wire/frame.h"

#include <cassert>

#include "base/codec.h"

namespace samhain::wire {
namespace {

constexpr std::size_t kLengthSize = 4;

bool is_known(std::uint8_t type) {
  return type >= static_cast<std::uint8_t>(Type::Hello) &&
         type <= static_cast<std::uint8_t>(Type::Stored);
}

}  // namespace

Result<Frame> decode(ByteView input, std::uint32_t limit) {
  if (input.size() < kLengthSize) return Error{Error::Kind::Incomplete, "frame length"};

  // The first number a stranger gives us: judge it before any arithmetic or allocation.
  base::Reader reader{input};
  const auto length = reader.number<std::uint32_t>();
  if (length == 0) return Error{Error::Kind::Malformed, "frame without a type"};
  if (length > limit) return Error{Error::Kind::Limit, "frame longer than allowed"};
  // The type before the rest: nobody need wait for a megabyte of a message nobody knows.
  if (reader.left() > 0 && !is_known(input[kLengthSize])) {
    return Error{Error::Kind::Malformed, "frame of an unknown type"};
  }
  if (reader.left() < length) return Error{Error::Kind::Incomplete, "frame payload"};
  const auto type = static_cast<Type>(reader.number<std::uint8_t>());
  return Frame{type, reader.raw_bytes(length - 1), kLengthSize + length};
}

void encode(Type type, ByteView payload, Bytes& output) {
  assert(payload.size() < kMaxMember);
  base::Writer head;
  head.number(static_cast<std::uint32_t>(payload.size() + 1))
      .number(static_cast<std::uint8_t>(type));
  output.insert(output.end(), head.view().begin(), head.view().end());
  output.insert(output.end(), payload.begin(), payload.end());
}

}  // namespace samhain::wire
