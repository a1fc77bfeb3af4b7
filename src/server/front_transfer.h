#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/result.h"
#include "server/link.h"
#include "server/requests.h"

namespace samhain::server {

/// The one file that may be under way over a connection, as a front sees it (docs/protocol.md
/// section 6).  The bytes go between a descriptor that the keeper lent and the link; who may have
/// which file, and whether it is the right one, is the keeper's business.
class FrontTransfer {
 public:
  using Time = Link::Time;

  // What the client sends.  Errors: Malformed (not now, too much): it breaks the protocol.
  Result<void> ask();                ///< GET: the keeper is to be asked
  Result<void> offer(ByteView put);  ///< PUT: the same, and the link is to be held meanwhile
  Result<void> take_chunk(ByteView chunk, Time now);  ///< of a PUT
  /// The END of a PUT; nothing if there is nobody to tell.
  Result<std::optional<PutEnd>> take_end(ByteView tag);

  // What the keeper answers.
  bool send(UniqueFd file, const Delivery& delivery);  ///< false: it was not asked for
  bool receive(UniqueFd file, Time now);               ///< the same
  void answered(wire::Type type);                      ///< UNCHANGED, NOFILE, STORED

  bool is_sending() const { return stage_ == Stage::Sending || stage_ == Stage::Ending; }
  /// Sends as much as the link takes at once, a few chunks at most: others' turn then.  True: the
  /// client has all of it.  Errors: Busy (the file is shorter than announced, or cannot be
  /// read), and those of Link::send().
  Result<bool> feed(Link& link, std::span<std::uint8_t> buffer, Time now);
  /// The client has not taken, or not sent, a chunk for so long.
  bool is_stuck(std::chrono::seconds limit, Time now) const {
    return (is_sending() || stage_ == Stage::Receiving) && now - since_ > limit;
  }

 private:
  enum class Stage : std::uint8_t {
    Idle,
    Asked,      ///< GET: the keeper looks for the file
    Sending,    ///< FILE is sent, chunks follow
    Ending,     ///< END is on its way
    Offered,    ///< PUT: the keeper has not said yet
    Receiving,  ///< chunks go to the file
    Judged,     ///< the keeper looks at what came
    Unwanted,   ///< refused: what still comes is thrown away
  };
  bool is_idle() const { return stage_ == Stage::Idle || stage_ == Stage::Unwanted; }
  Result<void> send_head(Link& link, Time now);
  Stage stage_ = Stage::Idle;
  bool is_announced_ = false;  ///< FILE is sent
  bool is_whole_ = true;       ///< all writes succeeded
  UniqueFd file_;
  wire::File head_;
  crypto::Tag mac_{};
  std::uint64_t done_ = 0;
  Time since_{};
};

}  // namespace samhain::server
