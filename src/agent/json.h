#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace samhain::agent {

/// One JSON object (RFC 8259), member after member.
class JsonObject {
 public:
  JsonObject& number(std::string_view key, std::uint64_t value);
  JsonObject& boolean(std::string_view key, bool value);
  /// Bytes that are no UTF-8, of which JSON has no strings, become KEY_base64 (RFC 4648 section 4).
  JsonObject& text(std::string_view key, std::string_view value);
  /// A value that is JSON already.
  JsonObject& add(std::string_view key, std::string_view value);
  std::string take() { return "{" + members_ + "}"; }

 private:
  std::string members_;
};

}  // namespace samhain::agent
