#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "report/catalog.h"
#include "samhain/severity.h"
#include "server/lookups.h"
#include "server/notices.h"

namespace samhain::server {

/// Compares the name that a client claims with what DNS says of its address, and tells of what does
/// not fit; it never keeps anybody out and delays nobody (spec: yule's first method of names).  One
/// line for each client, reason, address and hour; the next one says how many were left out.
class NameCheck {
 public:
  NameCheck(const base::Clock& clock, Lookups& lookups, Notices& notices)
      : clock_(clock), lookups_(lookups), notices_(notices) {}
  void set_severity(Severity severity) { severity_ = severity; }

  /// `claim` is the name of a registered client.
  void check(const std::string& claim, const std::string& address);
  /// What was found out about `address` and the claim; tells the first thing that does not fit.
  void judge(const std::string& claim, const std::string& address, const NameFacts& facts);

 private:
  struct Told {
    std::chrono::steady_clock::time_point at{};
    std::uint64_t left_out = 0;
  };
  void tell(const report::Event& event, const std::string& claim, const std::string& address,
            std::vector<Field> fields);
  bool make_room();
  const base::Clock& clock_;
  Lookups& lookups_;
  Notices& notices_;
  Severity severity_ = Severity::Crit;
  static constexpr std::size_t kMaxTold = 16'384;
  /// By client, message and address.
  std::map<std::tuple<std::string, std::string_view, std::string>, Told> told_;
};

}  // namespace samhain::server
