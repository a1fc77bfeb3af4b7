#pragma once

#include <functional>
#include <string>

#include "agent/credentials.h"
#include "agent/options.h"
#include "samhain/report.h"
#include "uplink/link.h"
#include "uplink/transfer.h"

namespace samhain::agent {

using Tell = std::function<void(const Report&)>;

/// The settings of a link before there is a configuration: what the command line and configure
/// say.
uplink::Link::Settings first_link(const Options& options, const std::string& host_name,
                                  const Credentials& credentials);

/// Fetches the configuration over a connection of its own, on a loop of its own: blocks until the
/// server has answered or cannot be reached.  What goes wrong on the way is told.
uplink::Fetched fetch_configuration(const Options& options, const std::string& host_name,
                                    Credentials& credentials, const Tell& tell);

/// Why there is no file.
std::string reason_of(const uplink::Fetched& fetched);

/// A question for the configuration; `held` is the digest of the one at hand.
Result<uplink::Wanted> wanted_configuration(const Digest& held);

}  // namespace samhain::agent
