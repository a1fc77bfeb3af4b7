#include "server/separate_logs.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "server/intake.h"

namespace samhain::server {
namespace {

constexpr std::size_t kLongestName = 200;  ///< so that LOGFILE.NAME fits NAME_MAX

/// Is it the name of something else beside the log?
bool is_taken(std::string_view name) {
  return name == "lock" || name == "ledger" || name == "clients" || name == "commands" ||
         name.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Names come from the configuration, and still none may lead elsewhere.
bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName &&
         name.find_first_of(std::string_view{"/\0", 2}) == std::string_view::npos;
}

}  // namespace

LogNames log_names(const std::vector<std::string>& clients, bool strips_domain) {
  std::map<std::string, unsigned> uses;
  for (const std::string& client : clients) ++uses[displayed_name(client, strips_domain)];
  LogNames names;
  for (const std::string& client : clients) {
    std::string name = displayed_name(client, strips_domain);
    if (uses[name] > 1) name = client;
    if (is_taken(name)) name.insert(name.begin(), '@');
    if (is_file_name(name)) names.emplace(client, std::move(name));
  }
  return names;
}

void SeparateLogs::adjust(const report::Layout& layout, const std::vector<uid_t>& trusted) {
  model_.layout = layout;
  model_.trusted = trusted;
  for (auto& [name, open] : open_) open.log->adjust(layout, trusted);
}

Result<unsigned> SeparateLogs::take(const std::string& name) {
  auto found = open_.find(name);
  if (found == open_.end()) {
    if (is_full()) return Error{Error::Kind::Limit, "too many logs in one batch"};
    make_room();
    sink::LogFile::Settings settings = model_;
    settings.path += "." + name;
    settings.has_lock = false;  // the main log's lock stands for all of them
    auto log = sink::LogFile::open(std::move(settings));
    if (!log) return log.error();
    found = open_.emplace(name, Open{std::move(*log)}).first;
  }
  found->second.used = ++clock_;
  sink::LogFile* const log = found->second.log.get();
  const auto place = std::find(batch_.begin(), batch_.end(), log);
  if (place != batch_.end()) return static_cast<unsigned>(place - batch_.begin()) + 1;
  if (is_full()) return Error{Error::Kind::Limit, "too many logs in one batch"};
  batch_.push_back(log);
  return count();
}

std::size_t SeparateLogs::pending() const {
  std::size_t sum = 0;
  for (const sink::LogFile* log : batch_) sum += log->pending();
  return sum;
}

void SeparateLogs::close_idle() {
  std::erase_if(open_, [this](const auto& entry) { return !is_of_batch(entry.second.log.get()); });
}

bool SeparateLogs::is_of_batch(const sink::LogFile* log) const {
  return std::find(batch_.begin(), batch_.end(), log) != batch_.end();
}

void SeparateLogs::make_room() {
  if (open_.size() < kMaxOpen) return;
  auto oldest = open_.end();
  for (auto it = open_.begin(); it != open_.end(); ++it) {
    if (is_of_batch(it->second.log.get())) continue;
    if (oldest == open_.end() || it->second.used < oldest->second.used) oldest = it;
  }
  if (oldest != open_.end()) open_.erase(oldest);
}

}  // namespace samhain::server
