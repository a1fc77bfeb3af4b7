#include "server/page_templates.h"

#include <errno.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "samhain/bytes.h"
#include "sys/file.h"

namespace samhain::server {

PageTemplates::PageTemplates(const std::string& directory) {
  files_[0].path = directory + "/head.html";
  files_[1].path = directory + "/entry.html";
  files_[2].path = directory + "/foot.html";
  files_[0].limit = files_[2].limit = kMaxHead;
  files_[1].limit = kMaxEntry;
}

PageTemplates::Identity PageTemplates::identify(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) return Identity{.error = errno};
  return Identity{.device = facts.st_dev,
                  .inode = facts.st_ino,
                  .size = facts.st_size,
                  .changed = {facts.st_ctim.tv_sec, facts.st_ctim.tv_nsec}};
}

std::vector<PageTemplates::Complaint> PageTemplates::refresh() {
  std::vector<Complaint> complaints;
  for (File& file : files_) {
    const Identity identity = identify(file.path);
    if (file.identity == identity) continue;
    file.identity = identity;
    file.text.reset();
    if (identity.error == ENOENT) continue;
    const auto bytes = sys::read_regular_file(file.path, file.limit);
    if (bytes) {
      file.text = as_text(*bytes);
    } else {
      const Error& error = bytes.error();
      complaints.push_back(
          {file.path, error.sys_errno != 0 ? std::strerror(error.sys_errno) : error.what});
    }
  }
  return complaints;
}

std::string fill_template(std::string_view text, std::initializer_list<Placeholder> values) {
  std::string filled;
  while (!text.empty()) {
    const std::size_t percent = text.find('%');
    filled += text.substr(0, percent);
    if (percent == std::string_view::npos) break;
    const char letter = percent + 1 < text.size() ? text[percent + 1] : ' ';
    const auto* const value = std::find_if(
        values.begin(), values.end(), [letter](const Placeholder& p) { return p.first == letter; });
    filled += value == values.end() ? "%" : value->second;
    text.remove_prefix(std::min(percent + 2, text.size()));
  }
  return filled;
}

}  // namespace samhain::server
