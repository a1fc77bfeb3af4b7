#include "agent/json.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "base/text.h"
#include "samhain/bytes.h"

namespace samhain::agent {
namespace {

/// A JSON string of well-formed UTF-8.
std::string json_string(std::string_view text) {
  constexpr char kDelete = 0x7f;
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result.append("\\").push_back(c);
    } else if ((c >= 0 && c < ' ') || c == kDelete) {
      result.append(fmt::format("\\u{:04x}", static_cast<unsigned>(c)));
    } else {
      result.push_back(c);
    }
  }
  return result.append("\"");
}

}  // namespace

JsonObject& JsonObject::number(std::string_view key, std::uint64_t value) {
  return add(key, std::to_string(value));
}

JsonObject& JsonObject::boolean(std::string_view key, bool value) {
  return add(key, value ? "true" : "false");
}

JsonObject& JsonObject::text(std::string_view key, std::string_view value) {
  if (base::is_utf8_text(value)) return add(key, json_string(value));
  return add(std::string{key} + "_base64", json_string(base::base64(as_bytes(value))));
}

JsonObject& JsonObject::add(std::string_view key, std::string_view value) {
  if (!members_.empty()) members_.push_back(',');
  members_.append(json_string(key)).append(":").append(value);
  return *this;
}

}  // namespace samhain::agent
