#pragma once

#include <optional>
#include <string>

#include "samhain/result.h"
#include "uplink/password.h"
#include "wire/messages.h"

namespace samhain::agent {

/// What this process shows a server, the same over all its connections: a process has one, for the
/// password can be taken out of the program only once.
class Credentials {
 public:
  Credentials();

  /// The password in `file`, or where none is named the program's own.  What it points to lives
  /// until the next call.  Errors: those of load_password() and take_embedded_password().
  Result<const uplink::Password*> find(const std::string& file);
  /// Is the one in `file` still the one that find() gave?
  bool is_current(const std::string& file) const;

  const wire::Id& instance_id() const { return instance_id_; }

 private:
  const wire::Id instance_id_;
  Result<uplink::Password> embedded_;
  std::optional<uplink::Password> from_file_;
};

}  // namespace samhain::agent
