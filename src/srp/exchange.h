#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "samhain/bytes.h"
#include "samhain/result.h"
#include "samhain/secret.h"
#include "srp/verifier.h"

namespace samhain::srp {

using Proof = std::array<std::uint8_t, 32>;
using ChannelBinding = std::array<std::uint8_t, 32>;
using SessionKey = SecretBytes<32>;

/// The proof M1 also covers who speaks and for which spool, so that neither can be exchanged:
/// H(client_name | instance_id | spool_id) takes the place of H(client_name).
struct Speaker {
  std::string name;
  std::array<std::uint8_t, 16> instance_id{};
  std::array<std::uint8_t, 16> spool_id{};
};

/// The client's side of one authentication (SRP-6a, RFC 2945 and RFC 5054, docs/protocol.md).
class Client {
 public:
  explicit Client(Speaker speaker);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const Number& a_public() const;  ///< A
  /// Errors: Refused (B mod N = 0, u = 0).
  Result<Proof> prove(std::string_view password, const Salt& salt, const Number& b_public,
                      const ChannelBinding& binding);
  bool is_server_proof(const Proof& m2) const;  ///< after prove()
  SessionKey take_key();                        ///< after a good is_server_proof()

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The server's side of one authentication.
class Server {
 public:
  /// Errors: Refused (A mod N = 0).
  static Result<Server> challenge(Speaker speaker, const Verifier& verifier,
                                  const Number& a_public);
  ~Server();
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const Number& b_public() const;  ///< B
  /// M2 for a client that knows the password.  Errors: Refused (it does not, or u = 0).
  Result<Proof> check(const Proof& m1, const ChannelBinding& binding);
  SessionKey take_key();  ///< after a good check()

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace samhain::srp
