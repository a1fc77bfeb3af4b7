#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "agent/listing.h"
#include "base/base64.h"
#include "base/hex.h"
#include "base/text.h"
#include "policy/policy.h"
#include "samhain/bytes.h"
#include "scan/describe.h"
#include "scan/paths.h"

namespace samhain::agent {
namespace {

/// A JSON string of well-formed UTF-8.
std::string json_text(std::string_view text) {
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

std::string_view algorithm_of(DigestKind kind) {
  constexpr std::array<std::string_view, kLastDigestKind + 1> kWords = {
      "none", "SHA256", "SHA512", "BLAKE2b", "SHA1", "MD5", "TIGER192"};
  return kWords[static_cast<std::size_t>(kind)];
}

/// One object, member after member.
class Object {
 public:
  void number(std::string_view key, std::uint64_t value) { add(key, std::to_string(value)); }
  void boolean(std::string_view key, bool value) { add(key, value ? "true" : "false"); }
  void text(std::string_view key, std::string_view value) {
    if (base::is_utf8_text(value)) return add(key, json_text(value));
    add(std::string{key} + "_base64", json_text(base::base64(as_bytes(value))));
  }
  void text_if_any(std::string_view key, std::string_view value) {
    if (!value.empty()) text(key, value);
  }
  void time(std::string_view key, const Timestamp& time) {
    add(key, fmt::format(R"({{"seconds":{},"nanoseconds":{}}})", time.seconds, time.nanoseconds));
  }
  void digest(std::string_view key, const ContentDigest& digest) {
    if (!digest) return;
    add(key, fmt::format(R"({{"algorithm":"{}","hex":"{}"}})", algorithm_of(digest.kind),
                         base::hex(digest.view())));
  }
  std::string take() { return "{" + members_ + "}"; }

 private:
  void add(std::string_view key, std::string_view value) {
    if (!members_.empty()) members_.push_back(',');
    members_.append(fmt::format("\"{}\":{}", key, value));
  }

  std::string members_;
};

std::string_view policy_of(std::uint8_t number) {
  const bool is_known = number >= 1 && number <= policy::kNames.size();
  if (!is_known) return {};
  std::string_view tag = policy::tag_of(static_cast<policy::Name>(number));
  tag.remove_prefix(1);
  tag.remove_suffix(1);
  return tag;
}

void add_extended(Object& object, const ExtendedFacts& extended) {
  object.text_if_any("acl", extended.acl);
  object.text_if_any("capabilities", extended.capabilities);
  object.text_if_any("selinux", extended.selinux);
  object.text_if_any("xattr", extended.xattrs);
  object.boolean("has_content", !extended.content.empty());
}

}  // namespace

std::string json_line(std::string_view directory, const baseline::Entry& entry) {
  const FileFacts& facts = entry.facts;
  Object object;
  object.text("path", scan::join(directory, facts.name));
  object.text_if_any("policy", policy_of(entry.policy));
  object.number("mask", entry.attributes & ~baseline::kImported);
  object.boolean("imported", (entry.attributes & baseline::kImported) != 0);
  object.number("mode", facts.mode);
  object.text("mode_text", scan::mode_text(facts.mode));
  object.number("links", facts.links);
  object.number("uid", facts.uid);
  object.text("owner", entry.owner);
  object.number("gid", facts.gid);
  object.text("group", entry.group);
  object.number("inode", facts.inode);
  object.number("device", facts.device);
  object.number("rdevice", facts.rdevice);
  object.number("size", facts.size);
  object.number("flags", facts.flags);
  object.text("flags_text", scan::all_flags_text(facts.flags));
  object.time("mtime", facts.mtime);
  object.time("ctime", facts.ctime);
  object.time("atime", facts.atime);
  if (facts.btime != Timestamp{}) object.time("btime", facts.btime);
  object.text_if_any("target", facts.target);
  object.digest("digest", facts.digest);
  object.digest("second_digest", facts.second_digest);
  if (facts.extended) add_extended(object, *facts.extended);
  return object.take();
}

}  // namespace samhain::agent
