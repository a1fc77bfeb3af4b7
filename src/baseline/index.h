#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "baseline/baseline.h"
#include "samhain/bytes.h"
#include "samhain/facts.h"
#include "samhain/result.h"

namespace samhain::baseline {

/// Bytes of the file, and what they must be: whoever reads them later checks that they still are
/// what was signed.
struct Chunk {
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
  Digest digest{};
};

/// Entries that one record may have at most.
inline constexpr std::uint32_t kMaxEntries = 4'096;

/// Where the entries of a directory are, some of them: one that has very many has several records.
struct Record {
  std::string path;
  std::uint32_t entries = 0;
  Chunk chunk;
};

/// Records in the order of their paths, as one block of the index; all those of one path lie in the
/// same.
void append_records(std::span<const Record> records, Bytes& output);
/// False: malformed, a path that no directory has, or one too many entries.
bool take_records(ByteView block, std::vector<Record>& records);

/// Where a block of the index is.
struct BlockPlace {
  std::string first_path;
  std::uint64_t first_directory = 0;  ///< how many directories come before
  Chunk chunk;
};

/// The root of a baseline, which comes after everything else.
struct Head {
  About about;
  std::vector<BlockPlace> blocks;  ///< sorted by first_path
  std::optional<Chunk> approvals;
};
Bytes encode(const Head& head);
/// Errors: Malformed.
Result<Head> decode_head(ByteView bytes);

Bytes encode(std::span<const Approval> approvals);
/// Errors: Malformed.
Result<std::vector<Approval>> decode_approvals(ByteView bytes);

/// Bytes that one chunk may have at most; a Writer makes none that is near it.
inline constexpr std::uint32_t kMaxChunk = 64U << 20;

}  // namespace samhain::baseline
