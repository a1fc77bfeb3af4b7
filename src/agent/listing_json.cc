#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "agent/json.h"
#include "agent/listing.h"
#include "base/hex.h"
#include "policy/policy.h"
#include "samhain/bytes.h"
#include "scan/describe.h"
#include "scan/paths.h"

namespace samhain::agent {
namespace {

std::string_view algorithm_of(DigestKind kind) {
  constexpr std::array<std::string_view, kLastDigestKind + 1> kWords = {
      "none", "SHA256", "SHA512", "BLAKE2b", "SHA1", "MD5", "TIGER192"};
  return kWords[static_cast<std::size_t>(kind)];
}

void add_text_if_any(JsonObject& object, std::string_view key, std::string_view value) {
  if (!value.empty()) object.text(key, value);
}

void add_time(JsonObject& object, std::string_view key, const Timestamp& time) {
  object.add(key,
             fmt::format(R"({{"seconds":{},"nanoseconds":{}}})", time.seconds, time.nanoseconds));
}

void add_digest(JsonObject& object, std::string_view key, const ContentDigest& digest) {
  if (!digest) return;
  object.add(key, fmt::format(R"({{"algorithm":"{}","hex":"{}"}})", algorithm_of(digest.kind),
                              base::hex(digest.view())));
}

std::string_view policy_of(std::uint8_t number) {
  const bool is_known = number >= 1 && number <= policy::kNames.size();
  if (!is_known) return {};
  std::string_view tag = policy::tag_of(static_cast<policy::Name>(number));
  tag.remove_prefix(1);
  tag.remove_suffix(1);
  return tag;
}

void add_extended(JsonObject& object, const ExtendedFacts& extended) {
  add_text_if_any(object, "acl", extended.acl);
  add_text_if_any(object, "capabilities", extended.capabilities);
  add_text_if_any(object, "selinux", extended.selinux);
  add_text_if_any(object, "xattr", extended.xattrs);
  object.boolean("has_content", !extended.content.empty());
}

}  // namespace

std::string json_line(std::string_view directory, const baseline::Entry& entry) {
  const FileFacts& facts = entry.facts;
  JsonObject object;
  object.text("path", scan::join(directory, facts.name));
  add_text_if_any(object, "policy", policy_of(entry.policy));
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
  add_time(object, "mtime", facts.mtime);
  add_time(object, "ctime", facts.ctime);
  add_time(object, "atime", facts.atime);
  if (facts.btime != Timestamp{}) add_time(object, "btime", facts.btime);
  add_text_if_any(object, "target", facts.target);
  add_digest(object, "digest", facts.digest);
  add_digest(object, "second_digest", facts.second_digest);
  if (facts.extended) add_extended(object, *facts.extended);
  return object.take();
}

}  // namespace samhain::agent
