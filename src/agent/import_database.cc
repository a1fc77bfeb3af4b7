#include "agent/import_database.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/agent.h"
#include "base/clock.h"
#include "baseline/baseline.h"
#include "baseline/original.h"
#include "policy/policy.h"
#include "report/catalog.h"
#include "report/form.h"
#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/result.h"
#include "sys/file.h"
#include "sys/identity.h"
#include "sys/locked_work.h"
#include "uplink/password.h"

namespace samhain::agent {
namespace {

/// Ten million objects have two gigabytes or so.
constexpr std::size_t kMaxDatabase = std::size_t{4} << 30;
/// A path, a link and the content of a text at most, with much room.
constexpr std::size_t kMaxPiece = 1U << 20;
constexpr std::size_t kSizeOfSize = 4;

std::int64_t now_ns() { return base::SystemClock{}.now_ns(); }

void tell(const Report& report, const Settings& settings) {
  if (!settings.print.severities.has(report.severity)) return;
  (void)std::fputs((report::line_of(report, settings.print_layout) + "\n").c_str(), stderr);
}

int fail(const std::string& why) {
  (void)std::fputs(fmt::format("ERROR: {}\n", why).c_str(), stderr);
  return 1;
}

/// A piece of what the child says: its size (4 bytes, lowest first), then its bytes.
void emit_piece(const std::function<void(std::string_view)>& emit, const Bytes& bytes) {
  std::array<char, kSizeOfSize> size{};
  for (std::size_t i = 0; i < size.size(); ++i) {
    size[i] = static_cast<char>(bytes.size() >> (8 * i) & 0xFFU);
  }
  emit({size.data(), size.size()});
  emit(as_text(bytes));
}

/// Puts the pieces together again that come through the pipe in any parts.
class Pieces {
 public:
  using Take = std::function<Result<void>(ByteView)>;
  explicit Pieces(Take take) : take_(std::move(take)) {}

  Result<void> add(std::span<const char> part) {
    pending_.insert(pending_.end(), part.begin(), part.end());
    std::size_t at = 0;
    while (pending_.size() - at >= kSizeOfSize) {
      std::size_t size = 0;
      for (std::size_t i = kSizeOfSize; i-- > 0;) size = size << 8U | pending_[at + i];
      if (size > kMaxPiece) return Error{Error::Kind::Limit, "one object has too many bytes"};
      if (pending_.size() - at - kSizeOfSize < size) break;
      auto taken = take_(ByteView(pending_).subspan(at + kSizeOfSize, size));
      if (!taken) return taken;
      at += kSizeOfSize + size;
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(at));
    return {};
  }
  bool is_settled() const { return pending_.empty(); }

 private:
  Take take_;
  Bytes pending_;
};

/// In the child: counts, then objects.
Result<void> read_in_child(int fd, const std::function<void(std::string_view)>& emit) {
  const auto bytes = sys::read_all(fd, kMaxDatabase);
  if (!bytes) return bytes.error();
  const auto pass = [](baseline::OriginalObject&&) -> Result<void> { return {}; };
  const auto counts = baseline::read_original(*bytes, pass);
  if (!counts) return counts.error();
  emit_piece(emit, baseline::encode(*counts));
  const auto send = [&](baseline::OriginalObject&& object) -> Result<void> {
    emit_piece(emit, baseline::encode(object));
    return {};
  };
  const auto sent = baseline::read_original(*bytes, send);
  return sent ? Result<void>{} : sent.error();
}

/// What most contents were digested by, of what a check can do as well; TIGER192 where none was.
DigestKind usual_digest(const baseline::OriginalCounts& counts) {
  const auto count = [&](DigestKind kind) {
    return counts.digests[static_cast<std::size_t>(kind)];
  };
  DigestKind usual = DigestKind::None;
  for (const DigestKind kind : {DigestKind::Sha256, DigestKind::Sha1, DigestKind::Md5}) {
    if (count(kind) > count(usual) || (usual == DigestKind::None && count(kind) > 0)) usual = kind;
  }
  if (usual != DigestKind::None) return usual;
  return count(DigestKind::Tiger192) > 0 ? DigestKind::Tiger192 : DigestKind::Sha256;
}

/// The policy that compares just what the mask says, or else one of whoever wrote it; the
/// configuration decides at a check.
void choose_policy(baseline::Entry& entry) {
  std::uint32_t mask = entry.attributes & ~baseline::kImported;
  if (mask == 0) mask = policy::attributes_of(policy::Name::ReadOnly).bits();
  const auto* const found = std::ranges::find_if(policy::kNames, [mask](policy::Name name) {
    return policy::attributes_of(name).bits() == mask;
  });
  const policy::Name name = found == policy::kNames.end() ? policy::Name::User0 : *found;
  entry.policy = static_cast<std::uint8_t>(name);
  entry.attributes = mask | baseline::kImported;
}

/// One import, from the file to the baseline that is not yet committed.
class Import {
 public:
  explicit Import(std::string path) : path_(std::move(path)) {}

  Result<void> run(int fd, const std::optional<sys::Identity>& identity) {
    Pieces pieces([this](ByteView piece) { return take(piece); });
    auto done = sys::work_locked_in(
        {.role = "importer", .identity = identity},
        [fd](const auto& emit) { return read_in_child(fd, emit); },
        [&](std::span<char> part) { return pieces.add(part); });
    if (!done) return done;
    const bool is_whole = counts_ && pieces.is_settled() && taken_ == counts_->objects;
    if (!is_whole) return Error{Error::Kind::Malformed, "not all of its objects were read"};
    return {};
  }
  Result<void> commit(const crypto::SigningSeed& key) {
    const auto written = writer_->commit(key);
    return written ? Result<void>{} : Result<void>{written.error()};
  }
  const baseline::OriginalCounts& counts() const { return *counts_; }

 private:
  Result<void> take(ByteView piece) {
    if (!counts_) return begin(piece);
    auto object = baseline::decode_object(piece);
    if (!object) return object.error();
    ++taken_;
    choose_policy(object->entry);
    return writer_->add(object->directory, std::move(object->entry));
  }
  Result<void> begin(ByteView piece) {
    const auto counts = baseline::decode_counts(piece);
    if (!counts) return counts.error();
    counts_ = *counts;
    auto writer = baseline::Writer::create(path_, {.first = usual_digest(*counts)});
    if (!writer) return writer.error();
    writer_ = *std::move(writer);
    return {};
  }

  std::string path_;
  std::optional<baseline::OriginalCounts> counts_;
  std::uint64_t taken_ = 0;
  std::unique_ptr<baseline::Writer> writer_;
};

bool tell_distrust(const std::string& path, const Settings& settings) {
  const auto distrust = sys::find_distrust(path, settings.trusted);
  for (const sys::Distrust& reason : distrust) {
    tell(report::make_filled(
             report::kDistrusted, {reason.message}, now_ns(),
             {{"subroutine", "trustfile"}, {"path", path}, {"obj", reason.component}}),
         settings);
  }
  return !distrust.empty();
}

/// What lies at the baseline's place must be OLD itself, which then keeps another name.
Result<void> make_room(const std::string& old, int fd, const std::string& path) {
  struct stat there {};
  struct stat ours {};
  if (lstat(path.c_str(), &there) != 0) {
    return errno == ENOENT ? Result<void>{} : system_error(path, errno);
  }
  if (fstat(fd, &ours) != 0) return system_error(old, errno);
  if (there.st_dev != ours.st_dev || there.st_ino != ours.st_ino) {
    return Error{Error::Kind::Busy, path + " is there already; move it away if it is not needed"};
  }
  const std::string kept = path + ".original";
  if (link(path.c_str(), kept.c_str()) == 0) return {};
  const int number = errno;
  const bool is_kept = number == EEXIST && lstat(kept.c_str(), &there) == 0 &&
                       there.st_dev == ours.st_dev && there.st_ino == ours.st_ino;
  if (is_kept) return {};
  return system_error("keeping the old database as " + kept, number);
}

Result<std::optional<sys::Identity>> find_user() {
  if (geteuid() != 0) return std::optional<sys::Identity>{};
  constexpr std::array<std::string_view, 3> kUsers = {"samhain", "daemon", "nobody"};
  auto found = sys::find_identity(kUsers);
  if (!found) return found.error();
  return std::optional{*std::move(found)};
}

void tell_done(const std::string& old, const baseline::OriginalCounts& counts,
               const Settings& settings) {
  if (counts.is_cut) tell(report::make(report::kDatabaseCut, now_ns(), {{"path", old}}), settings);
  if (counts.digests[static_cast<std::size_t>(DigestKind::Tiger192)] > 0) {
    tell(report::make(report::kDigestsNotCompared, now_ns(),
                      {{"path", old}, {"remedy", "accept what is there: samhain -t update"}}),
         settings);
  }
  tell(report::make(report::kDatabaseImported, now_ns(),
                    {{"path", old},
                     {"files", std::to_string(counts.objects)},
                     {"absent", std::to_string(counts.absent)},
                     {"skipped", std::to_string(counts.skipped)}}),
       settings);
}

Result<void> import_from(const std::string& old, const Settings& settings) {
  const UniqueFd file(open(old.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return system_error("can't open it for read", errno);
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) return system_error("fstat", errno);
  if (!S_ISREG(facts.st_mode)) return Error{Error::Kind::Refused, "no regular file"};
  if (tell_distrust(old, settings)) {
    return Error{Error::Kind::Refused, "others may change it, or the way to it: nothing to trust"};
  }
  const auto user = find_user();
  if (!user) return user.error();
  const std::string& path = settings.baseline_path;
  Import import(path);
  if (auto done = import.run(file.get(), *user); !done) return done;
  const auto key = baseline::load_or_make_key(path);
  if (!key) return key.error();
  if (auto room = make_room(old, file.get(), path); !room) return room;
  if (auto done = import.commit(*key); !done) return done;
  tell_done(old, import.counts(), settings);
  return {};
}

}  // namespace

int import_database(const Options& options, const Paths& paths) {
  umask(077);
  // Before a child of ours parses what somebody else wrote; nothing here needs it.
  uplink::wipe_embedded_password();
  const Loading loading = load_settings(options, paths, own_name());
  if (!loading.loaded) {
    for (const Report& line :
         lines_of(loading.unusable, options.config_path.value_or(paths.config))) {
      (void)std::fputs((report::line_of(line, report::Form::Guide) + "\n").c_str(), stderr);
    }
    return fail("the configuration says where the baseline is, and cannot be used");
  }
  const Settings& settings = loading.loaded->settings;
  if (settings.baseline_path.empty()) {
    return fail("No local path for database specified: SetDatabasePath=REQ_FROM_SERVER/PATH");
  }
  const auto done = import_from(options.operand, settings);
  return done ? 0 : fail(fmt::format("can't import {}: {}", options.operand, done.error().text()));
}

}  // namespace samhain::agent
