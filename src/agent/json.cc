#include "agent/json.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/text.h"
#include "samhain/bytes.h"

namespace samhain::agent {
namespace {

std::string base64(std::string_view text) {
  std::string result(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                                   as_bytes(text).data(), static_cast<int>(text.size()));
  result.resize(static_cast<std::size_t>(size));
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
