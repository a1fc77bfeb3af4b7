// A spool segment as a bad disk may leave it: what is found rises, lies inside, and can be written
// again.

#include "spool/segment.h"

#include <cassert>
#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samhain;
  const ByteView input{data, size};
  std::uint64_t last = 0;
  base::Writer good;
  const spool::Survey found = spool::survey(input, 1, [&](const spool::Record& record) {
    assert(record.seq > last);
    last = record.seq;
    spool::append_record(good, record.seq, record.severity, record.body);
  });
  assert(found.last == last);
  assert(found.good_end <= size);
  assert(good.size() <= found.good_end);

  const spool::Survey again = spool::survey(good.view(), 1, [](const spool::Record&) {});
  assert(again.good_end == good.size() && !again.has_hole && !again.has_bad_tail);
  return 0;
}
