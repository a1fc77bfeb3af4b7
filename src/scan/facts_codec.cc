#include "scan/facts_codec.h"

#include <array>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace samhain::scan {
namespace {

struct Block {
  std::uint64_t inode, device, rdevice, size;
  std::int64_t atime, mtime, ctime;
  std::uint32_t atime_ns, mtime_ns, ctime_ns;
  std::uint32_t mode, uid, gid, links, flags;
  std::int32_t failed_errno;
  std::uint16_t name_size, target_size;
  std::uint8_t failed_stage, has_digest, has_prefix_digest;
  std::array<std::uint8_t, 5> zero;
};
static_assert(std::is_trivially_copyable_v<Block> &&
                  std::has_unique_object_representations_v<Block>,
              "no byte of padding goes to the other process");

constexpr auto kLastStage = static_cast<std::uint8_t>(Stage::Unstable);

Block block_of(const FileFacts& facts) {
  return Block{
      .inode = facts.inode,
      .device = facts.device,
      .rdevice = facts.rdevice,
      .size = facts.size,
      .atime = facts.atime.seconds,
      .mtime = facts.mtime.seconds,
      .ctime = facts.ctime.seconds,
      .atime_ns = facts.atime.nanoseconds,
      .mtime_ns = facts.mtime.nanoseconds,
      .ctime_ns = facts.ctime.nanoseconds,
      .mode = facts.mode,
      .uid = facts.uid,
      .gid = facts.gid,
      .links = facts.links,
      .flags = facts.flags,
      .failed_errno = facts.failed_errno,
      .name_size = static_cast<std::uint16_t>(facts.name.size()),
      .target_size = static_cast<std::uint16_t>(facts.target.size()),
      .failed_stage = static_cast<std::uint8_t>(facts.failed_stage),
      .has_digest = facts.digest.has_value() ? std::uint8_t{1} : std::uint8_t{0},
      .has_prefix_digest = facts.prefix_digest.has_value() ? std::uint8_t{1} : std::uint8_t{0},
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

void take_digest(ByteView& input, bool is_there, std::optional<Digest>& digest) {
  digest.reset();
  if (!is_there) return;
  std::memcpy(digest.emplace().data(), input.data(), std::tuple_size_v<Digest>);
  input = input.subspan(std::tuple_size_v<Digest>);
}

}  // namespace

bool is_good_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

void append_facts(const FileFacts& facts, Bytes& output) {
  const Block block = block_of(facts);
  const std::size_t start = output.size();
  const std::size_t digest_size = std::tuple_size_v<Digest>;
  output.resize(start + sizeof block + facts.name.size() + facts.target.size() +
                (facts.digest ? digest_size : 0) + (facts.prefix_digest ? digest_size : 0));
  std::uint8_t* to = output.data() + start;
  const auto put = [&to](const void* from, std::size_t size) {
    std::memcpy(to, from, size);
    to += size;
  };
  put(&block, sizeof block);
  put(facts.name.data(), facts.name.size());
  put(facts.target.data(), facts.target.size());
  if (facts.digest) put(facts.digest->data(), digest_size);
  if (facts.prefix_digest) put(facts.prefix_digest->data(), digest_size);
}

bool take_facts(ByteView& input, FileFacts& facts) {
  Block block;
  if (input.size() < sizeof block) return false;
  std::memcpy(&block, input.data(), sizeof block);
  if (block.failed_stage > kLastStage || block.has_digest > 1 || block.has_prefix_digest > 1 ||
      block.name_size > kMaxName || block.target_size > kMaxTarget ||
      block.zero != decltype(block.zero){}) {
    return false;
  }
  const std::size_t digests = std::size_t{block.has_digest} + block.has_prefix_digest;
  const std::size_t size =
      sizeof block + block.name_size + block.target_size + digests * std::tuple_size_v<Digest>;
  if (input.size() < size) return false;

  input = input.subspan(sizeof block);
  take_numbers(block, facts);
  facts.name = take_text(input, block.name_size);
  facts.target = take_text(input, block.target_size);
  take_digest(input, block.has_digest != 0, facts.digest);
  take_digest(input, block.has_prefix_digest != 0, facts.prefix_digest);
  return is_good_name(facts.name) && facts.target.find('\0') == std::string::npos;
}

}  // namespace samhain::scan
