#include "scan/facts_codec.h"

#include <array>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "base/codec.h"

namespace samhain::scan {
namespace {

struct Block {
  std::uint64_t inode, device, rdevice, size;
  std::int64_t atime, mtime, ctime, btime;
  std::uint32_t atime_ns, mtime_ns, ctime_ns, btime_ns;
  std::uint32_t mode, uid, gid, links, flags;
  std::int32_t failed_errno;
  std::uint32_t extended_size;  ///< 0: there are no extended facts
  std::uint16_t name_size, target_size;
  std::uint8_t failed_stage, digest_kind, second_kind, prefix_kind;
  std::array<std::uint8_t, 4> zero;
};
static_assert(std::is_trivially_copyable_v<Block> &&
                  std::has_unique_object_representations_v<Block>,
              "no byte of padding goes to the other process");

constexpr auto kLastStage = static_cast<std::uint8_t>(Stage::Unstable);
constexpr std::uint32_t kMaxExtended = 128U << 10;

std::uint8_t number_of(const ContentDigest& digest) {
  return static_cast<std::uint8_t>(digest.kind);
}

Bytes encode_extended(const ExtendedFacts& extended) {
  base::Writer writer;
  writer.text(extended.acl)
      .text(extended.capabilities)
      .text(extended.selinux)
      .text(extended.xattrs)
      .text(extended.content)
      .number(extended.oversize);
  return writer.take();
}

Block block_of(const FileFacts& facts, std::size_t extended_size) {
  return Block{.inode = facts.inode,
               .device = facts.device,
               .rdevice = facts.rdevice,
               .size = facts.size,
               .atime = facts.atime.seconds,
               .mtime = facts.mtime.seconds,
               .ctime = facts.ctime.seconds,
               .btime = facts.btime.seconds,
               .atime_ns = facts.atime.nanoseconds,
               .mtime_ns = facts.mtime.nanoseconds,
               .ctime_ns = facts.ctime.nanoseconds,
               .btime_ns = facts.btime.nanoseconds,
               .mode = facts.mode,
               .uid = facts.uid,
               .gid = facts.gid,
               .links = facts.links,
               .flags = facts.flags,
               .failed_errno = facts.failed_errno,
               .extended_size = static_cast<std::uint32_t>(extended_size),
               .name_size = static_cast<std::uint16_t>(facts.name.size()),
               .target_size = static_cast<std::uint16_t>(facts.target.size()),
               .failed_stage = static_cast<std::uint8_t>(facts.failed_stage),
               .digest_kind = number_of(facts.digest),
               .second_kind = number_of(facts.second_digest),
               .prefix_kind = number_of(facts.prefix_digest),
               .zero = {}};
}

void take_numbers(const Block& block, FileFacts& facts) {
  facts.inode = block.inode;
  facts.device = block.device;
  facts.rdevice = block.rdevice;
  facts.size = block.size;
  facts.atime = Timestamp{block.atime, block.atime_ns};
  facts.mtime = Timestamp{block.mtime, block.mtime_ns};
  facts.ctime = Timestamp{block.ctime, block.ctime_ns};
  facts.btime = Timestamp{block.btime, block.btime_ns};
  facts.mode = block.mode;
  facts.uid = block.uid;
  facts.gid = block.gid;
  facts.links = block.links;
  facts.flags = block.flags;
  facts.failed_errno = block.failed_errno;
  facts.failed_stage = static_cast<Stage>(block.failed_stage);
}

std::string_view take_text(ByteView& input, std::size_t size) {
  const ByteView text = input.first(size);
  input = input.subspan(size);
  return as_text(text);
}

void take_digest(ByteView& input, std::uint8_t kind, ContentDigest& digest) {
  digest = ContentDigest{.kind = static_cast<DigestKind>(kind)};
  const std::size_t size = size_of(digest.kind);
  std::memcpy(digest.bytes.data(), input.data(), size);
  input = input.subspan(size);
}

bool take_extended(ByteView input, std::shared_ptr<const ExtendedFacts>& place) {
  place.reset();
  if (input.empty()) return true;
  base::Reader reader(input);
  ExtendedFacts extended;
  extended.acl = reader.text();
  extended.capabilities = reader.text();
  extended.selinux = reader.text();
  extended.xattrs = reader.text();
  extended.content = reader.text();
  extended.oversize = reader.number<std::uint64_t>();
  if (!reader.is_complete()) return false;
  place = std::make_shared<const ExtendedFacts>(std::move(extended));
  return true;
}

bool is_possible(const Block& block) {
  return block.failed_stage <= kLastStage && block.digest_kind <= kLastDigestKind &&
         block.second_kind <= kLastDigestKind && block.prefix_kind <= kLastDigestKind &&
         block.name_size <= kMaxName && block.target_size <= kMaxTarget &&
         block.extended_size <= kMaxExtended && block.zero == decltype(block.zero){};
}

std::size_t digest_bytes(const Block& block) {
  return size_of(static_cast<DigestKind>(block.digest_kind)) +
         size_of(static_cast<DigestKind>(block.second_kind)) +
         size_of(static_cast<DigestKind>(block.prefix_kind));
}

}  // namespace

bool is_good_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

void append_facts(const FileFacts& facts, Bytes& output) {
  const Bytes extended = facts.extended ? encode_extended(*facts.extended) : Bytes{};
  const Block block = block_of(facts, extended.size());
  const std::size_t start = output.size();
  output.resize(start + sizeof block + facts.name.size() + facts.target.size() +
                digest_bytes(block) + extended.size());
  std::uint8_t* to = output.data() + start;
  const auto put = [&to](const void* from, std::size_t size) {
    if (size > 0) std::memcpy(to, from, size);
    to += size;
  };
  put(&block, sizeof block);
  put(facts.name.data(), facts.name.size());
  put(facts.target.data(), facts.target.size());
  for (const ContentDigest* digest : {&facts.digest, &facts.second_digest, &facts.prefix_digest}) {
    put(digest->bytes.data(), size_of(digest->kind));
  }
  put(extended.data(), extended.size());
}

bool take_facts(ByteView& input, FileFacts& facts) {
  Block block;
  if (input.size() < sizeof block) return false;
  std::memcpy(&block, input.data(), sizeof block);
  if (!is_possible(block)) return false;
  const std::size_t size = sizeof block + block.name_size + block.target_size +
                           digest_bytes(block) + block.extended_size;
  if (input.size() < size) return false;

  input = input.subspan(sizeof block);
  take_numbers(block, facts);
  facts.name = take_text(input, block.name_size);
  facts.target = take_text(input, block.target_size);
  take_digest(input, block.digest_kind, facts.digest);
  take_digest(input, block.second_kind, facts.second_digest);
  take_digest(input, block.prefix_kind, facts.prefix_digest);
  if (!take_extended(input.first(block.extended_size), facts.extended)) return false;
  input = input.subspan(block.extended_size);
  return is_good_name(facts.name) && facts.target.find('\0') == std::string::npos;
}

}  // namespace samhain::scan
