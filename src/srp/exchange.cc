#include "srp/exchange.h"

#include <cassert>
#include <optional>
#include <utility>

#include "crypto/mac.h"
#include "srp/arithmetic.h"

namespace samhain::srp {
namespace {

/// Fits both groups' members: `number` is less than N of the group of 3072 bits.
Number padded(const BIGNUM& number) {
  Number result{};
  crypto::write_bytes(number, result);
  return result;
}

}  // namespace

struct Client::State {
  Speaker speaker;
  BigNumber a = random_exponent();
  Number a_public = padded(*power_of_generator(group_3072(), *a));
  std::optional<SessionKey> key{};
  Proof expected_m2{};
};

Client::Client(Speaker speaker) : state_(new State{.speaker = std::move(speaker)}) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

const Number& Client::a_public() const { return state_->a_public; }

Result<Proof> Client::prove(std::string_view password, const Salt& salt, const Number& b_public,
                            const ChannelBinding& binding) {
  const Group& group = group_3072();
  const BigNumber b_number = crypto::from_bytes(b_public);
  if (auto checked = check_public(group, *b_number); !checked) return checked.error();
  auto u = scrambler(group, *crypto::from_bytes(state_->a_public), *b_number);
  if (!u) return u.error();

  const BigNumber x = password_exponent(password, salt);
  state_->key = agreed_key(*client_secret(group, *b_number, *x, *state_->a, **u));
  const Exchange seen{state_->speaker, salt, state_->a_public, b_public, binding};
  const Proof m1 = client_proof(seen, *state_->key);
  state_->expected_m2 = server_proof(seen, m1, *state_->key);
  return m1;
}

bool Client::is_server_proof(const Proof& m2) const {
  return state_->key.has_value() && crypto::equal_secrets(state_->expected_m2, m2);
}

SessionKey Client::take_key() {
  assert(state_->key.has_value());
  return *std::exchange(state_->key, std::nullopt);
}

struct Server::State {
  Speaker speaker;
  Salt salt{};
  BigNumber v;
  BigNumber b;
  BigNumber a_number;
  Number a_public{};
  Number b_public{};
  std::optional<SessionKey> key{};
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() = default;
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;

Result<Server> Server::challenge(Speaker speaker, const Verifier& verifier,
                                 const Number& a_public) {
  const Group& group = group_3072();
  BigNumber a_number = crypto::from_bytes(a_public);
  // Before the first exponentiation: this one costs the stranger nothing to send.
  if (auto checked = check_public(group, *a_number); !checked) return checked.error();

  auto state = std::make_unique<State>(State{.speaker = std::move(speaker),
                                             .salt = verifier.salt,
                                             .v = crypto::from_bytes(verifier.v),
                                             .b = random_exponent(),
                                             .a_number = std::move(a_number),
                                             .a_public = a_public});
  state->b_public = padded(*server_public(group, *state->v, *state->b));
  return Server{std::move(state)};
}

const Number& Server::b_public() const { return state_->b_public; }

Result<Proof> Server::check(const Proof& m1, const ChannelBinding& binding) {
  // One guess for each challenge: b is gone after the first.
  const BigNumber b = std::exchange(state_->b, nullptr);
  if (b == nullptr) return Error{Error::Kind::Refused, "challenge already answered"};
  const Group& group = group_3072();
  auto u = scrambler(group, *state_->a_number, *crypto::from_bytes(state_->b_public));
  if (!u) return u.error();

  SessionKey key = agreed_key(*server_secret(group, *state_->a_number, *state_->v, **u, *b));
  const Exchange seen{state_->speaker, state_->salt, state_->a_public, state_->b_public, binding};
  if (!crypto::equal_secrets(client_proof(seen, key), m1)) {
    return Error{Error::Kind::Refused, "proof of the password is wrong"};
  }
  const Proof m2 = server_proof(seen, m1, key);
  state_->key = std::move(key);
  return m2;
}

SessionKey Server::take_key() {
  assert(state_->key.has_value());
  return *std::exchange(state_->key, std::nullopt);
}

}  // namespace samhain::srp
