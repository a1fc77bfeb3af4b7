// The pieces of a baseline, which a server's word or an upload can bring to us: entries, blocks of
// the index, head and history.  The first byte says which.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "baseline/entry_codec.h"
#include "baseline/index.h"

namespace {

namespace baseline = samhain::baseline;
using samhain::Bytes;
using samhain::ByteView;

/// What was understood is written in a way that is understood as the same.
void check_entries(ByteView bytes) {
  std::vector<baseline::Entry> entries;
  if (!baseline::take_entries(bytes, baseline::kMaxEntries, entries)) return;
  if (entries.size() > baseline::kMaxEntries) abort();
  for (const baseline::Entry& entry : entries) {
    if (!baseline::is_object_name(entry.facts.name)) abort();
  }
  Bytes once;
  baseline::append_entries(entries, once);
  std::vector<baseline::Entry> again;
  if (!baseline::take_entries(once, baseline::kMaxEntries, again) || again.size() != entries.size())
    abort();
  Bytes twice;
  baseline::append_entries(again, twice);
  if (once != twice) abort();
}

void check_records(ByteView bytes) {
  std::vector<baseline::Record> records;
  if (!baseline::take_records(bytes, records)) return;
  for (const baseline::Record& record : records) {
    if (!baseline::is_directory_path(record.path)) abort();
  }
  Bytes once;
  baseline::append_records(records, once);
  std::vector<baseline::Record> again;
  if (!baseline::take_records(once, again) || again.size() != records.size()) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      check_entries(bytes);
      break;
    case 1:
      check_records(bytes);
      break;
    case 2:
      (void)baseline::decode_head(bytes);
      break;
    default:
      (void)baseline::decode_approvals(bytes);
      break;
  }
  return 0;
}
