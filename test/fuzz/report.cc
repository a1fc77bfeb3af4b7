// A report from a client: whatever decodes can be encoded again to the same bytes and becomes one
// printable line in every form.

#include "samhain/report.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>

#include "report/codec.h"
#include "report/form.h"

namespace {

bool is_one_printable_line(const std::string& line) {
  return std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samhain;
  const ByteView input{data, size};
  auto report = report::decode(input);
  if (!report) return 0;
  const Bytes again = report::encode(*report);
  assert(std::equal(again.begin(), again.end(), input.begin(), input.end()));

  for (const auto form : {report::Form::Guide, report::Form::Classic}) {
    for (const Field& field : report->fields) {
      assert(report::unescape(report::escape(field.value, form), form) == field.value);
    }
    report->client.clear();
    assert(is_one_printable_line(report::line_of(*report, form)));
    report->client = "client";
    assert(is_one_printable_line(report::line_of(*report, form)));
  }
  return 0;
}
