#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <list>
#include <utility>

#include "base/hex.h"
#include "baseline/baseline.h"
#include "baseline/entry_codec.h"
#include "baseline/index.h"
#include "baseline/layout.h"
#include "crypto/digest.h"
#include "sys/file.h"

namespace samhain::baseline {
namespace {

constexpr std::size_t kBufferSize = 256U << 10;
/// Blocks of the index that are kept decoded; each has some 200 directories.
constexpr std::size_t kMaxBlocks = 16;

Error malformed(const char* what) { return Error{Error::Kind::Malformed, what}; }

/// One block of the index, taken apart.
struct Block {
  std::size_t number = 0;
  std::vector<Record> records;
  std::vector<std::uint64_t> directories;  ///< of each record: the number of its directory

  void number_directories(std::uint64_t first) {
    directories.reserve(records.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (i > 0 && records[i].path != records[i - 1].path) ++first;
      directories.push_back(first);
    }
  }
};

Result<void> read_exactly(int fd, std::uint64_t offset, std::span<std::uint8_t> to) {
  std::size_t done = 0;
  while (done < to.size()) {
    const ssize_t got =
        pread(fd, to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", errno);
    if (got == 0) return malformed("cut while it was read");
    done += static_cast<std::size_t>(got);
  }
  return {};
}

Result<void> judge(int fd, const std::string& path, std::span<const uid_t> trusted) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) return system_error("fstat", errno);
  if (!S_ISREG(facts.st_mode)) return Error{Error::Kind::Refused, "not a regular file"};
  if (facts.st_uid != 0 && facts.st_uid != geteuid()) {
    return Error{Error::Kind::Refused, "owned by another user"};
  }
  if ((facts.st_mode & 0022) != 0) return Error{Error::Kind::Refused, "others may write it"};
  const auto distrust = sys::find_distrust(path, trusted);
  if (!distrust.empty()) {
    return Error{Error::Kind::Refused, distrust[0].message + ": " + distrust[0].component};
  }
  return {};
}

Result<UniqueFd> open_file(const std::string& path, std::span<const uid_t> trusted) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK));
  if (!fd && errno == ENOENT) return Error{Error::Kind::Missing, "no such file"};
  if (!fd && errno == ELOOP) return Error{Error::Kind::Refused, "a symbolic link"};
  if (!fd) return system_error("open", errno);
  if (auto good = judge(fd.get(), path, trusted); !good) return good.error();
  return fd;
}

constexpr std::uint32_t kAbsentLinks = 65'535;

/// Both are sorted; of the same name the change counts.
std::vector<Entry> changed(std::vector<Entry> entries, std::vector<Entry> changes) {
  const auto comes_before = [](const Entry& a, const Entry& b) {
    return a.facts.name < b.facts.name;
  };
  std::vector<Entry> result;
  result.reserve(entries.size() + changes.size());
  std::set_union(std::move_iterator(changes.begin()), std::move_iterator(changes.end()),
                 std::move_iterator(entries.begin()), std::move_iterator(entries.end()),
                 std::back_inserter(result), comes_before);
  return result;
}

bool is_before(const Record& record, std::string_view path) { return record.path < path; }

}  // namespace

struct Reader::State {
  UniqueFd file;
  std::uint64_t body_size = 0;
  Trailer trailer;
  Digest digest{};  ///< of the whole file
  Head head;
  std::list<Block> blocks;  ///< the last used first
  std::string last_path;    ///< of the directory that find() looked into
  std::vector<Entry> last_entries;
  bool has_last = false;
  std::vector<std::unique_ptr<Reader>> deltas;  ///< the newest last
  std::vector<std::string> added_directories;   ///< that only deltas have, sorted

  Result<Bytes> read_end();
  Result<Digest> digest_body(ByteView end);
  Result<Bytes> read(const Chunk& chunk) const;
  Result<const Block*> block(std::size_t number);
  Result<std::span<const Record>> records_of(std::string_view path, std::size_t& number);
};

/// Head, its size and the trailer; only their sizes are looked at.
Result<Bytes> Reader::State::read_end() {
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) return system_error("fstat", errno);
  if (facts.st_size == 0) return malformed("empty");
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  constexpr std::size_t kLast = kHeadSizeSize + kTrailerSize;
  Bytes last(static_cast<std::size_t>(std::min<std::uint64_t>(size, kLast)));
  if (auto done = read_exactly(file.get(), size - last.size(), last); !done) return done.error();
  auto found = find_trailer(last, size);
  if (!found) return found.error();
  trailer = *found;
  body_size = trailer.body_size;
  if (last.size() < kLast) return malformed("cut: no index");
  const std::uint64_t head_size = decode_head_size(ByteView(last).first(kHeadSizeSize));
  if (head_size > kMaxChunk || head_size + kHeadSizeSize > body_size) {
    return malformed("broken index");
  }
  Bytes end(static_cast<std::size_t>(head_size) + kLast);
  if (auto done = read_exactly(file.get(), size - end.size(), end); !done) return done.error();
  return end;
}

/// SHA-256 of all before the trailer, and on the way that of the whole file.  The end is not read
/// again: what is digested is what is decoded.
Result<Digest> Reader::State::digest_body(ByteView end) {
  crypto::Sha256 sha;
  std::vector<std::uint8_t> buffer(kBufferSize);
  const std::uint64_t start_of_end = body_size + kTrailerSize - end.size();
  for (std::uint64_t done = 0; done < start_of_end;) {
    const std::span piece = std::span(buffer).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), start_of_end - done)));
    if (auto good = read_exactly(file.get(), done, piece); !good) return good.error();
    sha.update(piece);
    done += piece.size();
  }
  sha.update(end.first(end.size() - kTrailerSize));
  const Digest body = sha.finish_so_far();
  sha.update(end.last(kTrailerSize));
  digest = sha.finish();
  return body;
}

Result<Bytes> Reader::State::read(const Chunk& chunk) const {
  if (chunk.size > kMaxChunk || chunk.offset > body_size || chunk.size > body_size - chunk.offset) {
    return malformed("broken index");
  }
  Bytes bytes(chunk.size);
  if (auto done = read_exactly(file.get(), chunk.offset, bytes); !done) return done.error();
  if (crypto::sha256(bytes) != chunk.digest) {
    return Error{Error::Kind::Refused, "changed while it was in use"};
  }
  return bytes;
}

Result<const Block*> Reader::State::block(std::size_t number) {
  const auto found = std::ranges::find(blocks, number, &Block::number);
  if (found != blocks.end()) {
    blocks.splice(blocks.begin(), blocks, found);
    return &blocks.front();
  }
  const auto bytes = read(head.blocks[number].chunk);
  if (!bytes) return bytes.error();
  Block block{.number = number, .records = {}, .directories = {}};
  if (!take_records(*bytes, block.records) ||
      !std::ranges::is_sorted(block.records, {}, &Record::path)) {
    return malformed("broken index");
  }
  block.number_directories(head.blocks[number].first_directory);
  blocks.push_front(std::move(block));
  if (blocks.size() > kMaxBlocks) blocks.pop_back();
  return &blocks.front();
}

/// The records of one directory, in the order in which they were written; `number` is its block's.
Result<std::span<const Record>> Reader::State::records_of(std::string_view path,
                                                          std::size_t& number) {
  const auto after = std::ranges::upper_bound(
      head.blocks, path, {}, [](const BlockPlace& b) -> std::string_view { return b.first_path; });
  if (after == head.blocks.begin()) return std::span<const Record>{};
  number = static_cast<std::size_t>(after - head.blocks.begin()) - 1;
  const auto found = block(number);
  if (!found) return found.error();
  const auto& records = (*found)->records;
  const auto begin = std::lower_bound(records.begin(), records.end(), path, is_before);
  auto end = begin;
  while (end != records.end() && end->path == path) ++end;
  return std::span<const Record>(begin, end);
}

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::~Reader() = default;

Result<std::unique_ptr<Reader>> Reader::open(const std::string& path,
                                             const crypto::SigningSeed& key,
                                             std::span<const uid_t> trusted) {
  auto file = open_file(path, trusted);
  if (!file) return file.error().within("baseline", path);
  const auto verify = [&key](const Trailer& trailer, const Digest& body) {
    return crypto::verify(crypto::public_key_of(key),
                          signed_message(trailer.format, trailer.body_size, body),
                          trailer.signature);
  };
  auto reader = open_if(*std::move(file), verify);
  if (!reader) return reader.error().within("baseline", path);
  return reader;
}

Result<std::unique_ptr<Reader>> Reader::open_vouched(UniqueFd fd) {
  return open_if(std::move(fd), [](const Trailer&, const Digest&) { return true; });
}

template <class Verify>
Result<std::unique_ptr<Reader>> Reader::open_if(UniqueFd fd, Verify verify) {
  auto state = std::make_unique<State>();
  state->file = std::move(fd);
  const auto end = state->read_end();
  if (!end) return end.error();
  const auto body = state->digest_body(*end);
  if (!body) return body.error();
  if (!verify(state->trailer, *body)) {
    return Error{Error::Kind::Refused, "signature does not fit: changed, or signed by another key"};
  }
  auto head = decode_head(ByteView(*end).first(end->size() - kHeadSizeSize - kTrailerSize));
  if (!head) return head.error();
  // What sizes are taken from; no entry and no record is smaller than a byte.
  if (head->about.entries > state->body_size || head->about.directories > state->body_size) {
    return malformed("broken index");
  }
  state->head = *std::move(head);
  return std::unique_ptr<Reader>(new Reader(std::move(state)));
}

const About& Reader::about() const { return state_->head.about; }

Entry absent_entry(std::string_view name) {
  Entry entry;
  entry.facts.name = name;
  entry.facts.links = kAbsentLinks;
  return entry;
}

bool is_absent(const Entry& entry) {
  return entry.facts.mode == 0 && entry.facts.links == kAbsentLinks;
}

Result<void> Reader::apply(std::unique_ptr<Reader> delta) {
  State& s = *state_;
  if (s.deltas.size() >= kMaxDeltas) {
    return Error{Error::Kind::Limit,
                 "64 deltas are applied already; a reload begins with a new baseline"};
  }
  if (delta->about().digests != about().digests) {
    return Error{Error::Kind::Refused, "made with other digests than the baseline it is for"};
  }
  auto paths = delta->stored_directories();
  if (!paths) return paths.error();
  std::vector<std::string> added;
  for (std::string& path : *paths) {
    const auto number = number_of(path);
    if (!number) return number.error();
    if (!*number) added.push_back(std::move(path));
  }
  std::vector<std::string> both;
  std::ranges::set_union(s.added_directories, added, std::back_inserter(both));
  s.added_directories = std::move(both);
  crypto::Sha256 sha;
  sha.update(s.digest);
  sha.update(delta->state_->digest);
  s.digest = sha.finish();
  s.has_last = false;
  s.deltas.push_back(std::move(delta));
  return {};
}

const std::vector<std::string>& Reader::added_directories() const {
  return state_->added_directories;
}

Result<std::vector<Entry>> Reader::directory(std::string_view path) {
  auto stored = stored_directory(path);
  if (!stored) return stored;
  std::vector<Entry> entries = *std::move(stored);
  for (const auto& delta : state_->deltas) {
    auto changes = delta->stored_directory(path);
    if (!changes) return changes;
    if (!changes->empty()) entries = changed(std::move(entries), *std::move(changes));
  }
  std::erase_if(entries, is_absent);
  return entries;
}

Result<std::vector<Entry>> Reader::stored_directory(std::string_view path) {
  std::size_t number = 0;
  const auto records = state_->records_of(path, number);
  if (!records) return records.error();
  std::vector<Entry> entries;
  for (const Record& record : *records) {
    const auto bytes = state_->read(record.chunk);
    if (!bytes) return bytes.error();
    const std::size_t end = entries.size() + record.entries;
    entries.reserve(end);
    if (!take_entries(*bytes, record.entries, entries) || entries.size() != end) {
      return malformed("broken entries");
    }
  }
  const auto is_root = [](const Entry& entry) { return entry.facts.name == "."; };
  if (path != "/" && std::ranges::any_of(entries, is_root)) return malformed("broken entries");
  if (records->size() <= 1) return entries;

  // Several pieces: in order, and of two entries of one name the last.
  const auto name_of = [](const Entry& entry) -> const std::string& { return entry.facts.name; };
  std::ranges::reverse(entries);
  std::ranges::stable_sort(entries, {}, name_of);
  const auto is_same = [&](const Entry& a, const Entry& b) { return name_of(a) == name_of(b); };
  entries.erase(std::unique(entries.begin(), entries.end(), is_same), entries.end());
  return entries;
}

Result<std::optional<Entry>> Reader::find(std::string_view directory_path, std::string_view name) {
  State& s = *state_;
  if (!s.has_last || s.last_path != directory_path) {
    auto entries = directory(directory_path);
    if (!entries) return entries.error();
    s.last_entries = *std::move(entries);
    s.last_path = directory_path;
    s.has_last = true;
  }
  const auto found = std::ranges::lower_bound(
      s.last_entries, name, {}, [](const Entry& e) -> std::string_view { return e.facts.name; });
  if (found == s.last_entries.end() || found->facts.name != name) return std::optional<Entry>{};
  return std::optional<Entry>{*found};
}

Result<std::optional<std::uint64_t>> Reader::number_of(std::string_view path) {
  std::size_t block_number = 0;
  const auto records = state_->records_of(path, block_number);
  if (!records) return records.error();
  if (records->empty()) return std::optional<std::uint64_t>{};
  const auto block = state_->block(block_number);
  if (!block) return block.error();
  const auto index = static_cast<std::size_t>(records->data() - (*block)->records.data());
  const std::uint64_t number = (*block)->directories[index];
  if (number >= directory_count()) return malformed("broken index");
  return std::optional{number};
}

Result<std::string> Reader::directory_at(std::uint64_t number) {
  const auto& places = state_->head.blocks;
  const auto after = std::ranges::upper_bound(places, number, {}, &BlockPlace::first_directory);
  if (after == places.begin()) return malformed("broken index");
  const auto found = state_->block(static_cast<std::size_t>(after - places.begin()) - 1);
  if (!found) return found.error();
  const Block& block = **found;
  const auto at = std::ranges::lower_bound(block.directories, number);
  if (at == block.directories.end() || *at != number) return malformed("broken index");
  return block.records[static_cast<std::size_t>(at - block.directories.begin())].path;
}

Result<std::vector<std::string>> Reader::directories() {
  auto paths = stored_directories();
  if (!paths || state_->added_directories.empty()) return paths;
  std::vector<std::string> both;
  std::ranges::set_union(*paths, state_->added_directories, std::back_inserter(both));
  return both;
}

Result<std::vector<std::string>> Reader::stored_directories() {
  State& s = *state_;
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < s.head.blocks.size(); ++i) {
    const auto block = s.block(i);
    if (!block) return block.error();
    for (const Record& record : (*block)->records) {
      if (paths.empty() || paths.back() != record.path) paths.push_back(record.path);
    }
  }
  return paths;
}

Result<std::vector<Approval>> Reader::approvals() {
  if (!state_->head.approvals) return std::vector<Approval>{};
  const auto bytes = state_->read(*state_->head.approvals);
  if (!bytes) return bytes.error();
  return decode_approvals(*bytes);
}

std::string Reader::digest_hex() const { return base::hex(state_->digest); }

}  // namespace samhain::baseline
