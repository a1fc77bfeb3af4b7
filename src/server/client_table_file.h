#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "samhain/bytes.h"
#include "samhain/result.h"
#include "server/roster.h"

namespace samhain::server {

/// What is known of the clients, as a file beside the log: a server that comes up again must not
/// call a client illegal that was up all the time, nor forget one that is silent.
inline constexpr std::size_t kMaxClientTable = 512U << 20;

/// The file's bytes.
Bytes encode_client_table(const Roster& roster);

using Standings = std::map<std::string, Standing, std::less<>>;

/// Takes nothing or all.  Errors: Version (of a newer program), Malformed; what for, in words.
Result<Standings> decode_client_table(ByteView file);

/// Gives each registered client what the file at `path` says of it, if there is one.
/// Errors: System, Limit, Refused (no regular file), Version, Malformed; the roster is as before.
Result<void> restore_clients(Roster& roster, const std::string& path);

}  // namespace samhain::server
