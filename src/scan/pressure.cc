#include "scan/pressure.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "sys/file.h"

namespace samhain::scan {
namespace {

constexpr std::size_t kMaxFile = 4'096;
/// Of the limit: where it is over again.
constexpr double kOver = 0.75;

}  // namespace

double parse_pressure(const std::string& text) {
  constexpr std::string_view kKey = "some avg10=";
  constexpr double kUnknown = -1;
  if (!text.starts_with(kKey)) return kUnknown;
  double value = kUnknown;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + kKey.size(), end, value);
  return parsed.ec == std::errc{} ? value : kUnknown;
}

bool Pressure::is_high() {
  if (!is_watched()) return false;
  double highest = 0;
  for (const char* resource : {"/io", "/cpu"}) {
    const auto bytes = sys::read_file(directory_ + resource, kMaxFile);
    if (bytes) highest = std::max(highest, parse_pressure(std::string(as_text(*bytes))));
  }
  was_high_ = highest > static_cast<double>(percent_) * (was_high_ ? kOver : 1.0);
  return was_high_;
}

}  // namespace samhain::scan
