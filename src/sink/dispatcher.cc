#include "sink/dispatcher.h"

#include <algorithm>
#include <utility>

#include "report/catalog.h"

namespace samhain::sink {

std::vector<Report> Sink::explain(const Error& /*error*/, std::int64_t /*time_ns*/) const {
  return {};
}

void Dispatcher::add(std::unique_ptr<Sink> sink, SeveritySet threshold, bool takes_clients) {
  Route route;
  route.sink = std::move(sink);
  route.threshold = threshold;
  route.takes_clients = takes_clients;
  routes_.push_back(std::move(route));
}

void Dispatcher::set_threshold(std::string_view service, SeveritySet threshold) {
  for (Route& route : routes_) {
    if (route.sink->service() == service) route.threshold = threshold;
  }
}

void Dispatcher::clear() { routes_.clear(); }

void Dispatcher::submit(const Report& report) {
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (takes(routes_[i], report)) give(i, report);
  }
}

void Dispatcher::flush() {
  // A sink's flush may make its owner report something and flush in turn: once is enough.
  if (is_flushing_) return;
  is_flushing_ = true;
  for (std::size_t i = 0; i < routes_.size(); ++i) flush_route(i);
  is_flushing_ = false;
}

bool Dispatcher::takes(const Route& route, const Report& report) {
  if (report.client.empty() || !route.takes_clients) return route.threshold.has(report.severity);
  return !route.threshold.is_empty() || route.sink->service() == "logfile";
}

void Dispatcher::give(std::size_t index, const Report& report) {
  Route& route = routes_[index];
  route.was_used = true;
  const Result<void> written = route.sink->write(report);
  if (written) return;
  ++route.missed;
  route.has_failed_since_flush = true;
  tell_failure(index, written.error());
}

void Dispatcher::flush_route(std::size_t index) {
  Route& route = routes_[index];
  const Result<void> flushed = route.sink->flush();
  const bool had_failed_since_flush = std::exchange(route.has_failed_since_flush, false);
  if (!flushed) {
    tell_failure(index, flushed.error());
    return;
  }
  const bool was_used = std::exchange(route.was_used, false);
  if (!route.has_failed || had_failed_since_flush || !was_used) return;

  route.has_failed = false;
  const std::uint64_t missed = std::exchange(route.missed, 0);
  submit(report::make(report::kMissedLines, clock_.now_ns(),
                      {{"service", std::string{route.sink->service()}},
                       {"obj", route.sink->object()},
                       {"missed", std::to_string(missed)}}));
}

void Dispatcher::tell_failure(std::size_t index, const Error& error) {
  Route& route = routes_[index];
  // Said before the others are told, so that a second failing sink cannot bring us back here.
  if (std::exchange(route.has_failed, true)) return;
  const std::int64_t now = clock_.now_ns();
  std::vector<Report> told = route.sink->explain(error, now);
  told.push_back(report::make(report::kServiceFailure, now,
                              {{"service", std::string{route.sink->service()}},
                               {"obj", route.sink->object()},
                               {"reason", error.text()}}));
  for (const Report& report : told) {
    for (std::size_t i = 0; i < routes_.size(); ++i) {
      if (i != index && takes(routes_[i], report)) give(i, report);
    }
  }
}

}  // namespace samhain::sink
