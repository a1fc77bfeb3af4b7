#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "samhain/report.h"
#include "samhain/result.h"
#include "sink/filter.h"

namespace samhain::sink {

/// One place where reports go.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual std::string_view service()
      const = 0;                           ///< "logfile", "console", "log server": in messages
  virtual std::string object() const = 0;  ///< path or host: in messages
  virtual Result<void> write(const Report& report) = 0;
  /// What write() only gathered becomes durable.
  virtual Result<void> flush() { return {}; }
  /// What others should be told of `error` before the general `Service failure`; mostly nothing.
  virtual std::vector<Report> explain(const Error& error, std::int64_t time_ns) const;
};

/// Gives each report to every sink whose threshold takes it.  A sink that fails tells so once, on
/// the others (`Service failure`), and again only after a success in between; when it works again,
/// the count of what it missed is told.
class Dispatcher {
 public:
  explicit Dispatcher(const base::Clock& clock) : clock_(clock) {}

  /// A client's report passes a sink that `takes_clients` whatever its severity, unless the sink
  /// takes none at all and is not the log file, and whatever its class (spec: logging.md section
  /// 2); the rules below may change either.  Elsewhere it passes like an own report.
  void add(std::unique_ptr<Sink> sink, Filter filter, bool takes_clients = false);
  void set_filter(std::string_view service, Filter filter);
  void set_client_rules(ClientRules rules) { rules_ = rules; }
  /// Gives up the sinks of one service; only between flush() and the next submit().
  void remove(std::string_view service);
  void clear();

  void submit(const Report& report);
  /// Would a sink of this service be given it?
  bool would_take(std::string_view service, const Report& report) const;
  /// Call at the end of each round of the loop: batches become durable, and only here a sink that
  /// had failed counts as working again.
  void flush();

 private:
  struct Route {
    std::unique_ptr<Sink> sink;
    Filter filter;
    bool takes_clients = false;
    bool has_failed = false;
    bool has_failed_since_flush = false;
    bool was_used = false;     ///< written to since the last flush that worked
    std::uint64_t missed = 0;  ///< reports refused by write() since it failed
  };
  /// What sinks have to tell of themselves, to all but the one that failed.
  struct News {
    Report report;
    std::size_t not_to;
  };
  static constexpr std::size_t kNobody = SIZE_MAX;

  bool takes(const Route& route, const Report& report) const;
  void offer(const Report& report, std::size_t not_to);
  void flush_route(std::size_t index);
  void note_failure(std::size_t index, const Error& error);
  void tell_news();

  const base::Clock& clock_;
  ClientRules rules_;
  std::vector<Route> routes_;
  std::deque<News> news_;
  bool is_telling_ = false;
  bool is_flushing_ = false;
};

}  // namespace samhain::sink
