#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "crypto/digest.h"
#include "crypto/mac.h"
#include "samhain/bytes.h"
#include "samhain/facts.h"
#include "samhain/result.h"
#include "uplink/errand.h"
#include "uplink/store.h"
#include "wire/files.h"
#include "wire/frame.h"

namespace samhain::uplink {

/// A file that is wanted of the server.
struct Wanted {
  wire::FileKind kind = wire::FileKind::Configuration;
  Digest held{};      ///< of the copy at hand; zeros: none
  std::string delta;  ///< of a Delta: its UUID
  std::uint64_t limit_bytes = 0;
  Store store;
};

/// What became of it.
struct Fetched {
  enum class Kind : std::uint8_t {
    Received,   ///< whole and authentic, in `store`
    Unchanged,  ///< the copy at hand is current
    NoFile,     ///< the server has none for us
    Failed
  };
  Kind kind = Kind::Failed;
  std::string reason;  ///< of Failed
  Digest sha256{};
  std::uint64_t size = 0;
  Store store;
};

/// One GET of docs/protocol.md section 6, from the question to the verdict.  Nothing of the file
/// may be used before the verdict: until then it is what some process on the way says it is.
class Transfer final : public Errand {
 public:
  using OnDone = std::function<void(Fetched&& fetched)>;

  Transfer(Wanted wanted, OnDone on_done);

  Result<Question> ask() override;
  /// All that is sent is the question.
  Result<std::optional<Frame>> next(crypto::Mac& /*key*/) override {
    return std::optional<Frame>{};
  }
  void note_taken(std::size_t /*chunks*/) override {}
  Result<bool> take(wire::Type type, ByteView payload, crypto::Mac& key) override;

  unsigned tries() const override { return tries_; }
  std::string_view expected() const override;
  std::string_view lateness() const override { return "the file does not come"; }
  void finish(std::string_view failure) override;

 private:
  Result<bool> take_file(ByteView payload);
  Result<bool> take_chunk(ByteView payload);
  Result<bool> take_end(ByteView payload, crypto::Mac& key);
  Result<bool> take_verdict(ByteView payload, crypto::Mac& key, wire::Vouched vouched,
                            Fetched::Kind kind);
  Result<void> verify(ByteView payload, crypto::Mac& key, wire::Vouched vouched,
                      const Digest& sha256);

  Wanted wanted_;
  OnDone on_done_;
  unsigned tries_ = 0;
  wire::Id nonce_{};
  bool has_begun_ = false;  ///< FILE has come
  wire::File file_;
  std::uint64_t received_ = 0;
  crypto::Sha256 sha_;
  Fetched::Kind verdict_ = Fetched::Kind::Failed;
};

}  // namespace samhain::uplink
