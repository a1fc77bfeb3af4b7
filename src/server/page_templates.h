#pragma once

#include <sys/types.h>
#include <time.h>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace samhain::server {

/// The administrator's own head.html, entry.html and foot.html for the status page, each optional
/// (yule(8), section STATUS PAGE).
class PageTemplates {
 public:
  static constexpr std::size_t kMaxHead = 256U << 10;  ///< head.html and foot.html
  static constexpr std::size_t kMaxEntry = 4U << 10;   ///< entry.html, there for each event

  explicit PageTemplates(const std::string& directory);

  struct Complaint {
    std::string path;
    std::string reason;
  };
  /// Reads those that are new or changed; each file that cannot be used is complained of once, and
  /// counts as missing.
  std::vector<Complaint> refresh();

  const std::optional<std::string>& head() const { return files_[0].text; }
  const std::optional<std::string>& entry() const { return files_[1].text; }
  const std::optional<std::string>& foot() const { return files_[2].text; }

 private:
  /// What tells one state of a file from the next.
  struct Identity {
    int error = 0;
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::pair<time_t, long> changed{};
    bool operator==(const Identity&) const = default;
  };
  struct File {
    std::string path;
    std::size_t limit = 0;
    std::optional<Identity> identity;
    std::optional<std::string> text;
  };
  static Identity identify(const std::string& path);
  std::array<File, 3> files_;
};

/// `text` with each %X that has a value replaced by it, as it is: escape it before.  Any other %X,
/// and "% ", give "%".
using Placeholder = std::pair<char, std::string_view>;
std::string fill_template(std::string_view text, std::initializer_list<Placeholder> values);

}  // namespace samhain::server
