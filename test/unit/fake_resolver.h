#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace samhain::server {

// What the fake resolver finds out about an address: that it is called `host.example.test`, and
// when.
inline constexpr std::string_view kQuick = "203.0.113.";       ///< at once
inline constexpr std::string_view kQuickOnce = "198.51.100.";  ///< at once, later as kSlow
inline constexpr std::string_view kSlow = "192.0.2.";          ///< after kSlowness
inline constexpr std::string_view kStuck = "10.0.0.";          ///< never
inline constexpr std::chrono::milliseconds kSlowness{300};

/// A resolver's main in which DNS is as slow as the address says; the process blocks meanwhile, as
/// the real one does.
int run_fake_resolver();

}  // namespace samhain::server
