#include "sink/dispatcher.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "report/catalog.h"

namespace samhain::sink {

std::vector<Report> Sink::explain(const Error& /*error*/, std::int64_t /*time_ns*/) const {
  return {};
}

void Dispatcher::add(std::unique_ptr<Sink> sink, Filter filter, bool takes_clients) {
  Route route;
  route.sink = std::move(sink);
  route.filter = filter;
  route.takes_clients = takes_clients;
  routes_.push_back(std::move(route));
}

void Dispatcher::set_filter(std::string_view service, Filter filter) {
  for (Route& route : routes_) {
    if (route.sink->service() == service) route.filter = filter;
  }
}

bool Dispatcher::would_take(std::string_view service, const Report& report) const {
  return std::any_of(routes_.begin(), routes_.end(), [&](const Route& route) {
    return route.sink->service() == service && takes(route, report);
  });
}

void Dispatcher::remove(std::string_view service) {
  assert(news_.empty());  // news name sinks by their place
  std::erase_if(routes_,
                [service](const Route& route) { return route.sink->service() == service; });
}

void Dispatcher::clear() {
  routes_.clear();
  news_.clear();
}

void Dispatcher::submit(const Report& report) {
  offer(report, kNobody);
  tell_news();
}

void Dispatcher::flush() {
  // A sink's flush may make its owner report something and flush in turn: once is enough.
  if (is_flushing_) return;
  is_flushing_ = true;
  for (std::size_t i = 0; i < routes_.size(); ++i) flush_route(i);
  // The next round may be hours away: what was told of this flush becomes durable with it.
  if (!news_.empty()) {
    tell_news();
    for (std::size_t i = 0; i < routes_.size(); ++i) flush_route(i);
    tell_news();
  }
  is_flushing_ = false;
}

bool Dispatcher::takes(const Route& route, const Report& report) const {
  const Filter& filter = route.filter;
  // What came by syslog has no severity of its own among ours.
  const bool is_inet = report.severity == Severity::Inet;
  const bool is_of_client = route.takes_clients && (is_inet || !report.client.empty());
  const bool fits_class =
      (is_of_client && !rules_.by_class) || filter.classes.has(report.event_class);
  if (!is_of_client || (rules_.by_severity && !is_inet)) {
    return fits_class && filter.severities.has(report.severity);
  }
  return fits_class && (!filter.severities.is_empty() || route.sink->service() == "logfile");
}

void Dispatcher::offer(const Report& report, std::size_t not_to) {
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    Route& route = routes_[i];
    if (i == not_to || !takes(route, report)) continue;
    route.was_used = true;
    const Result<void> written = route.sink->write(report);
    if (written) continue;
    ++route.missed;
    route.has_failed_since_flush = true;
    note_failure(i, written.error());
  }
}

void Dispatcher::flush_route(std::size_t index) {
  Route& route = routes_[index];
  const Result<void> flushed = route.sink->flush();
  const bool had_failed_since_flush = std::exchange(route.has_failed_since_flush, false);
  if (!flushed) {
    note_failure(index, flushed.error());
    return;
  }
  const bool was_used = std::exchange(route.was_used, false);
  if (!route.has_failed || had_failed_since_flush || !was_used) return;

  route.has_failed = false;
  const std::uint64_t missed = std::exchange(route.missed, 0);
  news_.push_back({report::make(report::kMissedLines, clock_.now_ns(),
                                {{"service", std::string{route.sink->service()}},
                                 {"obj", route.sink->object()},
                                 {"missed", std::to_string(missed)}}),
                   kNobody});
}

void Dispatcher::note_failure(std::size_t index, const Error& error) {
  Route& route = routes_[index];
  if (std::exchange(route.has_failed, true)) return;
  const std::int64_t now = clock_.now_ns();
  for (Report& report : route.sink->explain(error, now)) {
    news_.push_back({std::move(report), index});
  }
  news_.push_back({report::make(report::kServiceFailure, now,
                                {{"service", std::string{route.sink->service()}},
                                 {"obj", route.sink->object()},
                                 {"reason", error.text()}}),
                   index});
}

void Dispatcher::tell_news() {
  if (is_telling_) return;
  is_telling_ = true;
  // Each sink fails at most once between two flushes, so this ends.
  while (!news_.empty()) {
    const News news = std::move(news_.front());
    news_.pop_front();
    offer(news.report, news.not_to);
  }
  is_telling_ = false;
}

}  // namespace samhain::sink
