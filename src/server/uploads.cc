#include "server/uploads.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "base/hex.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "server/file_store.h"
#include "sys/file.h"

namespace samhain::server {
namespace {

/// What is not whole yet; nothing else in the directory begins so.
constexpr std::string_view kUnfinished = ".upload-";
constexpr mode_t kMode = 0640;
constexpr std::uint64_t kMebibyte = 1U << 20;

/// A directory that only we, root and the trusted ones may change.
Result<UniqueFd> open_directory(const std::string& path, std::span<const uid_t> trusted) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return system_error(path, errno);
  if (const auto distrust = sys::find_distrust(path, trusted); !distrust.empty()) {
    return Error{Error::Kind::Refused,
                 fmt::format("{}: {}", distrust[0].message, distrust[0].component)};
  }
  if (faccessat(fd.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) return system_error(path, errno);
  return fd;
}

/// A new file in the directory, removed again unless it gets its name.
class Unfinished {
 public:
  Unfinished(int directory, UniqueFd fd, std::string name)
      : directory_(directory), fd_(std::move(fd)), name_(std::move(name)) {}
  Unfinished(Unfinished&& other) noexcept
      : directory_(other.directory_),
        fd_(std::move(other.fd_)),
        name_(std::exchange(other.name_, std::string{})) {}
  Unfinished& operator=(Unfinished&&) = delete;
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    if (!name_.empty()) (void)unlinkat(directory_, name_.c_str(), 0);
  }

  static Result<Unfinished> make(int directory) {
    std::string name = std::string{kUnfinished} + base::hex(crypto::random_array<16>());
    UniqueFd fd(openat(directory, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kMode));
    if (!fd) return system_error("open", errno);
    return Unfinished(directory, std::move(fd), std::move(name));
  }
  int fd() const { return fd_.get(); }
  /// The same file for somebody who may only write.
  Result<UniqueFd> writer() const {
    UniqueFd fd(openat(directory_, name_.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return system_error("open", errno);
    return fd;
  }
  /// In the place of an older one, on stable storage.
  Result<void> give_name(const std::string& name) {
    if (fsync(fd_.get()) != 0) return system_error("fsync", errno);
    if (renameat(directory_, name_.c_str(), directory_, name.c_str()) != 0) {
      return system_error("rename", errno);
    }
    name_.clear();
    if (fsync(directory_) != 0) return system_error("fsync", errno);
    return {};
  }

 private:
  int directory_;  ///< borrowed from the upload that has both
  UniqueFd fd_;
  std::string name_;
};

/// Does nobody work on it?  yulectl holds a lock on what it is about to propose.
bool is_left_over(int directory, const char* name) {
  const UniqueFd fd(openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  return !fd || flock(fd.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

void remove_leftovers(int directory) {
  UniqueFd fd(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* list = fd ? fdopendir(fd.get()) : nullptr;
  if (list == nullptr) return;
  (void)fd.release();
  while (const dirent* entry = readdir(list)) {
    if (std::string_view{entry->d_name}.starts_with(kUnfinished) &&
        is_left_over(directory, entry->d_name)) {
      (void)unlinkat(directory, entry->d_name, 0);
    }
  }
  (void)closedir(list);
}

}  // namespace

struct Uploads::Upload {
  std::string client;
  wire::Put put;
  UniqueFd directory;
  Unfinished received;  ///< what the front writes
  Unfinished copied;    ///< what is kept
  std::uint64_t done = 0;
  crypto::Sha256 sha;
};

Uploads::~Uploads() = default;

void Uploads::prepare() {
  if (!parts_.settings.accepts_uploads) return;
  const auto directory = open_directory(parts_.settings.pending_path, parts_.settings.trusted);
  if (directory) {
    if (uploads_.empty()) remove_leftovers(directory->get());
    return;
  }
  parts_.notices.tell(report::kFileNotAccessible, {{"userid", std::to_string(geteuid())},
                                                   {"path", parts_.settings.pending_path},
                                                   {"reason", directory.error().text()}});
  parts_.notices.tell(report::kServiceFailure,
                      {{"service", "baseline uploads"}, {"obj", parts_.settings.pending_path}});
}

void Uploads::on_put(Connection& connection, ByteView payload) {
  if (!connection.is_member()) return parts_.guard.violate(connection, "PUT out of turn");
  if (connection.is_visitor()) return parts_.guard.violate(connection, "PUT of a visitor");
  const auto put = wire::decode_put(payload);
  if (!put) return parts_.guard.violate(connection, "PUT: " + put.error().what);
  if (!parts_.intake.is_current(connection)) return;
  if (auto judged = judge(connection, *put); !judged) {
    return refuse(connection, *put, judged.error().text());
  }
  if (uploads_.size() < kMaxUploads) return begin(connection, *put);
  waiting_.emplace(connection.id, *put);
}

void Uploads::begin(Connection& connection, const wire::Put& put) {
  auto upload = open(connection, put);
  if (!upload) return refuse(connection, put, upload.error().text());
  auto writer = (*upload)->received.writer();
  if (!writer) return refuse(connection, put, writer.error().text());
  uploads_.emplace(connection.id, std::move(*upload));
  parts_.fronts.send(connection.front, kStore, encode_about(connection.id), std::move(*writer));
}

/// One a round: the last one's end may be somewhere below us.
bool Uploads::begin_waiting() {
  if (waiting_.empty() || uploads_.size() >= kMaxUploads) return false;
  const auto [id, put] = *waiting_.begin();
  waiting_.erase(waiting_.begin());
  Connection* connection = parts_.connections.find(id);
  if (connection == nullptr || !parts_.intake.is_current(*connection)) return true;
  // What was right when it came need not be any more.
  if (auto judged = judge(*connection, put); judged) {
    begin(*connection, put);
  } else {
    refuse(*connection, put, judged.error().text());
  }
  return true;
}

Result<void> Uploads::judge(const Connection& connection, const wire::Put& put) const {
  const Settings& settings = parts_.settings;
  if (!settings.accepts_uploads) {
    return Error{Error::Kind::Refused, "AcceptBaselineUpload is not set"};
  }
  if (!is_part_of_name(connection.client->name())) {
    return Error{Error::Kind::Refused, "no file can have the name of this client"};
  }
  if (put.size == 0) return Error{Error::Kind::Refused, "it is empty"};
  if (put.size > settings.upload_limit_mib * kMebibyte) {
    return Error{Error::Kind::Limit, fmt::format("{} bytes are more than SetUploadLimit = {} MiB",
                                                 put.size, settings.upload_limit_mib)};
  }
  for (const auto& [id, upload] : uploads_) {
    if (upload->client == connection.client->name()) {
      return Error{Error::Kind::Busy, "another one of this client is under way"};
    }
  }
  return {};
}

Result<std::shared_ptr<Uploads::Upload>> Uploads::open(const Connection& connection,
                                                       const wire::Put& put) {
  auto directory = open_directory(parts_.settings.pending_path, parts_.settings.trusted);
  if (!directory) return directory.error();
  const int fd = directory->get();
  auto received = Unfinished::make(fd);
  if (!received) return received.error().within("file in", parts_.settings.pending_path);
  auto copied = Unfinished::make(fd);
  if (!copied) return copied.error().within("file in", parts_.settings.pending_path);
  return std::make_shared<Upload>(Upload{.client = connection.client->name(),
                                         .put = put,
                                         .directory = std::move(*directory),
                                         .received = std::move(*received),
                                         .copied = std::move(*copied),
                                         .done = 0,
                                         .sha = {}});
}

bool Uploads::on_put_end(Connection& connection, const PutEnd& end) {
  const auto found = uploads_.find(connection.id);
  if (found == uploads_.end()) return false;
  const wire::Put put = found->second->put;
  if (!parts_.intake.is_current(connection)) return true;
  if (!end.is_whole) {
    refuse(connection, put, "it could not be written");
    return true;
  }
  const auto expected = wire::file_mac(*connection.client->session->file_mac, wire::Vouched::Put,
                                       wire::FileKind::Baseline, put.nonce, put.sha256);
  if (!crypto::equal_secrets(expected, end.mac)) {
    parts_.guard.blame(connection, report::kMsgSignatureMismatch);
    parts_.connections.close(connection);
    return true;
  }
  parts_.chores.add([this, id = connection.id] { return copy_slice(id); });
  return true;
}

bool Uploads::copy_slice(ConnectionId id) {
  Connection* connection = parts_.connections.find(id);
  const auto found = uploads_.find(id);
  if (connection == nullptr || found == uploads_.end()) return false;
  const auto upload = found->second;
  const auto is_more = copy(*upload);
  if (!is_more) {
    refuse(*connection, upload->put, is_more.error().text());
    return false;
  }
  if (!*is_more) keep(*connection, *upload);
  return *is_more;
}

Result<bool> Uploads::copy(Upload& upload) {
  buffer_.resize(Chores::kSliceSize);
  const auto at = static_cast<off_t>(upload.done);
  const ssize_t size = pread(upload.received.fd(), buffer_.data(), buffer_.size(), at);
  if (size < 0 && errno == EINTR) return true;
  if (size < 0) return system_error("read", errno);
  const ByteView slice = ByteView{buffer_}.first(static_cast<std::size_t>(size));
  upload.sha.update(slice);
  if (auto written = sys::write_all(upload.copied.fd(), slice); !written) return written.error();
  // On its way to the disk now, so that the fsync at the end holds up nobody for long.
  (void)sync_file_range(upload.copied.fd(), at, size, SYNC_FILE_RANGE_WRITE);
  upload.done += static_cast<std::uint64_t>(size);
  if (size > 0 && upload.done < upload.put.size) return true;
  if (upload.done != upload.put.size || upload.sha.finish() != upload.put.sha256) {
    return Error{Error::Kind::Malformed, "it is not what its digest says"};
  }
  return false;
}

void Uploads::keep(Connection& connection, Upload& upload) {
  const std::string name = "file." + upload.client;
  if (auto named = upload.copied.give_name(name); !named) {
    return refuse(connection, upload.put, named.error().text());
  }
  ++parts_.tally.uploads;
  parts_.notices.tell(
      report::kBaselineUploaded,
      {{"client", upload.client}, {"path", parts_.settings.pending_path + "/" + name}});
  if (!parts_.intake.is_current(connection)) return;
  const auto mac = wire::file_mac(*connection.client->session->file_mac, wire::Vouched::Stored,
                                  wire::FileKind::Baseline, upload.put.nonce, upload.put.sha256);
  parts_.connections.reply(connection, wire::Type::Stored, wire::encode_tag(mac), false);
  forget(connection);
}

void Uploads::forget(const Connection& connection) {
  waiting_.erase(connection.id);
  if (uploads_.erase(connection.id) == 0) return;
  if (uploads_.empty()) Bytes{}.swap(buffer_);
  if (!waiting_.empty()) {
    parts_.chores.add([this] { return begin_waiting(); });
  }
}

/// What is larger than anything we take is not even thrown away: the connection ends.
void Uploads::refuse(Connection& connection, const wire::Put& put, const std::string& reason) {
  parts_.notices.tell(report::kUploadRefused,
                      {{"client", connection.client->name()}, {"reason", reason}});
  forget(connection);
  if (!parts_.intake.is_current(connection)) return;
  const bool is_last = put.size > parts_.settings.upload_limit_mib * kMebibyte;
  const auto mac = wire::file_mac(*connection.client->session->file_mac, wire::Vouched::NoFile,
                                  wire::FileKind::Baseline, put.nonce, Digest{});
  parts_.connections.reply(connection, wire::Type::NoFile, wire::encode_tag(mac), is_last);
}

}  // namespace samhain::server
