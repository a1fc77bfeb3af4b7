#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/handle.h"
#include "samhain/result.h"
#include "sys/identity.h"

namespace samhain::tools {

/// Could a host have this name?  It becomes part of a path.
bool is_host(std::string_view name);

/// A baseline that waits in the pending directory.
struct Waiting {
  std::string host;
  std::uint64_t size = 0;
  std::int64_t received = 0;  ///< seconds since the epoch
  std::string digest;         ///< SHA-256, hex
};
/// Sorted by host.  Errors: System.
Result<std::vector<Waiting>> list_waiting(const std::string& pending);

/// To read.  Errors: Missing, Refused (no regular file), Limit, System.
Result<UniqueFd> open_waiting(const std::string& pending, const std::string& host);
/// The host's own, else that of all hosts, else none (-1).  Errors: as above.
Result<UniqueFd> open_approved(const std::string& data, const std::string& host);

/// The delta of this UUID; as above, and Missing.
Result<UniqueFd> open_delta(const std::string& data, const std::string& host,
                            const std::string& uuid);

/// A new baseline that root wants to look at before it counts: a file in the pending directory, in
/// the place of what waits once it is whole.  Without submit() nothing has happened.
class Proposal {
 public:
  static Result<Proposal> begin(const std::string& pending, const std::string& host);
  Proposal(Proposal&& other) noexcept;
  Proposal& operator=(Proposal&&) = delete;
  Proposal(const Proposal&) = delete;
  Proposal& operator=(const Proposal&) = delete;
  ~Proposal();
  int fd() const { return fd_.get(); }
  Result<void> submit();

 private:
  Proposal(UniqueFd fd, std::string temporary, std::string path);
  UniqueFd fd_;
  std::string temporary_;  ///< empty: nothing to remove
  std::string path_;
};

/// Errors: Missing, System.
Result<void> remove_waiting(const std::string& pending, const std::string& host);

/// A waiting baseline on its way to approval: first a copy in the data directory that the server's
/// user cannot change any more, to be looked at, then in the place of the approved one.
class Approval {
 public:
  static Result<Approval> begin(const std::string& data, const std::string& pending,
                                const std::string& host);
  Approval(Approval&& other) noexcept;
  Approval& operator=(Approval&&) = delete;
  Approval(const Approval&) = delete;
  Approval& operator=(const Approval&) = delete;
  ~Approval();

  int fd() const { return fd_.get(); }
  const std::string& digest_hex() const { return digest_; }
  /// Durable, readable for the group of `reader`.  An error of its last step, the flush of the
  /// directory, leaves it approved: see is_approved().
  Result<void> commit(const std::optional<sys::Identity>& reader);
  bool is_approved() const { return is_approved_; }
  /// What is in the pending directory afterwards.
  enum class Rest : std::uint8_t { Nothing, NewerWaits };
  /// After commit(): what was copied does not wait any more; what the client has sent meanwhile
  /// does.
  Result<Rest> settle_waiting() const;

 private:
  Approval(std::string data, std::string pending, std::string host);
  Result<void> copy(int from);
  std::string data_;
  std::string pending_;
  std::string host_;
  std::string temporary_;  ///< empty: nothing to remove
  UniqueFd waiting_;       ///< what was copied
  UniqueFd fd_;
  std::string digest_;
  bool is_approved_ = false;
};

}  // namespace samhain::tools
