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
class Transfer {
 public:
  using OnDone = std::function<void(Fetched&& fetched)>;

  Transfer(Wanted wanted, OnDone on_done);

  /// Begins, or begins anew after a broken connection: the payload of GET.
  /// Errors: System (what came before cannot be thrown away).
  Result<Bytes> ask();

  /// A frame of the server's answer; true: it was the last.
  /// Errors: Malformed, Refused (not authentic): end the connection, it may be asked again;
  ///         Limit, System (the disk is full): it cannot be had.
  Result<bool> take(wire::Type type, ByteView payload, crypto::Mac& key);

  unsigned tries() const { return tries_; }
  std::string_view expected() const;  ///< the next frame's name
  /// The verdict, to whoever asked.  With a reason: it failed.
  void finish(std::string_view failure = {});

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
