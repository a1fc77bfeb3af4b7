#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/page_templates.h"
#include "server/roster.h"

namespace samhain::server {

/// What the head of the status page says beside the clients; times since the epoch, 0: never.
struct PageHead {
  std::int64_t now_ns = 0;
  std::int64_t started_ns = 0;
  std::int64_t last_connection_ns = 0;
  std::size_t open = 0;     ///< connections now
  std::uint64_t total = 0;  ///< connections since the start
  std::size_t maximum = 0;  ///< connections that there may be
};

/// After so long a browser asks for the page again.
inline constexpr std::int64_t kPageRefreshSeconds = 120;

/// The whole page: a row for each client and for each kind of event that it had, and behind a
/// client's first row the comment that scripts read, of three lines:
///
///     <!--
///     [STATUS:] NAME STATE [TIME]
///      -->
///
/// Clients that need attention come first, then by name.
std::string render_page(const Roster& roster, const PageHead& head, const PageTemplates& templates);

/// What stands there while no server runs.
std::string render_ended_page(const PageHead& head, const PageTemplates& templates);

/// `text` as HTML, in text, attributes and comments: no markup, no control characters.
std::string html(std::string_view text);

}  // namespace samhain::server
