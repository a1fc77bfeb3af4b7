#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "report/form.h"
#include "samhain/facts.h"
#include "samhain/handle.h"
#include "samhain/result.h"
#include "sink/dispatcher.h"

namespace samhain::sink {

/// Where the lines gathered so far will stand: what the server's ledger writes down beforehand.
struct Landing {
  dev_t device = 0;
  ino_t inode = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  Digest digest{};  ///< SHA-256 of these bytes
};

/// The log file: lines gathered by write(), written and fdatasync(2)ed together by commit().  Mode
/// 0640, locked through `PATH.lock` (flock(2)), path trusted (sys::find_distrust); moved or removed
/// under us (logrotate), it is opened anew.  A batch that does not fit the disk is taken back whole and
/// stays gathered.
class LogFile final : public Sink {
 public:
  struct Settings {
    std::string path;
    report::Form form = report::Form::Guide;
    std::vector<uid_t> trusted;
  };
  /// Errors: Busy (locked), Refused (untrusted; the text has message and component), System.
  static Result<std::unique_ptr<LogFile>> open(Settings settings);

  std::string_view service() const override { return "logfile"; }
  std::string object() const override { return settings_.path; }
  Result<void> write(const Report& report) override;
  Result<void> flush() override { return commit(); }

  std::size_t pending() const { return pending_.size(); }
  Result<Landing> landing();
  /// Errors: System; nothing of the batch is in the file then, and it is tried again by the next call.
  Result<void> commit();

  /// Is what `landing` announced in the file?  If only a part of it is, that part is cut off.
  static Result<bool> settle(const std::string& path, const Landing& landing);

 private:
  explicit LogFile(Settings settings) : settings_(std::move(settings)) {}
  Result<void> reopen();
  Result<void> follow_rotation();
  Settings settings_;
  UniqueFd lock_;
  UniqueFd fd_;
  std::string pending_;
};

}  // namespace samhain::sink
