#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "uplink/session.h"
#include "uplink_support.h"
#include "wire/files.h"
#include "wire/messages.h"

namespace samhain::uplink {

using namespace std::chrono_literals;

inline constexpr std::string_view kPassword = "0123456789abcdef0123456789abcdef";

/// A server in the same process: real arithmetic and real MACs behind a courier that cannot fail,
/// unless a test says how it shall.
class FakeServer final : public Transport {
 public:
  FakeServer(sys::Loop& loop, std::string_view password)
      : loop_(loop),
        verifier_(srp::make_verifier("host", password, crypto::random_array<srp::kSaltSize>())) {}

  // What goes wrong.
  bool is_down = false;
  bool is_inventive = false;  ///< each failure names another address
  bool is_closing = false;    ///< before TLS stands, as libwrap does
  bool is_refusing = false;
  bool is_silent = false;
  bool acknowledges = true;
  bool acknowledges_too_much = false;
  bool signs_commands = true;
  bool sends_commands = false;  ///< another one with each ACK
  bool proves_itself = true;
  std::optional<std::uint64_t> says_next;
  std::uint32_t lifetime_s = 7'200;

  // Its files.
  std::map<wire::FileKind, std::string> files;
  std::size_t chunk_size = 1'000;
  std::optional<std::size_t> breaks_at;  ///< before the CHUNK of this number, once
  bool says_wrong_digest = false;
  bool signs_badly = false;
  bool repeats_old_verdict = false;  ///< the nonce is not this question's

  // Files that it is sent.
  bool takes_uploads = true;
  bool takes_chunks = true;       ///< else they stay on the way
  bool stores_too_early = false;  ///< before END
  std::vector<std::string> stored;
  std::size_t most_chunks_under_way = 0;

  // What was seen.
  std::map<std::uint64_t, std::string> logged;
  int connections = 0;
  int authentications = 0;
  int resumptions = 0;
  int questions = 0;  ///< GET
  bool is_open = false;
  std::size_t most_unacknowledged = 0;

  Session* session = nullptr;

  void forget_session() { id_.reset(); }
  void drop_connection() {
    is_open = false;
    session->closed("gone");
  }
  void acknowledge(std::uint64_t seq) {
    acknowledged_ = static_cast<std::size_t>(seq);  // numbers begin with 1
    wire::Ack ack{seq, {}, {}};
    if (sends_commands) {
      ack.commands = {{seq, "NONSENSE"}, {seq + 1, "MORE"}};
      ack.mac = wire::commands_mac(*mac_, *id_, ack.commands);
      if (!signs_commands) ack.mac[0] ^= 1;
    }
    answer(wire::Type::Ack, wire::encode(ack));
  }

  void open(std::size_t /*server*/) override {
    const int number = ++connections;
    loop_.soon([this, number] {
      if (number != connections) return;
      chunks_under_way_ = 0;
      if (is_down) {
        const std::string address = is_inventive ? "host " + std::to_string(number) : "127.0.0.1";
        session->connect_failed(address, "Connection refused");
        return session->unreachable();
      }
      if (is_closing) return session->closed("Connection reset by peer");
      is_open = true;
      binding_ = crypto::random_array<32>();
      session->opened(binding_);
    });
  }
  void send(wire::Type type, ByteView payload) override {
    ASSERT_TRUE(is_open);
    if (type == wire::Type::Chunk) {
      most_chunks_under_way = std::max(most_chunks_under_way, ++chunks_under_way_);
    }
    loop_.soon([this, type, number = connections, copy = Bytes(payload.begin(), payload.end())] {
      if (is_open && number == connections) take(type, copy);
    });
  }
  void close() override { is_open = false; }

 private:
  void answer(wire::Type type, const Bytes& payload) {
    if (!is_silent) session->received(type, payload);
  }
  void take(wire::Type type, ByteView payload) {
    if (type == wire::Type::Hello) return take_hello(payload);
    if (type == wire::Type::Proof) return take_proof(payload);
    if (type == wire::Type::Resume) return take_resume(payload);
    if (type == wire::Type::Report) return take_report(payload);
    if (type == wire::Type::Get) return take_get(payload);
    if (type == wire::Type::Put) return take_put(payload);
    if (type == wire::Type::Chunk) return take_chunk(payload);
    if (type == wire::Type::End) return take_end(payload);
    FAIL() << "unexpected frame";
  }
  void take_hello(ByteView payload) {
    const auto hello = wire::decode_hello(payload);
    ASSERT_TRUE(hello);
    if (is_refusing) {
      return answer(wire::Type::Refused,
                    wire::encode(wire::Refused{wire::Refusal::NotRegistered, {}}));
    }
    auto challenge = srp::Server::challenge(hello->speaker, verifier_, hello->a_public);
    ASSERT_TRUE(challenge);
    server_.emplace(*std::move(challenge));
    answer(wire::Type::Challenge,
           wire::encode(wire::Challenge{verifier_.salt, server_->b_public()}));
  }
  void take_proof(ByteView payload) {
    const auto proof = wire::decode_proof(payload);
    ASSERT_TRUE(proof);
    const auto m2 = server_->check(proof->m1, binding_);
    if (!m2) {
      return answer(wire::Type::Refused,
                    wire::encode(wire::Refused{wire::Refusal::WrongProof, {}}));
    }
    ++authentications;
    id_ = crypto::random_array<16>();
    const srp::SessionKey agreed = server_->take_key();
    mac_.emplace(wire::report_key(agreed, *id_));
    file_mac_.emplace(wire::file_key(agreed, *id_));
    wire::Accepted accepted{*m2, *id_, lifetime_s, next(), wire::kMaxMember, "client"};
    if (!proves_itself) accepted.m2[0] ^= 1;
    answer(wire::Type::Accepted, wire::encode(accepted));
  }
  void take_resume(ByteView payload) {
    const auto resume = wire::decode_resume(payload);
    ASSERT_TRUE(resume);
    if (!id_ || resume->session_id != *id_) return answer(wire::Type::Invalid, {});
    ASSERT_EQ(resume->mac, wire::resume_mac(*mac_, resume->nonce, binding_));
    ++resumptions;
    answer(wire::Type::Resumed,
           wire::encode(wire::Resumed{wire::resumed_mac(*mac_, resume->nonce, binding_), next()}));
  }
  void take_report(ByteView payload) {
    const auto report = wire::decode_report(payload);
    ASSERT_TRUE(report);
    if (!id_) return answer(wire::Type::Invalid, {});
    ASSERT_EQ(report->mac, wire::report_mac(*mac_, *id_, report->seq, report->body));
    EXPECT_EQ(logged.count(report->seq), 0U) << "sent twice";
    logged[report->seq] = as_text(report->body);
    most_unacknowledged = std::max(most_unacknowledged, logged.size() - acknowledged_);
    if (acknowledges_too_much) return acknowledge(report->seq + 100);
    if (!acknowledges) return;
    acknowledge(report->seq);
  }
  void take_get(ByteView payload) {
    ++questions;
    const auto get = wire::decode_get(payload);
    ASSERT_TRUE(get);
    const auto verdict = [&](wire::Vouched vouched, const Digest& digest) {
      auto tag = wire::file_mac(*file_mac_, vouched, get->kind,
                                repeats_old_verdict ? wire::Id{} : get->nonce, digest);
      if (signs_badly) tag[0] ^= 1;
      return wire::encode_tag(tag);
    };
    const auto found = files.find(get->kind);
    if (found == files.end()) {
      return answer(wire::Type::NoFile, verdict(wire::Vouched::NoFile, {}));
    }
    const ByteView content = as_bytes(found->second);
    Digest digest = crypto::sha256(content);
    if (digest == get->held) {
      return answer(wire::Type::Unchanged, verdict(wire::Vouched::Unchanged, digest));
    }
    if (says_wrong_digest) digest[0] ^= 1;
    answer(wire::Type::File, wire::encode(wire::File{content.size(), digest}));
    for (std::size_t at = 0, number = 0; at < content.size() && is_open;
         at += chunk_size, ++number) {
      if (breaks_at == number) {
        breaks_at.reset();
        return drop_connection();
      }
      const ByteView rest = content.subspan(at);
      const ByteView chunk = rest.first(std::min(chunk_size, rest.size()));
      answer(wire::Type::Chunk, Bytes(chunk.begin(), chunk.end()));
    }
    if (is_open) answer(wire::Type::End, verdict(wire::Vouched::File, digest));
  }
  Bytes put_verdict(wire::Vouched vouched, const Digest& digest) {
    auto tag = wire::file_mac(*file_mac_, vouched, wire::FileKind::Baseline,
                              repeats_old_verdict ? wire::Id{} : put_->nonce, digest);
    if (signs_badly) tag[0] ^= 1;
    return wire::encode_tag(tag);
  }
  void take_put(ByteView payload) {
    ++questions;
    const auto put = wire::decode_put(payload);
    ASSERT_TRUE(put);
    put_ = *put;
    coming_.clear();
    if (!takes_uploads) {
      answer(wire::Type::NoFile, put_verdict(wire::Vouched::NoFile, {}));
      put_.reset();
    } else if (stores_too_early) {
      answer(wire::Type::Stored, put_verdict(wire::Vouched::Stored, put_->sha256));
    }
  }
  void take_chunk(ByteView payload) {
    --chunks_under_way_;
    if (takes_chunks) session->taken(1);
    if (!put_) return;
    if (breaks_at == coming_.size() / wire::kMaxChunk) {
      breaks_at.reset();
      return drop_connection();
    }
    coming_ += as_text(payload);
  }
  void take_end(ByteView payload) {
    if (!put_) return;
    const auto tag = wire::decode_tag(payload);
    ASSERT_TRUE(tag);
    EXPECT_EQ(*tag, wire::file_mac(*file_mac_, wire::Vouched::Put, wire::FileKind::Baseline,
                                   put_->nonce, put_->sha256));
    EXPECT_EQ(coming_.size(), put_->size);
    EXPECT_EQ(crypto::sha256(as_bytes(coming_)), put_->sha256);
    stored.push_back(coming_);
    answer(wire::Type::Stored, put_verdict(wire::Vouched::Stored, put_->sha256));
  }
  std::uint64_t next() const {
    if (says_next) return *says_next;
    return logged.empty() ? 0 : logged.rbegin()->first + 1;
  }

  sys::Loop& loop_;
  srp::Verifier verifier_;
  srp::ChannelBinding binding_{};
  std::optional<srp::Server> server_;
  std::optional<wire::Id> id_;
  std::optional<wire::Put> put_;
  std::string coming_;
  std::size_t chunks_under_way_ = 0;
  std::optional<crypto::Mac> mac_;
  std::optional<crypto::Mac> file_mac_;
  std::size_t acknowledged_ = 0;
};

class SessionTest : public testing::Test {
 protected:
  SessionTest() : password(*Password::from(kPassword)) {
    settings.client_name = "host";
    settings.server = "server";
    settings.port = 49'777;
    settings.first_pause = 5ms;
    settings.longest_pause = 20ms;
  }
  void start(std::string_view server_password = kPassword) {
    loop = *sys::Loop::create();
    spool = *spool::Spool::open({scratch.path() + "/spool"});
    server = std::make_unique<FakeServer>(*loop, server_password);
    session = std::make_unique<Session>(*loop, clock, spool.get(), *server, password, settings,
                                        [this](Report&& report) { told.push_back(report); });
    server->session = session.get();
  }
  void submit(int count, std::size_t size = 10) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(spool->append(Severity::Crit, Bytes(size, 'r')));
    }
    ASSERT_TRUE(spool->flush());
    session->wake();
  }
  bool is_delivered() {
    return run_until(*loop, [this] { return session->is_settled(); });
  }
  int times_told(std::string_view message) const {
    return static_cast<int>(std::ranges::count_if(
        told, [&](const Report& report) { return report.message() == message; }));
  }
  const Report* find_told(std::string_view message) const {
    for (const Report& report : told) {
      if (report.message() == message) return &report;
    }
    return nullptr;
  }

  ScratchDirectory scratch;
  base::SystemClock clock;
  Password password;
  Session::Settings settings;
  std::vector<Report> told;
  std::unique_ptr<sys::Loop> loop;
  std::unique_ptr<spool::Spool> spool;
  std::unique_ptr<FakeServer> server;
  std::unique_ptr<Session> session;
};

}  // namespace samhain::uplink
