#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "samhain/report.h"
#include "samhain/result.h"
#include "samhain/severity.h"

namespace samhain::sink {

/// One place where reports go.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual std::string_view service() const = 0;  ///< "logfile", "console", "log server": in messages
  virtual std::string object() const = 0;        ///< path or host: in messages
  virtual Result<void> write(const Report& report) = 0;
  /// What write() only gathered becomes durable.
  virtual Result<void> flush() { return {}; }
};

/// Gives each report to every sink whose threshold takes it.  A sink that fails tells so once, on the
/// others (`Service failure`), and again only after a success in between; when it works again, the
/// count of what it missed is told.
class Dispatcher {
 public:
  explicit Dispatcher(const base::Clock& clock) : clock_(clock) {}

  /// A client's report (severity as sent) passes a sink that `takes_clients`, whatever its threshold,
  /// unless that is empty and the sink is not the log file (spec: logging.md section 2).
  void add(std::unique_ptr<Sink> sink, SeveritySet threshold, bool takes_clients = false);
  void set_threshold(std::string_view service, SeveritySet threshold);
  void clear();

  void submit(const Report& report);
  void flush();

 private:
  struct Route {
    std::unique_ptr<Sink> sink;
    SeveritySet threshold;
    bool takes_clients = false;
    bool has_failed = false;
    std::uint64_t missed = 0;
  };
  void give(Route& route, const Report& report);
  const base::Clock& clock_;
  std::vector<Route> routes_;
  int depth_ = 0;
};

}  // namespace samhain::sink
