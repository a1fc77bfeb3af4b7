#include "server/ledger.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/codec.h"
#include "crypto/digest.h"
#include "srp/verifier.h"
#include "sys/file.h"

// The file: 16 bytes of kMagic, then records `u32 length | u64 check | payload`, the check being
// the first eight bytes of the payload's SHA-256.  Payloads:
//   snapshot  u8 1 | n * (text client | u16 spools * (id, u64 next) | u16 instances * id)
//   intent    u8 2 | u8 the intent before stood | landing | u32 n * (text client, id, u64 next)
//             (as it was while there was one log; still read)
//   instance  u8 3 | text client | id
//   intents   u8 4 | u8 the one before stood | u32 n * (landing | u32 n * (text client, id, u64
//   next))
//             (one for each log that the batch goes to)
//   onward    u8 5 | relay batch: of the intents that follow
//   left      u8 6 | relay batch: of a batch that stands, and may not be in the relay's spool
// A record that is cut or does not check was being written when the power failed: it and what would
// follow do not count, which is right, since its batch was not begun before it was flushed.

namespace samhain::server {
namespace {

constexpr std::string_view kMagic = "samhain ledger 1";
constexpr std::string_view kMagicStem = "samhain ledger ";
constexpr std::uint8_t kSnapshot = 1;
constexpr std::uint8_t kIntent = 2;
constexpr std::uint8_t kInstance = 3;
constexpr std::uint8_t kIntents = 4;
constexpr std::uint8_t kOnward = 5;
constexpr std::uint8_t kLeft = 6;
constexpr std::size_t kMaxFile = 1U << 30;
constexpr std::uint64_t kMinCompaction = 4U << 20;

std::uint64_t check_of(ByteView payload) {
  const Digest digest = crypto::sha256(payload);
  return base::Reader(digest).number<std::uint64_t>();
}

Bytes record(ByteView payload) {
  base::Writer writer;
  writer.number(static_cast<std::uint32_t>(payload.size()))
      .number(check_of(payload))
      .raw_bytes(payload);
  return writer.take();
}

/// The next record's payload; nothing at the end or where the file is torn.
std::optional<ByteView> next_record(base::Reader& reader) {
  const auto length = reader.number<std::uint32_t>();
  const auto check = reader.number<std::uint64_t>();
  const ByteView payload = reader.raw_bytes(length);
  if (!reader.is_good() || payload.empty() || check_of(payload) != check) return std::nullopt;
  return payload;
}

void write_landing(base::Writer& writer, const sink::Landing& landing) {
  writer.number(static_cast<std::uint64_t>(landing.device))
      .number(static_cast<std::uint64_t>(landing.inode))
      .number(landing.offset)
      .number(landing.length)
      .raw_bytes(landing.digest);
}

sink::Landing read_landing(base::Reader& reader) {
  sink::Landing landing;
  landing.device = static_cast<dev_t>(reader.number<std::uint64_t>());
  landing.inode = static_cast<ino_t>(reader.number<std::uint64_t>());
  landing.offset = reader.number<std::uint64_t>();
  landing.length = reader.number<std::uint64_t>();
  landing.digest = reader.array<32>();
  return landing;
}

void remember(std::vector<wire::Id>& ids, const wire::Id& id, std::size_t limit) {
  std::erase(ids, id);
  if (ids.size() >= limit) ids.erase(ids.begin());
  ids.push_back(id);
}

}  // namespace

/// An intent as it was read: what was to land in each log.
struct Ledger::Intent {
  struct Covered {
    std::string client;
    wire::Id spool{};
    std::uint64_t next = 0;
  };
  struct Part {
    sink::Landing landing;
    std::vector<Covered> covered;
  };
  std::vector<Part> parts;
  std::optional<RelayBatch> onward;
  std::optional<RelayBatch> coming;  ///< of the intent that follows
  bool has_left = false;             ///< onward stands

  /// Reads one part more.
  void add(base::Reader& reader) {
    Part& part = parts.emplace_back();
    part.landing = read_landing(reader);
    for (auto n = reader.number<std::uint32_t>(); n > 0 && reader.is_good(); --n) {
      Covered& one = part.covered.emplace_back();
      one.client = reader.text(srp::kMaxHostName);
      one.spool = reader.array<16>();
      one.next = reader.number<std::uint64_t>();
    }
  }
};

Result<std::unique_ptr<Ledger>> Ledger::open(std::string path, const std::string& log_path) {
  std::unique_ptr<Ledger> ledger(new Ledger(std::move(path)));
  auto file = sys::read_file(ledger->path_, kMaxFile);
  if (!file && file.error().sys_errno != ENOENT) return file.error().within("ledger", "");
  if (file) {
    if (auto loaded = ledger->load(*file, log_path); !loaded) return loaded.error();
  }
  if (auto written = ledger->compact(); !written) return written.error();
  return ledger;
}

Result<void> Ledger::load(ByteView file, const std::string& log_path) {
  if (file.size() < kMagic.size() || as_text(file.first(kMagic.size())) != kMagic) {
    const bool is_ours = as_text(file).starts_with(kMagicStem);
    return Error{is_ours ? Error::Kind::Version : Error::Kind::Malformed,
                 fmt::format("ledger {}: {}", path_,
                             is_ours ? "written by a newer program"
                                     : "not a ledger; moved away, a report may be logged twice")};
  }
  base::Reader reader(file.subspan(kMagic.size()));
  Intent last;
  while (const auto payload = next_record(reader)) {
    if (!read_record(*payload, last)) {
      return Error{Error::Kind::Malformed, fmt::format("ledger {}: bad record", path_)};
    }
  }
  return settle(std::move(last), log_path);
}

Result<void> Ledger::settle(Intent last, const std::string& log_path) {
  Intent stood;
  std::vector<bool> stands;
  for (Intent::Part& part : last.parts) {
    // The main log's path finds the others as well: they lie beside it and are known by inode.
    const auto is_there = sink::LogFile::settle(log_path, part.landing);
    if (!is_there) return is_there.error().within("ledger", path_);
    stands.push_back(*is_there);
    if (*is_there) stood.parts.push_back(std::move(part));
  }
  keep(stood);
  if (!last.onward) return {};

  RelayBatch& onward = *last.onward;
  if (!last.has_left) {
    // Nothing goes into the spool before all logs have theirs.
    onward.has_begun = stood.parts.size() == stands.size();
    std::erase_if(onward.items, [&stands](const RelayBatch::Item& item) {
      return item.log >= stands.size() || !stands[item.log];
    });
  }
  if (!onward.items.empty()) {
    base::Writer writer;
    write(writer, onward);
    left_ = writer.take();
  }
  return {};
}

std::optional<RelayBatch> Ledger::left() const {
  if (left_.empty()) return std::nullopt;
  base::Reader reader(left_);
  return read_relay_batch(reader);
}

bool Ledger::read_record(ByteView payload, Intent& open_intent) {
  base::Reader reader(payload);
  const auto kind = reader.number<std::uint8_t>();
  if (kind == kSnapshot) {
    while (reader.is_good() && reader.left() > 0) {
      Client& client = clients_[std::string{reader.text(srp::kMaxHostName)}];
      for (auto n = reader.number<std::uint16_t>(); n > 0 && reader.is_good(); --n) {
        Spool& spool = spool_of(client, reader.array<16>());
        spool.next = spool.standing = reader.number<std::uint64_t>();
      }
      for (auto n = reader.number<std::uint16_t>(); n > 0 && reader.is_good(); --n) {
        remember(client.instances, reader.array<16>(), kMaxInstances);
      }
    }
    return reader.is_complete();
  }
  if (kind == kInstance) {
    const std::string client{reader.text(srp::kMaxHostName)};
    const auto id = reader.array<16>();
    if (!reader.is_complete()) return false;
    remember(clients_[client].instances, id, kMaxInstances);
    return true;
  }
  if (kind == kOnward) {
    open_intent.coming = read_relay_batch(reader);
    return reader.is_complete();
  }
  if (kind == kLeft) {
    open_intent = {};
    open_intent.onward = read_relay_batch(reader);
    open_intent.has_left = true;
    return reader.is_complete();
  }
  if (kind != kIntent && kind != kIntents) return false;

  const bool has_stood = reader.number<std::uint8_t>() != 0;
  if (has_stood) keep(open_intent);
  Intent next;
  next.onward = std::move(open_intent.coming);
  open_intent = std::move(next);
  auto parts = kind == kIntent ? 1U : reader.number<std::uint32_t>();
  for (; parts > 0 && reader.is_good(); --parts) open_intent.add(reader);
  return reader.is_complete();
}

void Ledger::keep(const Intent& intent) {
  for (const Intent::Part& part : intent.parts) {
    for (const Intent::Covered& one : part.covered) {
      Spool& spool = spool_of(clients_[one.client], one.spool);
      spool.next = spool.standing = std::max(spool.standing, one.next);
    }
  }
}

Ledger::Spool& Ledger::spool_of(Client& client, const wire::Id& id) {
  auto& spools = client.spools;
  if (!spools.empty() && spools.back().id == id) return spools.back();
  const auto found = std::find_if(spools.begin(), spools.end(),
                                  [&id](const Spool& spool) { return spool.id == id; });
  if (found != spools.end()) {
    std::rotate(found, found + 1, spools.end());
    return spools.back();
  }
  // What the current batch advanced must stay until it stands: only settled ones make room.
  if (spools.size() >= kMaxSpools) {
    const auto oldest = std::find_if(spools.begin(), spools.end(), [](const Spool& spool) {
      return spool.next == spool.standing;
    });
    if (oldest != spools.end()) spools.erase(oldest);
  }
  spools.push_back(Spool{.id = id});
  return spools.back();
}

const Ledger::Spool* Ledger::find(std::string_view client, const wire::Id& id) const {
  const auto found = clients_.find(client);
  if (found == clients_.end()) return nullptr;
  // From the end: the spool in use is the last one.
  const auto& spools = found->second.spools;
  const auto it = std::find_if(spools.rbegin(), spools.rend(),
                               [&id](const Spool& spool) { return spool.id == id; });
  return it == spools.rend() ? nullptr : &*it;
}

std::uint64_t Ledger::next(std::string_view client, const wire::Id& spool) const {
  const Spool* known = find(client, spool);
  return known == nullptr ? 0 : known->next;
}

std::uint64_t Ledger::durable(std::string_view client, const wire::Id& spool) const {
  const Spool* known = find(client, spool);
  return known == nullptr ? 0 : known->standing;
}

void Ledger::advance(std::string_view client, const wire::Id& spool, std::uint64_t next,
                     unsigned log) {
  auto found = clients_.find(client);
  if (found == clients_.end()) found = clients_.emplace(std::string{client}, Client{}).first;
  Spool& known = spool_of(found->second, spool);
  if (known.next == known.standing) batch_.push_back({&*found, spool, log});
  known.next = next;
}

bool Ledger::knows_instance(std::string_view client, const wire::Id& instance) const {
  const auto found = clients_.find(client);
  if (found == clients_.end()) return false;
  const auto& instances = found->second.instances;
  return std::find(instances.begin(), instances.end(), instance) != instances.end();
}

void Ledger::remember_instance(std::string_view client, const wire::Id& instance) {
  auto found = clients_.find(client);
  if (found == clients_.end()) found = clients_.emplace(std::string{client}, Client{}).first;
  remember(found->second.instances, instance, kMaxInstances);

  base::Writer writer;
  writer.number(kInstance).text(client).raw_bytes(instance);
  // A failure costs one word in the log after a restart.
  (void)append(record(writer.view()));
}

/// Never behind half a record, which would hide all that follows, nor into a file that has lost its
/// name.
Result<void> Ledger::append(ByteView bytes) {
  if (is_unusable_) {
    if (auto compacted = compact(); !compacted) return compacted;
  }
  if (auto written = sys::write_all(fd_.get(), bytes); !written) {
    cut_back();
    return written.error().within("ledger", path_);
  }
  size_ += bytes.size();
  return {};
}

void Ledger::cut_back() {
  if (ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) is_unusable_ = true;
}

Result<void> Ledger::intend(std::span<const sink::Landing> landings, const RelayBatch* onward) {
  std::stable_sort(batch_.begin(), batch_.end(),
                   [](const Mark& a, const Mark& b) { return a.log < b.log; });
  base::Writer writer;
  writer.number(kIntents).number(static_cast<std::uint8_t>(last_stood_));
  writer.number(static_cast<std::uint32_t>(landings.size()));
  auto mark = batch_.cbegin();
  for (std::size_t log = 0; log < landings.size(); ++log) {
    const auto end =
        std::find_if(mark, batch_.cend(), [log](const Mark& m) { return m.log != log; });
    write_landing(writer, landings[log]);
    writer.number(static_cast<std::uint32_t>(end - mark));
    for (; mark != end; ++mark) {
      writer.text(mark->client->first)
          .raw_bytes(mark->spool)
          .number(next(mark->client->first, mark->spool));
    }
  }
  Bytes bytes;
  onward_.clear();
  if (onward != nullptr && !onward->items.empty()) {
    base::Writer batch;
    write(batch, *onward);
    onward_ = batch.take();
    bytes = record(base::Writer().number(kOnward).raw_bytes(onward_).view());
  }
  const Bytes intents = record(writer.view());
  bytes.insert(bytes.end(), intents.begin(), intents.end());
  if (auto appended = append(bytes); !appended) return appended;
  if (fdatasync(fd_.get()) != 0) {
    const int error = errno;
    size_ -= bytes.size();
    cut_back();
    return system_error("ledger " + path_, error);
  }
  last_stood_ = false;
  return {};
}

void Ledger::stand() {
  for (const Mark& mark : batch_) {
    Spool& spool = spool_of(mark.client->second, mark.spool);
    spool.standing = spool.next;
  }
  batch_.clear();
  last_stood_ = true;
  left_ = std::exchange(onward_, {});
  if (!left_.empty()) left_[kHasBegunAt] = 1;
}

Bytes Ledger::snapshot() const {
  base::Writer writer;
  writer.number(kSnapshot);
  for (const auto& [name, client] : clients_) {
    writer.text(name).number(static_cast<std::uint16_t>(client.spools.size()));
    for (const Spool& spool : client.spools) writer.raw_bytes(spool.id).number(spool.standing);
    writer.number(static_cast<std::uint16_t>(client.instances.size()));
    for (const wire::Id& id : client.instances) writer.raw_bytes(id);
  }
  return record(writer.view());
}

Result<void> Ledger::compact() {
  base::Writer writer;
  writer.raw_bytes(as_bytes(kMagic)).raw_bytes(snapshot());
  if (!left_.empty()) {
    writer.raw_bytes(record(base::Writer().number(kLeft).raw_bytes(left_).view()));
  }
  is_unusable_ = true;  // from the rename on fd_ leads to a file without a name
  if (auto written = sys::write_file_atomically(path_, writer.view(), 0600); !written) {
    return written.error().within("ledger", path_);
  }
  UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return system_error("ledger " + path_, errno);
  fd_ = std::move(fd);
  size_ = writer.size();
  compact_above_ = std::max(kMinCompaction, 4 * size_);
  last_stood_ = true;
  is_unusable_ = false;
  return {};
}

}  // namespace samhain::server
