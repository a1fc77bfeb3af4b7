#include "agent/json.h"

#include <fmt/format.h>

#include "base/text.h"
#include "samhain/bytes.h"

namespace samhain::agent {
namespace {

std::string base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  result.reserve(4 * ((text.size() + 2) / 3));
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const ByteView three = as_bytes(text.substr(i, 3));
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < three.size() ? three[k] : 0U);
    for (std::size_t k = 0; k < 4; ++k) {
      result.push_back(k <= three.size() ? kDigits[bits >> (18 - 6 * k) & 63U] : '=');
    }
  }
  return result;
}

std::string quoted(std::string_view text) {
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

JsonObject& JsonObject::text(std::string_view key, std::string_view value) {
  if (base::is_utf8_text(value)) return add(key, quoted(value));
  return add(std::string{key} + "_base64", quoted(base64(value)));
}

JsonObject& JsonObject::add(std::string_view key, std::string_view value) {
  if (!members_.empty()) members_.push_back(',');
  members_.append(quoted(key)).append(":").append(value);
  return *this;
}

}  // namespace samhain::agent
