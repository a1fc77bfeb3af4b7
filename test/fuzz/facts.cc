// What a measurer answers: the scanner is privileged and takes it for an enemy's.  And, on the way
// back, what a measurer accepts as an order.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "scan/facts_codec.h"
#include "scan/requests.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace scan = samhain::scan;
  const samhain::ByteView payload(data, size);
  if (const auto reply = scan::decode_reply(payload)) {
    for (const auto& facts : reply->answer.facts) {
      if (!scan::is_good_name(facts.name)) abort();
    }
    for (const auto& wanted : reply->answer.rest) {
      if (!scan::is_good_name(wanted.name)) abort();
    }
  }
  if (const auto request = scan::decode_request(payload)) {
    if (!scan::decode_request(scan::encode(*request))) abort();
  }
  (void)scan::decode_begin(payload);
  return 0;
}
