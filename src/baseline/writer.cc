#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "baseline/baseline.h"
#include "baseline/sqlite.h"
#include "baseline/tables.h"
#include "baseline/trailer.h"
#include "crypto/digest.h"
#include "sys/file.h"

namespace samhain::baseline {

struct Writer::State {
  std::string path;
  std::string new_path;
  UniqueFd file;  ///< the new file, locked: one init at a time
  Database db;
  Statement insert_entry;
  Statement insert_directory;
  Statement find_directory;
  std::string last_directory;
  std::int64_t last_id = 0;
  std::int64_t next_id = 1;
  bool is_committed = false;
};

namespace {

constexpr std::size_t kBufferSize = 128U << 10;
constexpr std::string_view kInMemory = ":memory:";

// Nobody else sees the file before it is whole, so neither journal nor flushes are needed until the
// end; a cache of 8 MiB bounds memory, what does not fit is written early.
constexpr const char* kPrepareFile =
    "PRAGMA page_size=8192; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY;"
    "PRAGMA application_id=1398893928;";

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
      return Error{Error::Kind::Busy, "another init is under way"};
    }
    auto is_ours = is_still_at(fd.get(), path);
    if (!is_ours) return is_ours.error();
    if (!*is_ours) continue;
    if (fchmod(fd.get(), 0600) != 0) return system_error("fchmod", errno);
    if (ftruncate(fd.get(), 0) != 0) return system_error("ftruncate", errno);
    return fd;
  }
  return Error{Error::Kind::Busy, "another init is under way"};
}

Result<Database> open_tables(const std::string& path) {
  sqlite3* raw = nullptr;
  const int place = path == kInMemory ? SQLITE_OPEN_MEMORY : SQLITE_OPEN_NOFOLLOW;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | place;
  const int status = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Database db(raw);
  if (status != SQLITE_OK) return sqlite_error(raw, "open");
  const std::string version = "PRAGMA user_version=" + std::to_string(kFormat);
  for (const char* sql : {kPrepareFile, version.c_str(), "BEGIN", kCreateTables}) {
    if (auto done = execute(raw, sql); !done) return done.error();
  }
  return db;
}

Result<void> write_meta(sqlite3* db) {
  return execute(db, "INSERT INTO meta VALUES ('program', 'samhain " PACKAGE_VERSION
                     "'), ('created', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))");
}

void bind_facts(sqlite3_stmt* to, const FileFacts& facts) {
  const auto number = [to](column::Number column, auto value) {
    sqlite3_bind_int64(to, column + 1, static_cast<std::int64_t>(value));
  };
  number(column::Mode, facts.mode);
  number(column::Uid, facts.uid);
  number(column::Gid, facts.gid);
  number(column::Links, facts.links);
  number(column::Flags, facts.flags);
  number(column::Inode, facts.inode);
  number(column::Device, facts.device);
  number(column::Rdevice, facts.rdevice);
  number(column::Size, facts.size);
  number(column::Atime, facts.atime.seconds);
  number(column::AtimeNs, facts.atime.nanoseconds);
  number(column::Mtime, facts.mtime.seconds);
  number(column::MtimeNs, facts.mtime.nanoseconds);
  number(column::Ctime, facts.ctime.seconds);
  number(column::CtimeNs, facts.ctime.nanoseconds);
  if (facts.target.empty()) {
    sqlite3_bind_null(to, column::Target + 1);
  } else {
    bind_text(to, column::Target + 1, facts.target);
  }
  if (facts.digest) {
    bind_blob(to, column::Digest + 1, *facts.digest);
  } else {
    sqlite3_bind_null(to, column::Digest + 1);
  }
}

Result<void> digest_of(int fd, std::uint64_t size, crypto::Sha256& sha) {
  std::vector<std::uint8_t> buffer(kBufferSize);
  std::uint64_t done = 0;
  while (done < size) {
    const ssize_t got = pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", errno);
    if (got == 0) return Error{Error::Kind::Malformed, "cut while it was written"};
    sha.update(ByteView(buffer.data(), static_cast<std::size_t>(got)));
    done += static_cast<std::uint64_t>(got);
  }
  return {};
}

/// Size and digest of the whole file are in `written` then.
Result<void> append_signature(int fd, const crypto::SigningSeed& key, Written& written) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) return system_error("fstat", errno);
  Trailer trailer;
  trailer.format = kFormat;
  trailer.body_size = static_cast<std::uint64_t>(facts.st_size);
  crypto::Sha256 sha;
  if (auto digested = digest_of(fd, trailer.body_size, sha); !digested) return digested;
  const Digest body = sha.finish_so_far();
  trailer.signature = crypto::sign(key, signed_message(trailer.format, trailer.body_size, body));
  const auto bytes = encode(trailer);
  sha.update(bytes);
  written.sha256 = sha.finish();
  written.size = trailer.body_size + bytes.size();
  if (lseek(fd, facts.st_size, SEEK_SET) < 0) return system_error("lseek", errno);
  return sys::write_all(fd, bytes);
}

}  // namespace

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}

Writer::~Writer() {
  if (state_->is_committed || state_->path == kInMemory) return;
  // What remains if this fails is overwritten by the next init.
  (void)unlink(state_->new_path.c_str());
}

Result<std::unique_ptr<Writer>> Writer::create(const std::string& path) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->new_path = path + ".new";
  auto file = claim(state->new_path);
  if (!file) return file.error().within("baseline", state->new_path);
  state->file = *std::move(file);

  std::unique_ptr<Writer> writer(new Writer(std::move(state)));
  if (auto prepared = writer->make_tables(); !prepared) return prepared.error();
  return writer;
}

Result<std::unique_ptr<Writer>> Writer::create_in_memory() {
  auto state = std::make_unique<State>();
  state->path = state->new_path = kInMemory;
  std::unique_ptr<Writer> writer(new Writer(std::move(state)));
  if (auto prepared = writer->make_tables(); !prepared) return prepared.error();
  return writer;
}

/// The tables, empty.
Result<void> Writer::make_tables() {
  State& s = *state_;
  auto db = open_tables(s.new_path);
  if (!db) return db.error().within("baseline", s.new_path);
  s.db = *std::move(db);
  if (auto done = write_meta(s.db.get()); !done) return done.error().within("baseline", s.new_path);

  auto insert_entry = prepare(s.db.get(), "INSERT OR REPLACE INTO entry (" SAMHAIN_ENTRY_COLUMNS
                                          ") VALUES "
                                          "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  auto insert_directory = prepare(s.db.get(), "INSERT INTO directory (path, id) VALUES (?, ?)");
  auto find_directory = prepare(s.db.get(), "SELECT id FROM directory WHERE path = ?");
  for (const auto* statement : {&insert_entry, &insert_directory, &find_directory}) {
    if (!*statement) return statement->error().within("baseline", s.new_path);
  }
  s.insert_entry = *std::move(insert_entry);
  s.insert_directory = *std::move(insert_directory);
  s.find_directory = *std::move(find_directory);
  return {};
}

Result<std::int64_t> Writer::id_of(std::string_view directory) {
  State& s = *state_;
  if (s.last_id != 0 && s.last_directory == directory) return s.last_id;
  bind_text(s.find_directory.get(), 1, directory);
  const int status = sqlite3_step(s.find_directory.get());
  std::int64_t id = 0;
  if (status == SQLITE_ROW) id = sqlite3_column_int64(s.find_directory.get(), 0);
  sqlite3_reset(s.find_directory.get());
  if (status != SQLITE_ROW && status != SQLITE_DONE) return sqlite_error(s.db.get(), "read");
  if (id == 0) {
    id = s.next_id++;
    bind_text(s.insert_directory.get(), 1, directory);
    sqlite3_bind_int64(s.insert_directory.get(), 2, id);
    if (auto done = run(s.db.get(), s.insert_directory.get()); !done) return done.error();
  }
  s.last_directory = directory;
  s.last_id = id;
  return id;
}

Result<void> Writer::add(std::string_view directory, const Entry& entry) {
  State& s = *state_;
  auto id = id_of(directory);
  if (!id) return id.error().within("baseline", s.new_path);
  sqlite3_stmt* to = s.insert_entry.get();
  sqlite3_bind_int64(to, column::Directory + 1, *id);
  bind_text(to, column::Name + 1, entry.facts.name);
  sqlite3_bind_int64(to, column::Policy + 1, entry.policy);
  sqlite3_bind_int64(to, column::Attributes + 1, entry.attributes);
  bind_text(to, column::Owner + 1, entry.owner);
  bind_text(to, column::GroupName + 1, entry.group);
  bind_facts(to, entry.facts);
  if (auto done = run(s.db.get(), to); !done) return done.error().within("baseline", s.new_path);
  return {};
}

Result<void> Writer::end_transaction() {
  State& s = *state_;
  if (auto done = execute(s.db.get(), "COMMIT"); !done) return done;
  s.insert_entry.reset();
  s.insert_directory.reset();
  s.find_directory.reset();
  return {};
}

Result<void> Writer::close_tables() {
  State& s = *state_;
  if (auto done = end_transaction(); !done) return done;
  if (sqlite3_close(s.db.get()) != SQLITE_OK) return sqlite_error(s.db.get(), "close");
  (void)s.db.release();  // closed
  return {};
}

Result<Written> Writer::commit(const crypto::SigningSeed& key) {
  State& s = *state_;
  Written written;
  if (auto done = close_tables(); !done) return done.error().within("baseline", s.new_path);
  if (auto done = append_signature(s.file.get(), key, written); !done) {
    return done.error().within("baseline", s.new_path);
  }
  if (fsync(s.file.get()) != 0) return system_error("fsync", errno).within("baseline", s.new_path);
  if (std::rename(s.new_path.c_str(), s.path.c_str()) != 0) {
    return system_error("rename", errno).within("baseline", s.path);
  }
  s.is_committed = true;
  if (auto flushed = sys::flush_directory_of(s.path); !flushed) return flushed.error();
  written.file = std::move(s.file);
  return written;
}

Result<Bytes> Writer::finish_image() {
  State& s = *state_;
  if (auto done = end_transaction(); !done) return done.error().within("baseline", s.path);
  sqlite3_int64 size = 0;
  const Handle<unsigned char, sqlite3_free> tables(sqlite3_serialize(s.db.get(), "main", &size, 0));
  if (!tables) return sqlite_error(s.db.get(), "serialize").within("baseline", s.path);
  Trailer trailer;
  trailer.format = kFormat;
  trailer.body_size = static_cast<std::uint64_t>(size);
  const auto end = encode(trailer);
  Bytes image(tables.get(), tables.get() + size);
  image.insert(image.end(), end.begin(), end.end());
  return image;
}

Result<Bytes> merged_image(Reader& reader) {
  auto writer = Writer::create_in_memory();
  if (!writer) return writer.error();
  const auto directories = reader.directories();
  if (!directories) return directories.error();
  for (const std::string& directory : *directories) {
    const auto entries = reader.directory(directory);
    if (!entries) return entries.error();
    for (const Entry& entry : *entries) {
      if (auto added = (*writer)->add(directory, entry); !added) return added.error();
    }
  }
  return (*writer)->finish_image();
}

}  // namespace samhain::baseline
