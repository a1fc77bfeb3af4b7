#include "agent/credentials.h"

#include <utility>

#include "crypto/mac.h"
#include "crypto/random.h"

namespace samhain::agent {

Credentials::Credentials()
    : instance_id_(crypto::random_array<16>()), embedded_(uplink::take_embedded_password()) {}

Result<const uplink::Password*> Credentials::find(const std::string& file) {
  if (file.empty()) {
    if (!embedded_) return embedded_.error();
    return &*embedded_;
  }
  auto loaded = uplink::load_password(file);
  if (!loaded) return loaded.error();
  return &from_file_.emplace(*std::move(loaded));
}

bool Credentials::is_current(const std::string& file) const {
  if (file.empty() || !from_file_) return true;
  const auto loaded = uplink::load_password(file);
  return loaded && crypto::equal_secrets(as_bytes(loaded->text()), as_bytes(from_file_->text()));
}

}  // namespace samhain::agent
