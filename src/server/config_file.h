#pragma once

#include <optional>
#include <string>
#include <vector>

#include "samhain/report.h"
#include "server/settings.h"

namespace samhain::server {

/// A configuration as it was read from its file.
struct ConfigFile {
  std::string path;
  std::string digest;  ///< SHA-256 of the file, hex
  Loaded loaded;
};

/// What is needed to read one, at start and again at SIGHUP.
struct ConfigSource {
  std::string path;
  std::string host_name;      ///< for conditionals
  std::vector<uid_t> owners;  ///< may own the file and its directories, besides root and ourselves
  Defaults defaults;
};

/// Why a configuration could not be used at all, in words for people and in lines for the log.
struct ConfigFailure {
  std::string reason;
  std::vector<Report> lines;  ///< at start
};

/// First may the file be believed, then what does it say: it can name commands to run.
/// Sets `failure` and returns nothing where it must not or cannot be read.
std::optional<ConfigFile> read_config(const ConfigSource& source, std::int64_t now_ns,
                                      ConfigFailure& failure);

/// A wrong line as a report: the original's message, then what explains it.
Report report_of(const config::Problem& problem, const std::string& config_path,
                 std::int64_t now_ns);

}  // namespace samhain::server
