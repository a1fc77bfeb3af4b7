#pragma once

#include <cstdint>

namespace samhain::server {

/// What has happened since the start, for `yulectl STATUS`.
struct Tally {
  std::uint64_t connections = 0;
  std::uint64_t refused_by_libwrap = 0;
  std::uint64_t authenticated = 0;
  std::uint64_t resumed = 0;
  std::uint64_t not_registered = 0;
  std::uint64_t wrong_proofs = 0;
  std::uint64_t too_many_attempts = 0;
  std::uint64_t violations = 0;
  std::uint64_t reports = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t files = 0;    ///< sent, or found current
  std::uint64_t uploads = 0;  ///< received whole
};

}  // namespace samhain::server
