#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/codec.h"
#include "samhain/bytes.h"
#include "samhain/severity.h"
#include "wire/messages.h"

namespace samhain::server {

/// Clients' reports on their way to the spool for the next server, put there when the logs have
/// them.  The ledger's intent holds them meanwhile, so that a kill in between can be made good
/// (docs/architecture.md, section Exactly once).
struct RelayBatch {
  struct Item {
    unsigned log = 0;  ///< which log has it: only what is there may go on
    Severity severity = Severity::Info;
    Bytes body;  ///< as the next server gets it
  };
  wire::Id spool{};
  std::uint64_t first = 0;  ///< the spool's number for the first of them
  /// Some may be in the spool already: as many as numbers from `first` on are given.
  bool has_begun = false;
  std::vector<Item> items;
};

/// id, u64 first, u8 has_begun, u32 n * (u32 log, u8 severity, bytes body).
void write(base::Writer& writer, const RelayBatch& batch);
inline constexpr std::size_t kHasBegunAt = 16 + 8;  ///< where in what was written
/// Whether it is one, the reader tells.
RelayBatch read_relay_batch(base::Reader& reader);

}  // namespace samhain::server
