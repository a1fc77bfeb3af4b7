#include <unordered_map>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/die.h"
#include "crypto/prepare.h"
#include "server/requests.h"
#include "server/role_process.h"
#include "srp/exchange.h"
#include "sys/role.h"

namespace samhain::server {
namespace {

/// SRP's arithmetic, apart from everything else: it gets one verifier with each request and keeps
/// it only until that handshake is over.
class Gate {
 public:
  void open(sys::Channel& keeper) { keeper_ = &keeper; }

  /// False for a message that the keeper never sends: it is not our keeper.
  bool take(std::uint16_t kind, ByteView payload) {
    switch (kind) {
      case kBegin:
        return begin(payload);
      case kProve:
        return prove(payload);
      case kForget:
        return forget(payload);
      default:
        return false;
    }
  }

 private:
  bool begin(ByteView payload) {
    const auto request = decode_begin(payload);
    if (!request) return false;
    srp::Verifier verifier;
    verifier.host = request->speaker.name;
    verifier.salt = request->salt;
    verifier.v = request->v;
    auto server = srp::Server::challenge(request->speaker, verifier, request->a_public);
    if (!server) {
      keeper_->send(kBad, encode(Complaint{request->connection, server.error().what}));
      return true;
    }
    keeper_->send(kChallenge, encode_about(request->connection, server->b_public()));
    handshakes_.insert_or_assign(request->connection, std::move(*server));
    return true;
  }

  bool prove(ByteView payload) {
    const auto request = decode_prove(payload);
    if (!request) return false;
    auto handshake = handshakes_.extract(request->connection);
    if (handshake.empty()) {  // forgotten meanwhile; each question is answered all the same
      keeper_->send(kMismatch, encode_about(request->connection));
      return true;
    }
    srp::Server& server = handshake.mapped();
    const auto m2 = server.check(request->m1, request->binding);
    if (!m2) {
      keeper_->send(kMismatch, encode_about(request->connection));
      return true;
    }
    const srp::SessionKey key = server.take_key();
    base::Writer writer;
    writer.number(request->connection).raw_bytes(*m2).raw_bytes(key.span());
    Bytes message = writer.take();
    keeper_->send_secret(kProven, message);
    explicit_bzero(message.data(), message.size());
    return true;
  }

  bool forget(ByteView payload) {
    const auto about = decode_about(payload);
    if (!about) return false;
    handshakes_.erase(about->connection);
    return true;
  }

  sys::Channel* keeper_ = nullptr;
  std::unordered_map<ConnectionId, srp::Server> handshakes_;
};

}  // namespace

int run_gate() {
  if (auto set_up = sys::receive_set_up(); !set_up) base::die(set_up.error().text());
  crypto::prepare();

  Gate gate;
  sys::Confinement confinement;
  confinement.role = "gate";
  confinement.has_empty_root = true;
  confinement.may_share_user = true;
  RoleProcess process;
  process = enter_role(confinement, kToGate,
                       [&](std::uint16_t kind, ByteView payload, std::vector<UniqueFd>&) {
                         if (!gate.take(kind, payload)) process.loop->stop();
                       });
  gate.open(*process.keeper);
  process.loop->run();
  return 0;
}

}  // namespace samhain::server
