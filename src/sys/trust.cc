#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include "sys/file.h"

namespace samhain::sys {
namespace {

constexpr int kMostLinks = 40;  // as the kernel's own limit, path_resolution(7)
constexpr std::size_t kGroupRoom = std::size_t{1} << 20;

class Walk {
 public:
  explicit Walk(std::span<const uid_t> trusted) : trusted_(trusted.begin(), trusted.end()) {
    trusted_.insert(0);
    trusted_.insert(geteuid());
  }

  std::vector<Distrust> run(const std::string& path);

 private:
  void push(std::string_view path);
  void step(const std::string& name);
  void judge(const std::string& component, const struct stat& facts);
  void follow(const std::string& link);
  void distrust(std::string_view message, const std::string& component);
  bool is_trusted(uid_t uid) const { return trusted_.contains(uid); }
  bool has_only_trusted_members(gid_t gid) const;

  std::set<uid_t> trusted_;
  std::string here_;               // resolved so far, "" for the root
  std::deque<std::string> ahead_;  // components still to walk
  int links_ = 0;
  std::vector<Distrust> found_;
};

/// The names in the group's own list of members; nothing if the database cannot say.
std::optional<std::vector<std::string>> listed_members(gid_t gid) {
  std::vector<char> room(kGroupRoom);
  group entry{};
  group* found = nullptr;
  if (getgrgid_r(gid, &entry, room.data(), room.size(), &found) != 0) return std::nullopt;
  std::vector<std::string> names;
  if (found == nullptr) return names;
  for (char** name = found->gr_mem; *name != nullptr; ++name) names.emplace_back(*name);
  return names;
}

bool Walk::has_only_trusted_members(gid_t gid) const {
  const auto names = listed_members(gid);
  if (!names) return false;
  // One pass over all users finds both kinds of members: listed ones and those whose first group it
  // is.  A listed name without a user cannot log in.
  bool is_good = true;
  setpwent();
  while (const passwd* user = getpwent()) {
    const bool is_member = user->pw_gid == gid ||
                           std::find(names->begin(), names->end(), user->pw_name) != names->end();
    if (is_member && !is_trusted(user->pw_uid)) is_good = false;
  }
  endpwent();
  return is_good;
}

void Walk::push(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) parts.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  ahead_.insert(ahead_.begin(), parts.begin(), parts.end());
}

void Walk::distrust(std::string_view message, const std::string& component) {
  const auto is_same = [&](const Distrust& known) {
    return known.message == message && known.component == component;
  };
  if (std::any_of(found_.begin(), found_.end(), is_same)) return;
  found_.push_back(Distrust{std::string{message}, component});
}

void Walk::judge(const std::string& component, const struct stat& facts) {
  if (!is_trusted(facts.st_uid)) distrust("Owner not trustworthy", component);
  if (S_ISLNK(facts.st_mode)) return;  // its mode means nothing; who owns it decides where it leads
  if ((facts.st_mode & S_IWGRP) != 0 && !has_only_trusted_members(facts.st_gid)) {
    distrust("Group writeable and member not trustworthy", component);
  }
  const bool is_sticky = S_ISDIR(facts.st_mode) && (facts.st_mode & S_ISVTX) != 0;
  if ((facts.st_mode & S_IWOTH) != 0 && !is_sticky) distrust("World writeable", component);
}

void Walk::follow(const std::string& link) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = readlink(link.c_str(), target.data(), target.size());
  if (size < 0 || ++links_ > kMostLinks) {
    distrust("stat() failed", link);
    ahead_.clear();
    return;
  }
  const std::string_view text{target.data(), static_cast<std::size_t>(size)};
  if (text.starts_with('/')) here_.clear();
  push(text);
}

void Walk::step(const std::string& name) {
  if (name == ".") return;
  if (name == "..") {
    here_.resize(std::min(here_.rfind('/'), here_.size()));
    return;
  }
  const std::string component = here_ + "/" + name;
  struct stat facts {};
  if (lstat(component.c_str(), &facts) != 0) {
    distrust("stat() failed", component);
    ahead_.clear();
    return;
  }
  judge(component, facts);
  if (S_ISLNK(facts.st_mode)) return follow(component);
  here_ = component;
}

std::vector<Distrust> Walk::run(const std::string& path) {
  struct stat root {};
  if (stat("/", &root) != 0) {
    distrust("stat() failed", "/");
    return std::move(found_);
  }
  judge("/", root);
  push(path);
  if (!path.starts_with('/')) {
    std::array<char, PATH_MAX> directory{};
    if (getcwd(directory.data(), directory.size()) == nullptr) {
      distrust("stat() failed", path);
      return std::move(found_);
    }
    push(directory.data());
  }
  while (!ahead_.empty()) {
    const std::string name = std::move(ahead_.front());
    ahead_.pop_front();
    step(name);
  }
  return std::move(found_);
}

}  // namespace

std::vector<Distrust> find_distrust(const std::string& path, std::span<const uid_t> trusted) {
  return Walk{trusted}.run(path);
}

}  // namespace samhain::sys
