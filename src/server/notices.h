#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "report/catalog.h"
#include "sink/dispatcher.h"

namespace samhain::server {

/// The server's own voice: an event of the catalog, said now, to all sinks.
class Notices {
 public:
  Notices(const base::Clock& clock, sink::Dispatcher& dispatcher)
      : clock_(clock), dispatcher_(dispatcher) {}

  void tell(const report::Event& event, std::vector<Field> fields = {}) {
    dispatcher_.submit(report::make(event, clock_.now_ns(), std::move(fields)));
  }
  void tell_filled(const report::Event& event, std::initializer_list<std::string_view> values,
                   std::vector<Field> fields = {}) {
    dispatcher_.submit(report::make_filled(event, values, clock_.now_ns(), std::move(fields)));
  }
  /// Where a setting decides how bad it is.
  void tell_at(Severity severity, const report::Event& event, std::vector<Field> fields) {
    Report report = report::make(event, clock_.now_ns(), std::move(fields));
    report.severity = severity;
    dispatcher_.submit(report);
  }
  void tell(const Report& report) { dispatcher_.submit(report); }

 private:
  const base::Clock& clock_;
  sink::Dispatcher& dispatcher_;
};

}  // namespace samhain::server
