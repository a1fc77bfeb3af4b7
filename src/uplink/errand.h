#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "crypto/mac.h"
#include "samhain/bytes.h"
#include "samhain/result.h"
#include "wire/frame.h"

namespace samhain::uplink {

/// One file of docs/protocol.md section 6 on its way from or to the server, from the question to
/// the verdict; the session carries its frames.
class Errand {
 public:
  struct Question {
    wire::Type type;
    Bytes payload;
  };
  /// `payload` is borrowed until the next call.
  struct Frame {
    wire::Type type;
    ByteView payload;
  };

  Errand() = default;
  virtual ~Errand() = default;
  Errand(const Errand&) = delete;
  Errand& operator=(const Errand&) = delete;

  /// Begins, or begins anew after a broken connection.
  /// Errors: System (what came before cannot be thrown away).
  virtual Result<Question> ask() = 0;
  /// What is to be sent now; nothing: nothing yet, or nothing any more.
  /// Errors: those of reading what is sent.
  virtual Result<std::optional<Frame>> next(crypto::Mac& key) = 0;
  /// So many of the CHUNKs are with the network.
  virtual void note_taken(std::size_t chunks) = 0;
  /// A frame of the server's answer; true: it was the last.
  /// Errors: Malformed, Refused (not authentic): end the connection, it may be asked again;
  ///         Limit, System (the disk is full): it cannot be had.
  virtual Result<bool> take(wire::Type type, ByteView payload, crypto::Mac& key) = 0;

  virtual unsigned tries() const = 0;
  virtual std::string_view expected() const = 0;  ///< the next frame's name
  virtual std::string_view lateness() const = 0;  ///< what is wrong when the server falls silent
  /// The verdict, to whoever asked.  With a reason: it failed.
  virtual void finish(std::string_view failure) = 0;
};

}  // namespace samhain::uplink
