#include "server/relay_batch.h"

#include "report/codec.h"

namespace samhain::server {

void write(base::Writer& writer, const RelayBatch& batch) {
  writer.raw_bytes(batch.spool)
      .number(batch.first)
      .number(static_cast<std::uint8_t>(batch.has_begun))
      .number(static_cast<std::uint32_t>(batch.items.size()));
  for (const RelayBatch::Item& item : batch.items) {
    writer.number(static_cast<std::uint32_t>(item.log))
        .number(static_cast<std::uint8_t>(item.severity))
        .bytes(item.body);
  }
}

RelayBatch read_relay_batch(base::Reader& reader) {
  RelayBatch batch;
  batch.spool = reader.array<16>();
  batch.first = reader.number<std::uint64_t>();
  batch.has_begun = reader.number<std::uint8_t>() != 0;
  for (auto n = reader.number<std::uint32_t>(); n > 0 && reader.is_good(); --n) {
    RelayBatch::Item item;
    item.log = reader.number<std::uint32_t>();
    item.severity = static_cast<Severity>(reader.number<std::uint8_t>() % kSeverityCount);
    const ByteView body = reader.bytes(report::kMaxBody);
    item.body.assign(body.begin(), body.end());
    batch.items.push_back(std::move(item));
  }
  return batch;
}

}  // namespace samhain::server
