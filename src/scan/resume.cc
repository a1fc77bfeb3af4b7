#include "scan/resume.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/codec.h"
#include "crypto/digest.h"

namespace samhain::scan {
namespace {

constexpr std::uint32_t kFormat = 1;
constexpr std::uint32_t kMaxPath = 1U << 16;
/// What was measured longer ago says too little.
constexpr std::int64_t kMaxAgeNs = std::int64_t{86'400} * 1'000'000'000;

std::string prefix_of(const std::string& directory) {
  return directory == "/" ? directory : directory + "/";
}

}  // namespace

void Resume::begin(const Digest& identity, std::int64_t began_ns) {
  identity_ = identity;
  began_ns_ = began_ns;
  done_.clear();
  path_bytes_ = 0;
  told_.clear();
  has_passed_over_ = false;
  is_dirty_ = true;
}

void Resume::end() {
  // A whole one has met whatever there is.
  if (!has_passed_over_) told_before_.clear();
  has_passed_over_ = false;
  done_.clear();
  path_bytes_ = 0;
  told_.clear();
  is_dirty_ = false;
}

std::uint64_t Resume::files() const {
  std::uint64_t sum = 0;
  for (const auto& [directory, files] : done_) sum += files;
  return sum;
}

const std::uint64_t* Resume::find_done(std::string_view directory) const {
  const auto found = done_.find(directory);
  return found == done_.end() ? nullptr : &found->second;
}

void Resume::add_done(const std::string& directory, std::uint64_t files) {
  const std::string prefix = prefix_of(directory);
  auto below = done_.lower_bound(prefix);
  while (below != done_.end() && below->first.starts_with(prefix)) {
    path_bytes_ -= below->first.size();
    below = done_.erase(below);
  }
  is_dirty_ = true;
  if (done_.size() >= kMaxDirectories || path_bytes_ + directory.size() > kMaxPathBytes) return;
  if (done_.insert_or_assign(directory, files).second) path_bytes_ += directory.size();
}

Resume::Key Resume::key_of(const Report& report) {
  base::Writer writer;
  writer.number(static_cast<std::uint16_t>(report.event_class));
  for (const Field& field : report.fields) writer.text(field.key).text(field.value);
  const Digest digest = crypto::sha256(writer.view());
  Key key{};
  std::copy_n(digest.begin(), key.size(), key.begin());
  return key;
}

bool Resume::is_news(const Report& report) {
  const Key key = key_of(report);
  const bool was_told = told_before_.erase(key) > 0;
  if (told_.size() < kMaxTold) told_.insert(key);
  is_dirty_ = true;
  return !was_told;
}

Bytes Resume::encode() {
  base::Writer writer;
  writer.number(kFormat).raw_bytes(identity_).number(began_ns_);
  writer.number(static_cast<std::uint32_t>(done_.size()));
  for (const auto& [directory, files] : done_) writer.text(directory).number(files);
  writer.number(static_cast<std::uint32_t>(told_.size() + told_before_.size()));
  for (const Key& key : told_) writer.raw_bytes(key);
  for (const Key& key : told_before_) writer.raw_bytes(key);
  writer.raw_bytes(crypto::sha256(writer.view()));
  is_dirty_ = false;
  return writer.take();
}

Result<Resume> Resume::decode(ByteView bytes, const Digest& identity, std::int64_t now_ns) {
  const Error malformed{Error::Kind::Malformed, "no memory of a scan"};
  Digest check{};
  if (bytes.size() < check.size()) return malformed;
  const ByteView body = bytes.first(bytes.size() - check.size());
  if (!std::ranges::equal(crypto::sha256(body), bytes.subspan(body.size()))) return malformed;

  base::Reader reader(body);
  Resume resume;
  if (reader.number<std::uint32_t>() != kFormat) return malformed;
  resume.identity_ = reader.array<std::tuple_size_v<Digest>>();
  resume.began_ns_ = reader.number<std::int64_t>();
  const auto directories = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < directories && reader.is_good(); ++i) {
    const std::string directory{reader.text(kMaxPath)};
    resume.add_done(directory, reader.number<std::uint64_t>());
  }
  const auto told = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < told && reader.is_good(); ++i) {
    resume.told_before_.insert(reader.array<std::tuple_size_v<Key>>());
  }
  if (!reader.is_complete()) return malformed;
  if (resume.identity_ != identity) {
    return Error{Error::Kind::Refused, "baseline or configuration are others now"};
  }
  if (now_ns - resume.began_ns_ > kMaxAgeNs || now_ns < resume.began_ns_) {
    return Error{Error::Kind::Refused, "it is of another day"};
  }
  resume.has_passed_over_ = true;
  return resume;
}

bool Subtrees::passes_over(const std::string& directory, const std::string& parent) {
  const std::uint64_t* files = resume_.find_done(directory);
  if (files == nullptr) return false;
  const auto found = nodes_.find(parent);
  if (found != nodes_.end()) found->second.files += *files;
  return true;
}

void Subtrees::open(const std::string& directory, const std::string& parent) {
  nodes_[directory].parent = parent;
  hold(parent);
}

void Subtrees::count(const std::string& directory) {
  const auto found = nodes_.find(directory);
  if (found != nodes_.end()) ++found->second.files;
}

void Subtrees::hold(const std::string& directory) {
  const auto found = nodes_.find(directory);
  if (found != nodes_.end()) ++found->second.pending;
}

void Subtrees::fail(const std::string& directory) {
  const auto found = nodes_.find(directory);
  if (found != nodes_.end()) found->second.has_failed = true;
}

void Subtrees::release(const std::string& directory) {
  std::string current = directory;
  for (auto found = nodes_.find(current); found != nodes_.end(); found = nodes_.find(current)) {
    if (--found->second.pending > 0) return;
    const Node node = std::move(found->second);
    nodes_.erase(found);
    const bool is_done = !node.has_failed && is_whole_(current);
    if (is_done) resume_.add_done(current, node.files);
    const auto above = nodes_.find(node.parent);
    if (above == nodes_.end()) return;
    above->second.files += node.files;
    above->second.has_failed = above->second.has_failed || !is_done;
    current = node.parent;
  }
}

}  // namespace samhain::scan
