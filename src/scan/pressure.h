#pragma once

#include <string>

namespace samhain::scan {

/// Is this host so busy that its other work waits?  By the kernel's own measure (PSI): the share of
/// the last ten seconds in which at least one task waited for the disk, or for a processor.  Our
/// own waiting counts, too.
class Pressure {
 public:
  /// `percent`: where it is too much; 0: never.  `directory`: /proc/pressure but for tests.
  explicit Pressure(unsigned percent, std::string directory = "/proc/pressure")
      : percent_(percent), directory_(std::move(directory)) {}

  bool is_watched() const { return percent_ != 0; }
  /// Looks; once it is too much it stays so until it has fallen by a quarter of the limit, so that
  /// it does not turn every second.  What cannot be read is no pressure.
  bool is_high();

 private:
  unsigned percent_;
  std::string directory_;
  bool was_high_ = false;
};

/// `some avg10=…` of a file of /proc/pressure in percent; negative if the text has none.
double parse_pressure(const std::string& text);

}  // namespace samhain::scan
