#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "agent/status.h"

namespace samhain::agent {

/// How fast a scan is and what is left of it, from where it was at a moment.
struct Estimate {
  std::chrono::duration<double> elapsed{};
  double files_per_second = 0;
  double bytes_per_second = 0;
  std::optional<unsigned> percent;           ///< 99 at most: at its end it is over
  std::optional<std::chrono::seconds> left;  ///< nothing: nobody knows
};
Estimate estimate(const ScanState& scan, std::int64_t at_ns);

// As people read them.
std::string grouped(std::uint64_t number);             ///< "1,234,567"
std::string size_text(double bytes);                   ///< "3.1 GB"
std::string duration_text(std::chrono::seconds time);  ///< "45 s", "12 min 5 s", "3 h 12 min"

/// "12,345 of 29,000 files (42 %), 3.1 GB, 5,210 files/s, 310.0 MB/s, 1 min 20 s left"
std::string progress_text(const ScanState& scan, std::int64_t at_ns);
/// The same for one line of a terminal: "[=====>          ]  42 %  5,210 files/s …".
std::string progress_bar(const ScanState& scan, std::int64_t at_ns);

}  // namespace samhain::agent
