// What most sources read first, parsed once: `make config.h.pch` (clang++) or `make config.h.gch`
// (g++) puts it where `-include config.h` finds it.  test/run.sh does so for its build with
// sanitizers and for g++'s unit tests: the programs are built without it, which shows whether a
// source includes what it uses.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>
