#pragma once

#include <sys/types.h>

#include <span>
#include <string>

#include "agent/options.h"

namespace samhain::agent {

/// `samhain -d`: prints the baseline at `path`, or what `options` choose of it, on stdout or, as a
/// baseline, into a file; why not, on stderr, in the words of the original.  `trusted`: who besides
/// root and ourselves may write the directories on the way to it.  The exit status.
int list_baseline(const std::string& path, std::span<const uid_t> trusted, const Options& options);

}  // namespace samhain::agent
