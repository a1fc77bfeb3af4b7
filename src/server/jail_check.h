#pragma once

#include <span>
#include <string>
#include <vector>

#include "server/settings.h"
#include "sys/jail.h"

namespace samhain::server {

/// What `jail` lacks of what a server with these `settings` needs in it, one text each with the
/// path as it is outside and why it will not do; empty: nothing.  `program_files` are those of
/// sys::files_of_this_program(), for the roles are the same program, executed inside.
std::vector<std::string> missing_in(const sys::Jail& jail,
                                    std::span<const std::string> program_files,
                                    const std::string& config_path, const Settings& settings);

/// What to do about all of them.
std::string remedy_for(const sys::Jail& jail);

}  // namespace samhain::server
