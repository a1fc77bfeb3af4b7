#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "samhain/facts.h"
#include "samhain/handle.h"
#include "uplink/errand.h"
#include "wire/files.h"

namespace samhain::uplink {

/// A baseline that the server is to keep until an administrator approves it.
struct Offer {
  UniqueFd file;  ///< read from its beginning, wherever its position is
  std::uint64_t size = 0;
  Digest sha256{};
};

/// What became of it.
struct Delivered {
  enum class Kind : std::uint8_t {
    Stored,   ///< it waits for approval
    Refused,  ///< the server does not want it; why is in its log
    Failed
  };
  Kind kind = Kind::Failed;
  std::string reason;  ///< of Failed
};

/// One PUT.  Memory does not grow with the file: only kWindow chunks are ever under way to the
/// network.
class Upload final : public Errand {
 public:
  using OnDone = std::function<void(Delivered&& delivered)>;
  static constexpr std::size_t kWindow = 16;

  Upload(Offer offer, OnDone on_done);

  Result<Question> ask() override;
  Result<std::optional<Frame>> next(crypto::Mac& key) override;
  void note_taken(std::size_t chunks) override;
  Result<bool> take(wire::Type type, ByteView payload, crypto::Mac& key) override;
  unsigned tries() const override { return tries_; }
  std::string_view expected() const override { return has_ended_ ? "STORED" : "NOFILE"; }
  std::string_view lateness() const override { return "the server does not take the baseline"; }
  void finish(std::string_view failure) override;

 private:
  Result<std::optional<Frame>> next_chunk();

  Offer offer_;
  OnDone on_done_;
  unsigned tries_ = 0;
  wire::Id nonce_{};
  std::uint64_t sent_ = 0;
  std::size_t under_way_ = 0;  ///< chunks
  bool has_ended_ = false;     ///< END is sent
  Bytes buffer_;
  Delivered::Kind verdict_ = Delivered::Kind::Failed;
};

}  // namespace samhain::uplink
