#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "report/form.h"
#include "samhain/result.h"

namespace samhain::sink {

/// EXIT for an end that leaves no time for it: a signal that means a fault of ours.  From now on
/// each is told on stderr, and in the file at `log_path` if that is not empty; sinks that keep
/// numbers are not touched in that state.  Errors: those of sys::prepare_last_words().
Result<void> prepare_exit_words(std::string_view program, report::Form form,
                                const std::string& log_path, std::int64_t now_ns);

}  // namespace samhain::sink
