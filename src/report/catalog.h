#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "samhain/report.h"

namespace samhain::report {

/// An event of the catalog: its usual severity and class, and its message with the keys that follow
/// it, in order.  docs/messages is made of the same table.
struct Event {
  Severity severity;
  EventClass event_class;
  std::string_view message;
};

// Words and severities stand in catalog.cc's table alone, one constant an event, for example:
//   inline constexpr Event kNewClient{Severity::Notice, EventClass::Tcp, "NEW CLIENT"};
// (spec: server.md section 17, client-checks.md section 14, client-runtime.md section 10).

/// A report of `event` now, fields after `msg` in the order given.
Report make(const Event& event, std::int64_t time_ns,
            std::vector<Field> fields_after_message = {});

}  // namespace samhain::report
