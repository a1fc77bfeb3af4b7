#include "sys/last_words.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace samhain::sys {
namespace {

struct Prepared {
  int signal = 0;
  std::array<char, kMaxLastWords> line{};
  std::size_t size = 0;
  std::size_t time_at = 0;
};
constexpr std::size_t kTimeSize = 19;
constexpr std::size_t kStackSize = 32U
                                   << 10;  ///< of the handler: the usual one may be what is full

// The one thing that a handler can reach.  Written with the signals blocked.
// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
std::array<Prepared, kMostLastWords> prepared;
std::array<char, PATH_MAX> path;
long offset_s = 0;
std::array<char, kStackSize> stack;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

void put(char* place, long value, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    place[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

/// Days since the epoch as year, month, day, in the proleptic Gregorian calendar: gmtime(3) may not
/// be called here.  Years are counted from March on, so that a leap day is a year's last.
void put_time(char* place, long seconds) {
  constexpr long kDay = 86'400;
  constexpr long kEra = 146'097;  ///< days of 400 years
  const long days = seconds / kDay + 719'468;
  const long second = seconds % kDay;
  const long era = days / kEra;
  const long day_of_era = days % kEra;
  const long year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const long day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const long month_from_march = (5 * day_of_year + 2) / 153;
  const long month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  put(place, year_of_era + era * 400 + (month <= 2 ? 1 : 0), 4);
  put(place + 5, month, 2);
  put(place + 8, day_of_year - (153 * month_from_march + 2) / 5 + 1, 2);
  put(place + 11, second / 3'600, 2);
  put(place + 14, second / 60 % 60, 2);
  put(place + 17, second % 60, 2);
}

void say(Prepared& words) {
  timespec now{};
  if (clock_gettime(CLOCK_REALTIME, &now) == 0) {
    put_time(words.line.data() + words.time_at, now.tv_sec + offset_s);
  }
  if (write(STDERR_FILENO, words.line.data(), words.size) < 0) {
    // Nobody there: the log is what counts.
  }
  if (path[0] == '\0') return;
  const int fd = open(path.data(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, words.line.data(), words.size) >= 0) (void)fdatasync(fd);
  (void)close(fd);
}

void on_fatal(int number, siginfo_t* info, void* /*context*/) {
  // SI_USER and the like are not positive: a fault of our own has a code of its own.
  if (number != SIGABRT && info->si_code <= 0) return;
  for (Prepared& words : prepared) {
    if (words.signal == number) say(words);
  }
  // Blocked while we are here: it ends the process when we return.
  (void)signal(number, SIG_DFL);
  (void)raise(number);
}

Result<void> watch(int number) {
  struct sigaction action {};
  action.sa_sigaction = on_fatal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  (void)sigfillset(&action.sa_mask);
  if (sigaction(number, &action, nullptr) == 0) return {};
  return system_error("sigaction", errno);
}

}  // namespace

Result<void> prepare_last_words(std::span<const LastWords> words, const std::string& log_path,
                                long utc_offset_s) {
  if (words.size() > prepared.size() || log_path.size() >= path.size()) {
    return Error{Error::Kind::Limit, "last words"};
  }
  stack_t own{};
  own.ss_sp = stack.data();
  own.ss_size = stack.size();
  if (sigaltstack(&own, nullptr) != 0) return system_error("sigaltstack", errno);

  path.fill('\0');
  std::copy(log_path.begin(), log_path.end(), path.begin());
  offset_s = utc_offset_s;
  for (std::size_t i = 0; i < words.size(); ++i) {
    Prepared& own_words = prepared[i];
    own_words.signal = words[i].signal;
    own_words.size = std::min(words[i].line.size(), own_words.line.size());
    own_words.time_at = words[i].time_at;
    if (own_words.time_at + kTimeSize > own_words.size) {
      return Error{Error::Kind::Limit, "last words without room for the time"};
    }
    std::copy_n(words[i].line.begin(), own_words.size, own_words.line.begin());
    if (auto watched = watch(own_words.signal); !watched) return watched;
  }
  return {};
}

}  // namespace samhain::sys
