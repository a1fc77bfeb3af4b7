#include "baseline/index.h"

#include <algorithm>
#include <string_view>

#include "baseline/entry_codec.h"
#include "baseline/varint.h"

namespace samhain::baseline {
namespace {

Error malformed(const char* what) { return Error{Error::Kind::Malformed, what}; }

void put_text(std::string_view text, Bytes& output) {
  put_varint(text.size(), output);
  const ByteView bytes = as_bytes(text);
  output.insert(output.end(), bytes.begin(), bytes.end());
}

void put_chunk(const Chunk& chunk, Bytes& output) {
  put_varint(chunk.offset, output);
  put_varint(chunk.size, output);
  output.insert(output.end(), chunk.digest.begin(), chunk.digest.end());
}

Chunk take_chunk(Cursor& cursor) {
  Chunk chunk;
  chunk.offset = cursor.varint();
  chunk.size = cursor.small<std::uint32_t>();
  std::ranges::copy(cursor.bytes(chunk.digest.size()), chunk.digest.begin());
  return chunk;
}

std::optional<DigestKind> take_kind(Cursor& cursor) {
  const auto kind = cursor.small<std::uint8_t>();
  if (!cursor.is_good() || kind > kLastDigestKind) return std::nullopt;
  return static_cast<DigestKind>(kind);
}

}  // namespace

void append_records(std::span<const Record> records, Bytes& output) {
  std::string_view before;
  for (const Record& record : records) {
    const std::string_view path = record.path;
    const auto at = std::ranges::mismatch(before, path).in2;
    const auto shared = static_cast<std::size_t>(at - path.begin());
    put_varint(shared, output);
    put_text(path.substr(shared), output);
    put_varint(record.entries, output);
    put_chunk(record.chunk, output);
    before = path;
  }
}

bool take_records(ByteView block, std::vector<Record>& records) {
  Cursor cursor(block);
  std::string path;
  std::size_t bytes_of_paths = 0;
  while (!cursor.is_empty()) {
    const std::uint64_t shared = cursor.varint();
    if (shared > path.size()) return false;
    path.resize(static_cast<std::size_t>(shared));
    path += cursor.text();
    Record& record = records.emplace_back();
    record.path = path;
    record.entries = cursor.small<std::uint32_t>();
    record.chunk = take_chunk(cursor);
    if (!cursor.is_good() || record.entries > kMaxEntries) return false;
    // What they share has no bytes in the block, but in memory.
    bytes_of_paths += path.size();
    if (bytes_of_paths > kMaxChunk || !is_directory_path(path)) return false;
  }
  return true;
}

Bytes encode(const Head& head) {
  Bytes output;
  put_text(head.about.program, output);
  put_signed(head.about.created, output);
  output.push_back(static_cast<std::uint8_t>(head.about.digests.first));
  output.push_back(static_cast<std::uint8_t>(head.about.digests.second));
  put_varint(head.about.entries, output);
  put_varint(head.about.directories, output);
  put_varint(head.about.content_bytes, output);
  output.push_back(head.approvals ? 1 : 0);
  if (head.approvals) put_chunk(*head.approvals, output);
  for (const BlockPlace& block : head.blocks) {
    put_text(block.first_path, output);
    put_varint(block.first_directory, output);
    put_chunk(block.chunk, output);
  }
  return output;
}

Result<Head> decode_head(ByteView bytes) {
  Cursor cursor(bytes);
  Head head;
  head.about.program = cursor.text();
  head.about.created = cursor.signed_number();
  const auto first = take_kind(cursor);
  const auto second = take_kind(cursor);
  if (!first || !second) return malformed("unknown digest");
  head.about.digests = {.first = *first, .second = *second};
  head.about.entries = cursor.varint();
  head.about.directories = cursor.varint();
  head.about.content_bytes = cursor.varint();
  if (cursor.small<std::uint8_t>() != 0) head.approvals = take_chunk(cursor);
  while (cursor.is_good() && !cursor.is_empty()) {
    BlockPlace& block = head.blocks.emplace_back();
    block.first_path = cursor.text();
    block.first_directory = cursor.varint();
    block.chunk = take_chunk(cursor);
  }
  if (!cursor.is_good()) return malformed("broken index");
  return head;
}

Bytes encode(std::span<const Approval> approvals) {
  Bytes output;
  for (const Approval& approval : approvals) {
    put_signed(approval.time, output);
    put_text(approval.who, output);
    put_text(approval.reason, output);
    put_text(approval.path, output);
    put_text(approval.change, output);
  }
  return output;
}

Result<std::vector<Approval>> decode_approvals(ByteView bytes) {
  Cursor cursor(bytes);
  std::vector<Approval> approvals;
  while (cursor.is_good() && !cursor.is_empty()) {
    Approval& approval = approvals.emplace_back();
    approval.time = cursor.signed_number();
    approval.who = cursor.text();
    approval.reason = cursor.text();
    approval.path = cursor.text();
    approval.change = cursor.text();
  }
  if (!cursor.is_good()) return malformed("broken history");
  return approvals;
}

}  // namespace samhain::baseline
