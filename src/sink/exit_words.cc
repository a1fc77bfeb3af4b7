#include "sink/exit_words.h"

#include <signal.h>
#include <time.h>

#include <array>
#include <utility>
#include <vector>

#include "report/catalog.h"
#include "sys/last_words.h"

namespace samhain::sink {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;

/// Signals that mean a fault of ours, and what EXIT says of them.
constexpr std::array<std::pair<int, std::string_view>, 5> kFaults = {
    {{SIGSEGV, "Segmentation fault"},
     {SIGBUS, "Bus error"},
     {SIGILL, "Illegal instruction"},
     {SIGFPE, "Floating point exception"},
     {SIGABRT, "Aborted"}}};

}  // namespace

Result<void> prepare_exit_words(std::string_view program, report::Form form,
                                const std::string& log_path, std::int64_t now_ns) {
  std::vector<sys::LastWords> words;
  for (const auto& [signal, status] : kFaults) {
    const Report exit =
        report::make(report::kExit, now_ns,
                     {{"program", std::string{program}}, {"status", std::string{status}}});
    std::string line = report::line_of(exit, form) + "\n";
    const std::size_t time_at = line.find('[') + 1;
    words.push_back({signal, std::move(line), time_at});
  }
  const time_t seconds = now_ns / kNanoseconds;
  tm parts{};
  localtime_r(&seconds, &parts);
  return sys::prepare_last_words(words, log_path, parts.tm_gmtoff);
}

}  // namespace samhain::sink
