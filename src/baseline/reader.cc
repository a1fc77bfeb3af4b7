#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "baseline/baseline.h"
#include "baseline/sqlite.h"
#include "baseline/tables.h"
#include "baseline/trailer.h"
#include "crypto/digest.h"
#include "sys/file.h"

namespace samhain::baseline {
namespace {

/// A whole file, mapped.  Only root and the owner could change its bytes between the check of the
/// signature and their use, and neither needs to: memory of our own would cost as much as the file.
class Mapping {
 public:
  Mapping() = default;
  Mapping(void* start, std::size_t size) : start_(start), size_(size) {}
  Mapping(Mapping&& other) noexcept
      : start_(std::exchange(other.start_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(start_, other.start_);
    std::swap(size_, other.size_);
    return *this;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (start_ != nullptr) munmap(start_, size_);
  }
  ByteView view() const { return {static_cast<const std::uint8_t*>(start_), size_}; }

 private:
  void* start_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace

struct Reader::State {
  Mapping file;  // outlives the database that reads from it
  Digest digest{};
  Database db;
  Statement select_directory;
  Statement select_one;
  std::vector<std::unique_ptr<Reader>> deltas;  ///< the newest last
};

namespace {

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

Result<Mapping> map(int fd) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) return system_error("fstat", errno);
  if (facts.st_size == 0) return Error{Error::Kind::Malformed, "empty"};
  const auto size = static_cast<std::size_t>(facts.st_size);
  void* start = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (start == MAP_FAILED) return system_error("mmap", errno);
  (void)madvise(start, size, MADV_WILLNEED);  // only advice
  return Mapping(start, size);
}

Result<Mapping> map_file(const std::string& path, std::span<const uid_t> trusted) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK));
  if (!fd && errno == ENOENT) return Error{Error::Kind::Missing, "no such file"};
  if (!fd && errno == ELOOP) return Error{Error::Kind::Refused, "a symbolic link"};
  if (!fd) return system_error("open", errno);
  if (auto good = judge(fd.get(), path, trusted); !good) return good.error();
  return map(fd.get());
}

/// Returns the SHA-256 of the whole file once its signature is good.
Result<Digest> verify(ByteView file, const crypto::SigningSeed& key) {
  auto trailer = find_trailer(file);
  if (!trailer) return trailer.error();
  crypto::Sha256 sha;
  sha.update(file.first(trailer->body_size));
  const Digest body = sha.finish_so_far();
  const Bytes message = signed_message(trailer->format, trailer->body_size, body);
  if (!crypto::verify(crypto::public_key_of(key), message, trailer->signature)) {
    return Error{Error::Kind::Refused, "signature does not fit: changed, or signed by another key"};
  }
  sha.update(file.subspan(trailer->body_size));
  return sha.finish();
}

Result<Database> open_tables(ByteView body) {
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX;
  const int status = sqlite3_open_v2(":memory:", &raw, flags, nullptr);
  Database db(raw);
  if (status != SQLITE_OK) return sqlite_error(raw, "open");
  // SQLite's signature has no const; READONLY promises that it does not write.
  auto* start = const_cast<unsigned char*>(body.data());
  const auto size = static_cast<sqlite3_int64>(body.size());
  if (sqlite3_deserialize(raw, "main", start, size, size, SQLITE_DESERIALIZE_READONLY) !=
      SQLITE_OK) {
    return sqlite_error(raw, "open");
  }
  // Pages are used where they lie, not copied; the small cache is for what is left.
  for (const char* sql :
       {"PRAGMA trusted_schema=OFF", "PRAGMA mmap_size=1099511627776", "PRAGMA cache_size=-1024"}) {
    if (auto done = execute(raw, sql); !done) return done.error();
  }
  return db;
}

void take_row(sqlite3_stmt* row, Entry& entry) {
  const auto number = [row](column::Number column) {
    return static_cast<std::uint64_t>(sqlite3_column_int64(row, column));
  };
  const auto small = [row](column::Number column) {
    return static_cast<std::uint32_t>(sqlite3_column_int64(row, column));
  };
  const auto time = [&](column::Number seconds, column::Number nanoseconds) {
    return Timestamp{sqlite3_column_int64(row, seconds), small(nanoseconds)};
  };
  FileFacts& facts = entry.facts;
  facts.name = column_text(row, column::Name);
  entry.policy = static_cast<std::uint8_t>(small(column::Policy));
  entry.attributes = small(column::Attributes);
  facts.mode = small(column::Mode);
  facts.uid = small(column::Uid);
  facts.gid = small(column::Gid);
  entry.owner = column_text(row, column::Owner);
  entry.group = column_text(row, column::GroupName);
  facts.links = small(column::Links);
  facts.flags = small(column::Flags);
  facts.inode = number(column::Inode);
  facts.device = number(column::Device);
  facts.rdevice = number(column::Rdevice);
  facts.size = number(column::Size);
  facts.atime = time(column::Atime, column::AtimeNs);
  facts.mtime = time(column::Mtime, column::MtimeNs);
  facts.ctime = time(column::Ctime, column::CtimeNs);
  facts.target = column_text(row, column::Target);
  const ByteView digest = column_blob(row, column::Digest);
  if (digest.size() == std::tuple_size_v<Digest>) {
    std::ranges::copy(digest, facts.digest.emplace().begin());
  }
}

constexpr const char* kSelectDirectory =
    "SELECT " SAMHAIN_ENTRY_COLUMNS
    " FROM entry WHERE directory = (SELECT id FROM directory WHERE path = ?) ORDER BY name";
constexpr const char* kSelectOne =
    "SELECT " SAMHAIN_ENTRY_COLUMNS
    " FROM entry WHERE directory = (SELECT id FROM directory WHERE path = ?) AND name = ?";

/// Calls `take` for each row of a bound statement and makes it ready again.
template <class Take>
Result<void> each_row(sqlite3* db, sqlite3_stmt* statement, Take take) {
  int status = sqlite3_step(statement);
  for (; status == SQLITE_ROW; status = sqlite3_step(statement)) take(statement);
  if (status != SQLITE_DONE) {
    const Error error = sqlite_error(db, "read");
    sqlite3_reset(statement);
    return error.within("baseline", "");
  }
  sqlite3_reset(statement);
  return {};
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

}  // namespace

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::~Reader() = default;

Result<std::unique_ptr<Reader>> Reader::open(const std::string& path,
                                             const crypto::SigningSeed& key,
                                             std::span<const uid_t> trusted) {
  auto state = std::make_unique<State>();
  auto file = map_file(path, trusted);
  if (!file) return file.error().within("baseline", path);
  state->file = *std::move(file);
  auto digest = verify(state->file.view(), key);
  if (!digest) return digest.error().within("baseline", path);
  state->digest = *digest;
  auto reader = read_tables(std::move(state));
  if (!reader) return reader.error().within("baseline", path);
  return reader;
}

Result<std::unique_ptr<Reader>> Reader::open_vouched(int fd) {
  auto state = std::make_unique<State>();
  auto file = map(fd);
  if (!file) return file.error();
  state->file = *std::move(file);
  if (auto trailer = find_trailer(state->file.view()); !trailer) return trailer.error();
  state->digest = crypto::sha256(state->file.view());
  return read_tables(std::move(state));
}

Result<std::unique_ptr<Reader>> Reader::read_tables(std::unique_ptr<State> state) {
  const ByteView body = state->file.view().first(state->file.view().size() - kTrailerSize);
  auto db = open_tables(body);
  if (!db) return db.error();
  state->db = *std::move(db);
  auto select_directory = prepare(state->db.get(), kSelectDirectory);
  auto select_one = prepare(state->db.get(), kSelectOne);
  for (const auto* statement : {&select_directory, &select_one}) {
    if (!*statement) return statement->error();
  }
  state->select_directory = *std::move(select_directory);
  state->select_one = *std::move(select_one);
  return std::unique_ptr<Reader>(new Reader(std::move(state)));
}

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
  if (state_->deltas.size() >= kMaxDeltas) {
    return Error{Error::Kind::Limit,
                 "64 deltas are applied already; a reload begins with a new baseline"};
  }
  crypto::Sha256 sha;
  sha.update(state_->digest);
  sha.update(delta->state_->digest);
  state_->digest = sha.finish();
  state_->deltas.push_back(std::move(delta));
  return {};
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
  constexpr std::size_t kUsualSize = 64;
  std::vector<Entry> entries;
  entries.reserve(kUsualSize);
  sqlite3_stmt* statement = state_->select_directory.get();
  bind_text(statement, 1, path);
  auto done = each_row(state_->db.get(), statement,
                       [&](sqlite3_stmt* row) { take_row(row, entries.emplace_back()); });
  if (!done) return done.error();
  return entries;
}

Result<std::optional<Entry>> Reader::stored(std::string_view directory, std::string_view name) {
  std::optional<Entry> entry;
  sqlite3_stmt* statement = state_->select_one.get();
  bind_text(statement, 1, directory);
  bind_text(statement, 2, name);
  auto done = each_row(state_->db.get(), statement,
                       [&](sqlite3_stmt* row) { take_row(row, entry.emplace()); });
  if (!done) return done.error();
  return entry;
}

Result<std::optional<Entry>> Reader::find(std::string_view directory, std::string_view name) {
  for (auto delta = state_->deltas.rbegin(); delta != state_->deltas.rend(); ++delta) {
    auto entry = (*delta)->stored(directory, name);
    if (!entry) return entry;
    if (*entry) return is_absent(**entry) ? std::optional<Entry>{} : std::move(entry);
  }
  auto entry = stored(directory, name);
  if (entry && *entry && is_absent(**entry)) entry->reset();
  return entry;
}

Result<std::vector<std::string>> Reader::directories() {
  auto stored = stored_directories();
  if (!stored) return stored;
  std::vector<std::string> paths = *std::move(stored);
  for (const auto& delta : state_->deltas) {
    auto more = delta->stored_directories();
    if (!more) return more;
    std::vector<std::string> both;
    std::ranges::set_union(paths, *more, std::back_inserter(both));
    paths = std::move(both);
  }
  return paths;
}

Result<std::vector<std::string>> Reader::stored_directories() {
  auto select = prepare(state_->db.get(), "SELECT path FROM directory ORDER BY path");
  if (!select) return select.error();
  std::vector<std::string> paths;
  auto done = each_row(state_->db.get(), select->get(),
                       [&](sqlite3_stmt* row) { paths.emplace_back(column_text(row, 0)); });
  if (!done) return done.error();
  return paths;
}

Result<std::uint64_t> Reader::size() {
  auto count = prepare(state_->db.get(), "SELECT count(*) FROM entry");
  if (!count) return count.error();
  std::uint64_t entries = 0;
  auto done = each_row(state_->db.get(), count->get(), [&](sqlite3_stmt* row) {
    entries = static_cast<std::uint64_t>(sqlite3_column_int64(row, 0));
  });
  if (!done) return done.error();
  return entries;
}

std::string Reader::digest_hex() const { return base::hex(state_->digest); }

}  // namespace samhain::baseline
