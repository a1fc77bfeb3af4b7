#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>

#include "samhain/result.h"
#include "samhain/secret.h"
#include "server/requests.h"

namespace samhain::server {

/// A site's own certificate for the fronts, in the place of one that they make for themselves.
class SiteCertificate {
 public:
  /// Reads both files (PEM) and tries whether they fit each other.  The key's file must be root's,
  /// ours or one of the `owners`', and for nobody else to read.  Errors: System, Limit, Malformed,
  /// Refused; the text names the file.
  static Result<SiteCertificate> load(const std::string& chain_path, const std::string& key_path,
                                      std::span<const uid_t> owners);

  wire::Credentials credentials() const;

 private:
  SiteCertificate() = default;
  std::string chain_;
  SecretBytes<kMaxPem> key_;
  std::size_t key_size_ = 0;
};

}  // namespace samhain::server
