#include "wire/frame.h"

#include <algorithm>
#include <cstdlib>

// A stream of frames, cut as a receiver does: whatever is found lies within the input and would be
// written the same again; a stranger never gets more than a member.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samhain;
  ByteView rest{data, size};
  while (true) {
    const auto frame = wire::decode(rest, wire::kMaxMember);
    const auto of_stranger = wire::decode(rest, wire::kMaxStranger);
    if (!frame) {
      if (of_stranger) std::abort();
      return 0;
    }
    if (of_stranger && of_stranger->size != frame->size) std::abort();
    if (frame->size > rest.size() || frame->size != frame->payload.size() + 5) std::abort();
    Bytes again;
    wire::encode(frame->type, frame->payload, again);
    if (!std::equal(again.begin(), again.end(), rest.begin())) std::abort();
    rest = rest.subspan(frame->size);
  }
}
