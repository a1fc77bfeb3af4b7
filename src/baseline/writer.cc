#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "baseline/baseline.h"
#include "baseline/entry_codec.h"
#include "baseline/index.h"
#include "baseline/layout.h"
#include "crypto/digest.h"
#include "sys/file.h"

namespace samhain::baseline {
namespace {

/// Of a directory that is held before it is written, besides kMaxEntries.
constexpr std::size_t kMaxHeldBytes = 4U << 20;
constexpr std::size_t kBlockSize = 16U << 10;
constexpr std::size_t kBufferSize = 256U << 10;

/// What is known of a directory and not yet written.
struct Held {
  std::vector<Entry> entries;
  std::size_t bytes = 0;
};

std::size_t bytes_of(const Entry& entry) {
  const FileFacts& facts = entry.facts;
  std::size_t bytes = sizeof entry + facts.name.size() + facts.target.size();
  if (facts.extended) {
    const ExtendedFacts& more = *facts.extended;
    bytes += more.acl.size() + more.selinux.size() + more.xattrs.size() + more.content.size();
  }
  return bytes;
}

std::size_t bytes_of(const Approval& approval) {
  return approval.who.size() + approval.reason.size() + approval.path.size() +
         approval.change.size();
}

/// Appends to a file through a buffer, and digests what goes by.  Without a file all of it stays in
/// the buffer.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) { buffer_.reserve(kBufferSize); }

  Result<void> append(ByteView bytes) {
    size_ += bytes.size();
    sha_.update(bytes);
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return buffer_.size() < kBufferSize ? Result<void>{} : flush();
  }
  Result<Chunk> append_chunk(ByteView bytes) {
    Chunk chunk{.offset = size_,
                .size = static_cast<std::uint32_t>(bytes.size()),
                .digest = crypto::sha256(bytes)};
    if (auto done = append(bytes); !done) return done.error();
    return chunk;
  }
  Result<void> flush() {
    if (fd_ < 0) return {};
    auto done = sys::write_all(fd_, buffer_);
    buffer_.clear();
    return done;
  }
  std::uint64_t size() const { return size_; }
  Digest digest() { return sha_.finish_so_far(); }
  Bytes take_buffer() { return std::move(buffer_); }

 private:
  int fd_;
  std::uint64_t size_ = 0;
  Bytes buffer_;
  crypto::Sha256 sha_;
};

/// The lock is on the inode: a file that its last owner renamed away meanwhile is not ours.
Result<bool> is_still_at(int fd, const std::string& path) {
  struct stat held {};
  struct stat there {};
  if (fstat(fd, &held) != 0) return system_error("fstat", errno);
  if (lstat(path.c_str(), &there) != 0) {
    if (errno == ENOENT) return false;
    return system_error("lstat", errno);
  }
  return held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

/// An empty file of mode 0600 beside the baseline, locked.  One that a killed init left is used
/// again.
Result<UniqueFd> claim(const std::string& path) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600));
    if (!fd) return system_error("open", errno);
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return system_error("flock", errno);
      return Error{Error::Kind::Busy, "another init or update is under way"};
    }
    auto is_ours = is_still_at(fd.get(), path);
    if (!is_ours) return is_ours.error();
    if (!*is_ours) continue;
    if (fchmod(fd.get(), 0600) != 0) return system_error("fchmod", errno);
    if (ftruncate(fd.get(), 0) != 0) return system_error("ftruncate", errno);
    return fd;
  }
  return Error{Error::Kind::Busy, "another init or update is under way"};
}

}  // namespace

struct Writer::State {
  State(std::string its_path, UniqueFd its_file)
      : path(std::move(its_path)),
        new_path(path + ".new"),
        file(std::move(its_file)),
        output(file.get()) {}

  std::string path;
  std::string new_path;
  UniqueFd file;  ///< the new file, locked: one init at a time
  Output output;
  std::map<std::string, Held, std::less<>> held;
  std::vector<Record> records;
  std::deque<Approval> approvals;
  std::size_t approval_bytes = 0;
  Head head;
  bool is_committed = false;

  Result<void> write_out(const std::string& directory, Held&& what);
  Result<void> write_index();
  Result<void> write_block(std::span<const Record> records, std::uint64_t first_directory);
  Result<void> begin(Digests digests);
  Result<void> write_end(const crypto::SigningSeed* key);
  Result<void> write_all(const crypto::SigningSeed* key);
};

Result<void> Writer::State::begin(Digests digests) {
  head.about.program = "samhain " PACKAGE_VERSION;
  head.about.created = base::SystemClock{}.now_ns() / 1'000'000'000;
  head.about.digests = digests;
  return output.append(as_bytes(kOpening));
}

/// Sorted by name; of two entries of one name the last counts.
Result<void> Writer::State::write_out(const std::string& directory, Held&& what) {
  const auto name_of = [](const Entry& entry) -> const std::string& { return entry.facts.name; };
  std::ranges::stable_sort(what.entries, {}, name_of);
  const auto is_replaced = [&](const Entry& entry) {
    const Entry* next = &entry + 1;
    return next != what.entries.data() + what.entries.size() && name_of(*next) == name_of(entry);
  };
  std::vector<Entry> entries;
  entries.reserve(what.entries.size());
  for (Entry& entry : what.entries) {
    if (!is_replaced(entry)) entries.push_back(std::move(entry));
  }
  Bytes bytes;
  append_entries(entries, bytes);
  auto chunk = output.append_chunk(bytes);
  if (!chunk) return chunk.error();
  head.about.entries += entries.size();
  for (const Entry& entry : entries) {
    if (entry.facts.digest) head.about.content_bytes += entry.facts.size;
  }
  records.push_back(
      {.path = directory, .entries = static_cast<std::uint32_t>(entries.size()), .chunk = *chunk});
  return {};
}

Result<void> Writer::State::write_block(std::span<const Record> some,
                                        std::uint64_t first_directory) {
  Bytes bytes;
  append_records(some, bytes);
  auto chunk = output.append_chunk(bytes);
  if (!chunk) return chunk.error();
  head.blocks.push_back(
      {.first_path = some.front().path, .first_directory = first_directory, .chunk = *chunk});
  return {};
}

Result<void> Writer::State::write_index() {
  std::ranges::stable_sort(records, {}, &Record::path);
  constexpr std::size_t kRecordSize = sizeof(Digest) + 16;
  std::size_t start = 0;
  std::size_t bytes = 0;
  std::uint64_t first_directory = 0;
  std::uint64_t directories = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const bool is_new = i == 0 || records[i].path != records[i - 1].path;
    if (is_new && bytes >= kBlockSize) {
      auto done = write_block(std::span(records).subspan(start, i - start), first_directory);
      if (!done) return done;
      start = i;
      bytes = 0;
      first_directory = directories;
    }
    if (is_new) ++directories;
    bytes += kRecordSize + records[i].path.size();
  }
  head.about.directories = directories;
  if (records.empty()) return {};
  return write_block(std::span(records).subspan(start), first_directory);
}

/// Without a key the place of the signature stays empty.
Result<void> Writer::State::write_end(const crypto::SigningSeed* key) {
  if (!approvals.empty()) {
    const std::vector<Approval> all(approvals.begin(), approvals.end());
    auto chunk = output.append_chunk(encode(all));
    if (!chunk) return chunk.error();
    head.approvals = *chunk;
  }
  const Bytes root = encode(head);
  if (auto done = output.append(root); !done) return done;
  if (auto done = output.append(encode_head_size(root.size())); !done) return done;
  Trailer trailer{.signature = {}, .body_size = output.size(), .format = kFormat};
  if (key != nullptr) {
    trailer.signature =
        crypto::sign(*key, signed_message(trailer.format, trailer.body_size, output.digest()));
  }
  if (auto done = output.append(encode(trailer)); !done) return done;
  return output.flush();
}

Result<void> Writer::State::write_all(const crypto::SigningSeed* key) {
  for (auto& [directory, what] : held) {
    if (auto done = write_out(directory, std::move(what)); !done) return done;
  }
  held.clear();
  if (auto done = write_index(); !done) return done;
  return write_end(key);
}

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}

Writer::~Writer() {
  if (state_->is_committed || !state_->file) return;
  // What remains if this fails is overwritten by the next init.
  (void)unlink(state_->new_path.c_str());
}

Result<std::unique_ptr<Writer>> Writer::create(const std::string& path, Digests digests) {
  auto file = claim(path + ".new");
  if (!file) return file.error().within("baseline", path + ".new");
  std::unique_ptr<Writer> writer(new Writer(std::make_unique<State>(path, *std::move(file))));
  if (auto done = writer->state_->begin(digests); !done) {
    return done.error().within("baseline", path + ".new");
  }
  return writer;
}

std::unique_ptr<Writer> Writer::create_in_memory(Digests digests) {
  std::unique_ptr<Writer> writer(new Writer(std::make_unique<State>("in memory", UniqueFd{})));
  (void)writer->state_->begin(digests);  // nothing can fail without a file
  return writer;
}

Result<void> Writer::add(std::string_view directory, Entry entry) {
  State& s = *state_;
  auto found = s.held.find(directory);
  if (found == s.held.end()) found = s.held.emplace(std::string{directory}, Held{}).first;
  Held& held = found->second;
  held.bytes += bytes_of(entry);
  held.entries.push_back(std::move(entry));
  if (held.entries.size() < kMaxEntries && held.bytes < kMaxHeldBytes) return {};
  return finish_directory(directory);
}

Result<void> Writer::finish_directory(std::string_view directory) {
  State& s = *state_;
  const auto found = s.held.find(directory);
  if (found == s.held.end()) return {};
  auto done = s.write_out(found->first, std::move(found->second));
  s.held.erase(found);
  if (!done) return done.error().within("baseline", s.new_path);
  return {};
}

void Writer::add_approval(Approval approval) {
  State& s = *state_;
  s.approval_bytes += bytes_of(approval);
  s.approvals.push_back(std::move(approval));
  while (s.approvals.size() > kMaxApprovals || s.approval_bytes > kMaxApprovalBytes) {
    s.approval_bytes -= bytes_of(s.approvals.front());
    s.approvals.pop_front();
  }
}

Result<Written> Writer::commit(const crypto::SigningSeed& key) {
  State& s = *state_;
  if (auto done = s.write_all(&key); !done) return done.error().within("baseline", s.new_path);
  if (fsync(s.file.get()) != 0) return system_error("fsync", errno).within("baseline", s.new_path);
  if (std::rename(s.new_path.c_str(), s.path.c_str()) != 0) {
    return system_error("rename", errno).within("baseline", s.path);
  }
  s.is_committed = true;
  if (auto flushed = sys::flush_directory_of(s.path); !flushed) return flushed.error();
  return Written{.file = std::move(s.file), .size = s.output.size(), .sha256 = s.output.digest()};
}

Result<Bytes> Writer::finish_image(const crypto::SigningSeed* key) {
  if (auto done = state_->write_all(key); !done) return done.error();
  return state_->output.take_buffer();
}

Result<Bytes> merged_image(Reader& reader) {
  const auto writer = Writer::create_in_memory(reader.about().digests);
  const auto directories = reader.directories();
  if (!directories) return directories.error();
  for (const std::string& directory : *directories) {
    auto entries = reader.directory(directory);
    if (!entries) return entries.error();
    for (Entry& entry : *entries) {
      if (auto added = writer->add(directory, std::move(entry)); !added) return added.error();
    }
    if (auto done = writer->finish_directory(directory); !done) return done.error();
  }
  auto approvals = reader.approvals();
  if (!approvals) return approvals.error();
  for (Approval& approval : *approvals) writer->add_approval(std::move(approval));
  return writer->finish_image();
}

}  // namespace samhain::baseline
