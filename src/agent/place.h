#pragma once

#include <string>
#include <string_view>

namespace samhain::agent {

/// How a path says that the file comes from the server; START shows it in the place of the path.
inline constexpr std::string_view kFromServer = "REQ_FROM_SERVER";

/// Where configuration or baseline is: on this host, or with the server (`REQ_FROM_SERVER`), and
/// then perhaps on this host too (`REQ_FROM_SERVER/local/path`): init writes and falls back there.
struct Place {
  bool is_remote = false;
  std::string local;  ///< empty: none
};

inline Place place_of(std::string_view path) {
  Place place;
  place.is_remote = path.starts_with(kFromServer);
  if (place.is_remote) path.remove_prefix(kFromServer.size());
  place.local = path;
  return place;
}

}  // namespace samhain::agent
