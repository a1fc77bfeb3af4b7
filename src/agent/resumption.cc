#include "agent/resumption.h"

#include <unistd.h>

#include <utility>

#include "sys/file.h"

namespace samhain::agent {
namespace {

constexpr mode_t kMode = 0600;
constexpr std::chrono::milliseconds kInterval{1'000};

}  // namespace

scan::Resume& Resumption::begin(const std::string& path, const Digest& identity) {
  path_ = path;
  is_running_ = true;
  resume_.begin(identity, clock_.now_ns());
  if (std::exchange(is_first_, false)) load(identity);
  plan();
  return resume_;
}

/// One that is missing, damaged, another user's or of another configuration only means to begin
/// anew.
void Resumption::load(const Digest& identity) {
  const auto bytes = sys::read_own_file(path_, scan::Resume::kMaxSize);
  if (!bytes) return;
  auto resume = scan::Resume::decode(*bytes, identity, clock_.now_ns());
  if (resume) resume_ = *std::move(resume);
}

void Resumption::plan() {
  loop_.cancel(timer_);
  timer_ = loop_.after(kInterval, [this] {
    save();
    plan();
  });
}

void Resumption::save() {
  if (!resume_.is_dirty()) return;
  hooks_.flush();
  const auto saved = sys::write_file_atomically(path_, resume_.encode(), kMode);
  if (saved) {
    has_told_failure_ = false;
  } else if (!std::exchange(has_told_failure_, true)) {
    hooks_.on_failure(saved.error());
  }
}

void Resumption::end() {
  if (!std::exchange(is_running_, false)) return;
  loop_.cancel(timer_);
  resume_.end();
  unlink(path_.c_str());
}

void Resumption::stop() {
  if (!std::exchange(is_running_, false)) return;
  loop_.cancel(timer_);
  save();
}

}  // namespace samhain::agent
