// A database of the original program, which the importer reads; and what its locked-in process
// says.
#include "baseline/original.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace baseline = samhain::baseline;
  const samhain::ByteView bytes(data, size);
  // What was understood can be told to the process that writes it down.
  (void)baseline::read_original(bytes,
                                [](baseline::OriginalObject&& object) -> samhain::Result<void> {
                                  const samhain::Bytes once = baseline::encode(object);
                                  const auto again = baseline::decode_object(once);
                                  if (!again || baseline::encode(*again) != once) abort();
                                  return {};
                                });
  (void)baseline::decode_counts(bytes);
  (void)baseline::decode_object(bytes);
  return 0;
}
