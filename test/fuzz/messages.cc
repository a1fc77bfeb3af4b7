#include "wire/messages.h"

#include <algorithm>
#include <cstdlib>

#include "wire/files.h"
#include "wire/frame.h"

namespace {

using samhain::Bytes;
using samhain::ByteView;

// There is one way to write a message: what is taken must be written the same again.
template <class T>
void check(const samhain::Result<T>& message, ByteView payload) {
  if (!message) return;
  const Bytes again = samhain::wire::encode(*message);
  if (!std::equal(again.begin(), again.end(), payload.begin(), payload.end())) std::abort();
}

}  // namespace

// The first byte is the type, the rest the payload.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samhain::wire;
  if (size == 0) return 0;
  const ByteView payload{data + 1, size - 1};
  switch (static_cast<Type>(data[0])) {
    case Type::Hello:
      check(decode_hello(payload), payload);
      break;
    case Type::Challenge:
      check(decode_challenge(payload), payload);
      break;
    case Type::Proof:
      check(decode_proof(payload), payload);
      break;
    case Type::Accepted:
      check(decode_accepted(payload), payload);
      break;
    case Type::Refused:
      check(decode_refused(payload), payload);
      break;
    case Type::Resume:
      check(decode_resume(payload), payload);
      break;
    case Type::Resumed:
      check(decode_resumed(payload), payload);
      break;
    case Type::Report:
      check(decode_report(payload), payload);
      break;
    case Type::Ack:
      check(decode_ack(payload), payload);
      break;
    case Type::Get:
      check(decode_get(payload), payload);
      break;
    case Type::File:
      check(decode_file(payload), payload);
      break;
    case Type::Put:
      check(decode_put(payload), payload);
      break;
    case Type::End:
    case Type::Unchanged:
    case Type::NoFile:
    case Type::Stored:
      if (const auto tag = decode_tag(payload); tag && encode_tag(*tag).size() != size - 1) {
        std::abort();
      }
      break;
    case Type::Invalid:  // have no payload to take apart
    case Type::Chunk:
      break;
  }
  return 0;
}
