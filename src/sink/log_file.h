#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
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

/// Most bytes of lines that wait for a disk that takes nothing; what comes beyond is missed.
inline constexpr std::size_t kMaxPending = 16U << 20;

/// The log file: lines gathered by write(), written and fdatasync(2)ed together by commit().  Mode
/// 0640, locked through `PATH.lock` (flock(2)), path trusted (sys::find_distrust); moved or removed
/// under us (logrotate), it is opened anew.  A batch that does not fit the disk is taken back whole
/// and stays gathered.
class LogFile final : public Sink {
 public:
  struct Settings {
    std::string path;
    report::Layout layout;
    std::vector<uid_t> trusted;
    bool has_lock = true;  ///< false: another lock of the owner's stands for this file
  };
  /// Errors: Busy (locked), Refused (untrusted; the text has message and component), System.
  static Result<std::unique_ptr<LogFile>> open(Settings settings);
  ~LogFile() override;
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  LogFile(LogFile&&) = delete;
  LogFile& operator=(LogFile&&) = delete;

  /// The lines that a failed open() deserves, without the `Service failure` that ends them.
  static std::vector<Report> explain_failure(const Settings& settings, const Error& error,
                                             std::int64_t time_ns);

  std::string_view service() const override { return "logfile"; }
  std::string object() const override { return settings_.path; }
  /// Errors: Limit (kMaxPending lines wait already).
  Result<void> write(const Report& report) override;
  Result<void> flush() override { return commit(); }
  std::vector<Report> explain(const Error& error, std::int64_t time_ns) const override {
    return explain_failure(settings_, error, time_ns);
  }

  /// For the lines to come, after the settings changed; the path stays.
  void adjust(report::Layout layout, std::vector<uid_t> trusted) {
    settings_.layout = std::move(layout);
    settings_.trusted = std::move(trusted);
  }

  std::size_t pending() const { return pending_.size(); }
  /// Until the commit() that follows, the batch stays bound to the file that was announced here,
  /// even if that is moved away meanwhile; write() must wait until then.
  Result<Landing> landing();
  /// Errors: System; nothing of the batch is in the file then, and it is tried again by the next
  /// call.
  Result<void> commit();

  /// Where the file was moved away or removed, opens a new one of its name; each batch begins with
  /// this, too.  Errors: System, Refused.
  Result<void> follow_rotation();

  /// Is what `landing` announced in the file?  If only a part of it is, that part is cut off.  A
  /// file that was moved since is looked for in the same directory.  Call it when the lock is held:
  /// after open(), before the first write().
  static Result<bool> settle(const std::string& path, const Landing& landing);

 private:
  explicit LogFile(Settings settings) : settings_(std::move(settings)) {}
  std::string lock_path() const { return settings_.path + ".lock"; }
  Result<void> lock();
  Result<void> reopen();
  Result<std::uint64_t> end_of_file();
  bool ends_torn() const;  ///< somebody was killed in the middle of a line
  Result<void> write_batch(std::uint64_t offset);

  Settings settings_;
  UniqueFd lock_;
  UniqueFd fd_;
  std::string pending_;
  bool is_announced_ = false;  ///< landing() was asked for this batch
  bool has_tail_ = false;      ///< a failed batch could not be taken back: cut at tail_ first
  std::uint64_t tail_ = 0;
};

}  // namespace samhain::sink
