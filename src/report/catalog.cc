#include "report/catalog.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace samhain::report {
namespace {

Report with_head(const Event& event, std::int64_t time_ns, std::vector<Field> head,
                 std::vector<Field> rest) {
  Report report;
  report.severity = event.severity;
  report.event_class = event.event_class;
  report.time_ns = time_ns;
  report.fields = std::move(head);
  report.fields.reserve(report.fields.size() + rest.size());
  std::move(rest.begin(), rest.end(), std::back_inserter(report.fields));
  return report;
}

std::string fill(std::string_view message, std::initializer_list<std::string_view> values) {
  std::string text;
  const auto* value = values.begin();
  for (const char c : message) {
    if (c != '%') {
      text += c;
      continue;
    }
    assert(value != values.end());
    text += *value++;
  }
  assert(value == values.end());
  return text;
}

}  // namespace

Report make(const Event& event, std::int64_t time_ns, std::vector<Field> fields_after_message) {
  return with_head(event, time_ns, {{"msg", std::string{event.message}}},
                   std::move(fields_after_message));
}

Report make_filled(const Event& event, std::initializer_list<std::string_view> values,
                   std::int64_t time_ns, std::vector<Field> fields_after_message) {
  return with_head(event, time_ns, {{"msg", fill(event.message, values)}},
                   std::move(fields_after_message));
}

Report make_interface(const Event& event, std::string_view interface, std::string_view text,
                      std::int64_t time_ns, std::vector<Field> fields_after_message) {
  return with_head(event, time_ns,
                   {{"interface", std::string{interface}}, {"msg", fill(event.message, {text})}},
                   std::move(fields_after_message));
}

}  // namespace samhain::report
