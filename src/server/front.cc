#include <fmt/format.h>
#include <sys/epoll.h>

#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/die.h"
#include "base/wipe.h"
#include "server/front_transfer.h"
#include "server/link.h"
#include "server/requests.h"
#include "server/role_process.h"
#include "sys/role.h"
#include "wire/messages.h"

namespace samhain::server {
namespace {

/// Above this the keeper has enough to do: nothing more is read from clients until it caught up.
/// sys::Channel::on_drained() tells of the same level.
constexpr std::size_t kEnough = 1U << 20;

/// One TLS record and more: a read never leaves decrypted bytes behind.
constexpr std::size_t kReadSize = 64U << 10;

constexpr std::chrono::milliseconds kSweepInterval{500};

Result<wire::TlsContext> context_of(const wire::Credentials& certificate) {
  if (certificate.chain.empty()) return wire::TlsContext::server();
  return wire::TlsContext::server(certificate);
}

/// Every byte from the network is read here, and nothing of value is held here but the TLS keys.
class Front {
 public:
  Front(const FrontSettings& settings, wire::TlsContext tls)
      : settings_(settings), tls_(std::move(tls)), buffer_(kReadSize) {}

  void open(RoleProcess& process) {
    loop_ = process.loop.get();
    keeper_ = process.keeper.get();
    keeper_->on_drained([this] { resume_reading(); });
    loop_->on_round_end([this] { send_acks(); });
    sweep_later();
  }

  /// False for a message that the keeper never sends.
  bool take(std::uint16_t kind, ByteView payload, std::vector<UniqueFd>& descriptors) {
    switch (kind) {
      case kTake:
        return take_connection(payload, descriptors);
      case kReply:
        return reply(payload);
      case kAck:
        return acknowledge(payload);
      case kClose:
        return close(payload);
      case kRenew:
        return renew(payload);
      case kFile:
        return deliver(payload, descriptors);
      case kStore:
        return store(payload, descriptors);
      default:
        return false;
    }
  }

 private:
  struct Entry {
    Link link;
    FrontTransfer transfer;
    std::uint32_t watched = 0;
    std::uint64_t acked = 0;
    bool has_ack = false;
  };
  using Entries = std::unordered_map<ConnectionId, std::unique_ptr<Entry>>;

  static Link::Time now() { return std::chrono::steady_clock::now(); }
  bool may_read() const { return keeper_->queued() <= kEnough; }

  Entry* find(ConnectionId id) {
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : found->second.get();
  }

  bool take_connection(ByteView payload, std::vector<UniqueFd>& descriptors) {
    const auto about = decode_about(payload);
    if (!about || descriptors.size() != 1 || find(about->connection) != nullptr) return false;
    const ConnectionId id = about->connection;
    auto entry = std::make_unique<Entry>(
        Entry{.link = Link(id, std::move(descriptors[0]), now()), .transfer = {}});
    entry->watched = EPOLLIN;
    auto watched = loop_->watch(entry->link.fd(), EPOLLIN,
                                [this, id](std::uint32_t events) { on_events(id, events); });
    if (!watched) {
      tell_gone(id, Departure::Reset);
      return true;
    }
    entries_.emplace(id, std::move(entry));
    return true;
  }

  void on_events(ConnectionId id, std::uint32_t events) {
    Entry* entry = find(id);
    if (entry == nullptr) return;
    // Half-closed and broken sockets are always reported: reading tells which, but only when the
    // keeper may be told.
    if (!may_read() && (events & EPOLLOUT) == 0 && !entry->link.is_finishing()) {
      stalled_.insert(id);
      watch_for(*entry, (events & (EPOLLHUP | EPOLLERR)) != 0);
      return;
    }
    proceed(*entry);
  }

  void proceed(Entry& entry) {
    if (entry.transfer.is_sending() && !entry.link.is_finishing()) {
      // First what goes out: its end may be what the client's next request answers.
      if (auto sent = entry.link.send_rest(now()); !sent) return end(entry, sent.error());
      if (!feed(entry)) return;
      // It is written to all the time: read only when the keeper has room.
      if (!may_read()) return settle(entry);
    }
    auto proceeded = entry.link.proceed(
        tls_, buffer_, now(), [this, &entry](const auto& frame) { return pass_on(entry, frame); });
    if (!proceeded) return end(entry, proceeded.error());
    settle(entry);
  }

  Result<void> pass_on(Entry& entry, const wire::Frame& frame) {
    using wire::Type;
    const Link& link = entry.link;
    if (link.is_member()) return pass_on_of_member(entry, frame);
    switch (frame.type) {
      case Type::Hello:
        send_about(kHello, link.id(), frame.payload);
        return {};
      case Type::Proof:
        keeper_->send(kProof, encode_bound(link.id(), link.binding(), frame.payload));
        return {};
      case Type::Resume:
        keeper_->send(kResume, encode_bound(link.id(), link.binding(), frame.payload));
        return {};
      default:
        return out_of_turn(frame);
    }
  }

  Result<void> pass_on_of_member(Entry& entry, const wire::Frame& frame) {
    using wire::Type;
    const ConnectionId id = entry.link.id();
    switch (frame.type) {
      case Type::Report:
        send_about(kReport, id, frame.payload);
        return {};
      case Type::Get:
        if (frame.payload.size() < kGetSize || frame.payload.size() > kMaxGetSize) {
          return Error{Error::Kind::Malformed, "GET: wrong length"};
        }
        if (auto asked = entry.transfer.ask(); !asked) return asked;
        send_about(kGet, id, frame.payload);
        return {};
      case Type::Put:
        if (auto offered = entry.transfer.offer(frame.payload); !offered) return offered;
        entry.link.hold();
        send_about(kPut, id, frame.payload);
        return {};
      case Type::Chunk:
        return entry.transfer.take_chunk(frame.payload, now());
      case Type::End: {
        auto end = entry.transfer.take_end(frame.payload);
        if (!end) return end.error();
        if (!*end) return {};
        (*end)->connection = id;
        keeper_->send(kPutEnd, encode(**end));
        return {};
      }
      default:
        return out_of_turn(frame);
    }
  }

  bool deliver(ByteView payload, std::vector<UniqueFd>& descriptors) {
    const auto delivery = decode_delivery(payload);
    if (!delivery || descriptors.size() != 1) return false;
    Entry* entry = find(delivery->connection);
    if (entry == nullptr || entry->link.is_finishing()) return true;
    if (!entry->transfer.send(std::move(descriptors[0]), *delivery)) return false;
    if (feed(*entry)) settle(*entry);
    return true;
  }

  /// False: the connection is over.
  bool feed(Entry& entry) {
    auto fed = entry.transfer.feed(entry.link, buffer_, now());
    if (!fed && fed.error().kind != Error::Kind::Busy) {
      end(entry, fed.error());
      return false;
    }
    if (fed && !*fed) return true;
    const std::uint8_t is_whole = fed ? 1 : 0;
    send_about(kSent, entry.link.id(), {&is_whole, 1});
    if (!fed) drop(entry);
    return static_cast<bool>(fed);
  }

  bool store(ByteView payload, std::vector<UniqueFd>& descriptors) {
    const auto about = decode_about(payload);
    if (!about || descriptors.size() != 1) return false;
    Entry* entry = find(about->connection);
    if (entry == nullptr || entry->link.is_finishing()) return true;
    if (!entry->transfer.receive(std::move(descriptors[0]), now())) return false;
    entry->link.release();
    proceed(*entry);
    return true;
  }

  static Error out_of_turn(const wire::Frame& frame) {
    return Error{Error::Kind::Malformed,
                 fmt::format("Frame of type {} out of turn", static_cast<unsigned>(frame.type))};
  }

  void send_about(std::uint16_t kind, ConnectionId id, ByteView rest) {
    scratch_.clear();
    scratch_.number(id).raw_bytes(rest);
    keeper_->send(kind, scratch_.view());
  }

  bool reply(ByteView payload) {
    const auto reply = decode_reply(payload);
    if (!reply) return false;
    Entry* entry = find(reply->connection);
    if (entry == nullptr || entry->link.is_finishing()) return true;  // it went meanwhile
    if (reply->type == wire::Type::Accepted || reply->type == wire::Type::Resumed) {
      entry->link.become_member();
    }
    entry->transfer.answered(reply->type);
    if (auto sent = entry->link.send(reply->type, reply->payload, now()); !sent) {
      end(*entry, sent.error());
      return true;
    }
    if (reply->is_last) entry->link.finish(now());
    // What waited for this answer goes on; of a connection that ends, into the void.
    if (entry->link.release()) {
      proceed(*entry);
    } else {
      settle(*entry);
    }
    return true;
  }

  bool acknowledge(ByteView payload) {
    base::Reader reader(payload);
    const auto id = reader.number<std::uint64_t>();
    const auto seq = reader.number<std::uint64_t>();
    if (!reader.is_complete()) return false;
    Entry* entry = find(id);
    if (entry == nullptr || entry->link.is_finishing()) return true;
    if (!std::exchange(entry->has_ack, true)) to_ack_.push_back(id);
    entry->acked = seq;
    return true;
  }

  /// One ACK a connection and round, however many batches the keeper finished in it.
  void send_acks() {
    std::vector<ConnectionId> ids;
    ids.swap(to_ack_);
    for (const ConnectionId id : ids) {
      Entry* entry = find(id);
      if (entry == nullptr || entry->link.is_finishing()) continue;
      entry->has_ack = false;
      const Bytes ack = wire::encode(wire::Ack{.seq = entry->acked, .commands = {}});
      if (auto sent = entry->link.send(wire::Type::Ack, ack, now()); !sent) {
        end(*entry, sent.error());
      } else {
        settle(*entry);
      }
    }
  }

  bool close(ByteView payload) {
    const auto about = decode_about(payload);
    if (!about) return false;
    if (Entry* entry = find(about->connection); entry != nullptr) drop(*entry);
    return true;
  }

  /// For connections that begin now; those that are there stay under the certificate they have.
  bool renew(ByteView payload) {
    const auto set_up = decode_front_set_up(payload);
    if (!set_up) return false;
    settings_ = set_up->settings;
    auto tls = context_of(set_up->certificate);
    if (tls) tls_ = std::move(*tls);  // the keeper has tried it: it fits
    return true;
  }

  /// After anything happened on a link: is it over, and what is it to be watched for?
  void settle(Entry& entry) {
    if (entry.link.is_over()) return drop(entry);
    watch_for(entry, false);
  }

  void watch_for(Entry& entry, bool is_broken) {
    const bool may = may_read() || entry.link.is_finishing();
    std::uint32_t events = entry.link.events(may);
    if (entry.transfer.is_sending() && !entry.link.is_finishing()) events |= EPOLLOUT;
    if (!may) stalled_.insert(entry.link.id());
    if (is_broken) {
      // EPOLLHUP cannot be masked: it would spin until the keeper has caught up.
      loop_->forget(entry.link.fd());
      entry.watched = kNotWatched;
    } else if (events != entry.watched) {
      if (!loop_->change(entry.link.fd(), events)) return tell_and_drop(entry, Departure::Reset);
      entry.watched = events;
    }
  }

  void resume_reading() {
    std::unordered_set<ConnectionId> ids;
    ids.swap(stalled_);
    for (const ConnectionId id : ids) {
      Entry* entry = find(id);
      if (entry == nullptr) continue;
      if (entry->watched == kNotWatched) {
        entry->watched = EPOLLIN;
        auto watched = loop_->watch(entry->link.fd(), EPOLLIN,
                                    [this, id](std::uint32_t events) { on_events(id, events); });
        if (!watched) {
          tell_and_drop(*entry, Departure::Reset);
          continue;
        }
      }
      settle(*entry);
    }
  }

  void end(Entry& entry, const Error& error) {
    if (entry.link.is_finishing()) return drop(entry);
    if (error.kind == Error::Kind::Missing || error.kind == Error::Kind::System) {
      const bool is_orderly = entry.link.is_member() && error.sys_errno == 0;
      return tell_and_drop(entry, is_orderly ? Departure::Closed : Departure::Reset);
    }
    keeper_->send(kViolation, encode(Complaint{entry.link.id(), error.what}));
    drop(entry);
  }

  void tell_gone(ConnectionId id, Departure departure) {
    const auto code = static_cast<std::uint8_t>(departure);
    send_about(kGone, id, {&code, 1});
  }

  void tell_and_drop(Entry& entry, Departure departure) {
    tell_gone(entry.link.id(), departure);
    drop(entry);
  }

  void drop(Entry& entry) {
    if (entry.watched != kNotWatched) loop_->forget(entry.link.fd());
    entries_.erase(entry.link.id());
  }

  void sweep_later() {
    loop_->after(kSweepInterval, [this] {
      sweep();
      sweep_later();
    });
  }

  void sweep() {
    std::vector<std::pair<ConnectionId, Departure>> late;
    const auto time = now();
    for (const auto& [id, entry] : entries_) {
      // What waits for the keeper is not the client's fault.
      if (stalled_.contains(id)) continue;
      if (entry->transfer.is_stuck(settings_.frame, time)) {
        late.emplace_back(id, Departure::FrameTimeout);
        continue;
      }
      if (const auto departure = entry->link.find_timeout(settings_, time)) {
        late.emplace_back(id, *departure);
      }
    }
    for (const auto& [id, departure] : late) {
      Entry* entry = find(id);
      if (entry == nullptr) continue;
      if (entry->link.is_finishing()) {
        drop(*entry);
      } else {
        tell_and_drop(*entry, departure);
      }
    }
  }

  static constexpr std::uint32_t kNotWatched = ~0U;
  FrontSettings settings_;
  wire::TlsContext tls_;
  Bytes buffer_;
  base::Writer scratch_;
  sys::Loop* loop_ = nullptr;
  sys::Channel* keeper_ = nullptr;
  Entries entries_;
  std::vector<ConnectionId> to_ack_;
  std::unordered_set<ConnectionId> stalled_;
};

}  // namespace

int run_front() {
  auto payload = sys::receive_set_up();
  if (!payload) base::die(payload.error().text());
  const auto set_up = decode_front_set_up(*payload);
  if (!set_up) base::die("front: set-up message malformed");
  auto tls = context_of(set_up->certificate);
  if (!tls) base::die(tls.error().text());
  const FrontSettings settings = set_up->settings;
  base::wipe(*payload);

  Front front(settings, std::move(*tls));
  sys::Confinement confinement;
  confinement.role = "front";
  confinement.has_empty_root = true;
  confinement.may_share_user = true;
  confinement.max_file_size = kMaxUpload;
  RoleProcess process;
  process = enter_role(confinement, kToFront,
                       [&](std::uint16_t kind, ByteView message, std::vector<UniqueFd>& fds) {
                         if (!front.take(kind, message, fds)) process.loop->stop();
                       });
  front.open(process);
  process.loop->run();
  return 0;
}

}  // namespace samhain::server
