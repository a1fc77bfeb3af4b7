#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "policy/skip.h"
#include "samhain/bytes.h"
#include "scan/directory_chain.h"
#include "scan/listing.h"
#include "scan/measure.h"
#include "scan/pace.h"
#include "scan/requests.h"

namespace samhain::scan {

/// Carries out orders one after the other, inside a measurer, and says what comes out of them.
///
/// One order is enough after 16 MiB of reading or kMaxNames objects: the names that are left go
/// back before the file that would exceed this is read, so that every core has work in a directory
/// of few big files and in one of very many small ones.
class Worker {
 public:
  struct Output {
    std::function<void(std::uint16_t kind, ByteView payload)> send;  ///< may wait with it
    std::function<void()> flush;                                     ///< and this ends the waiting
  };
  struct Patience {
    std::chrono::milliseconds deadline{120'000};  ///< for reading one file, see Measure
    std::chrono::milliseconds opening{6'000};  ///< finding and opening one: longer is remarked on
  };
  /// `drops_cache`: see Measure.
  Worker(Output output, Patience patience, bool drops_cache = false);

  /// The limits to keep from now on.
  void keep(Pace pace) { pace_ = std::move(pace); }

  /// The content of these is not read from now on.
  void skip(policy::Skipper skipper);
  /// Symlinks are remarked on if they lead nowhere, which takes a system call each, from now on.
  void follow_symlinks() { follows_symlinks_ = true; }

  /// Everything that is said of this order is given to `send` when it returns; `flush` was called
  /// whenever the scanner would have heard nothing for a tenth of a second.
  void perform(Request request);

  /// Closes the directories that are kept open, or their file systems could not be unmounted.
  void rest() { chain_.clear(); }

 private:
  bool next(Wanted& wanted);
  bool next_listed(Wanted& wanted);
  bool is_skipped(std::string_view name) const;
  void say_begin(std::string_view name);
  void measure_all(int directory);
  void leave(const Wanted& wanted);
  void leave_rest();
  bool skips(int fd, const FileFacts& facts);
  void measure_next(int directory, const Wanted& wanted, FileFacts& facts);
  void note_opened();
  void look_behind(int directory, const FileFacts& facts);
  void remark(const Remark& remark);
  void before_content(std::uint64_t size);
  std::chrono::nanoseconds on_progress(std::size_t bytes);
  std::chrono::nanoseconds keep_pace(std::size_t bytes);
  void send_piece(bool is_last);
  void say_if_silent();
  void fail(int sys_errno);

  Output output_;
  const std::chrono::milliseconds opening_patience_;
  bool follows_symlinks_ = false;
  DirectoryChain chain_;
  Listing listing_;
  Measure measure_;
  Pace pace_;
  ReplyWriter reply_;
  policy::Skipper skipper_;
  Bytes head_;  ///< of the file that is asked about

  // Of the order under way.
  Request request_;
  std::size_t next_name_ = 0;
  std::size_t objects_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t unsaid_bytes_ = 0;
  bool has_left_rest_ = false;
  std::int64_t object_began_ms_ = 0;
  std::string_view object_;  ///< the name under way
  bool is_opened_ = false;
  Stage failed_stage_ = Stage::None;
  int failed_errno_ = 0;
  std::chrono::steady_clock::time_point last_said_;
};

}  // namespace samhain::scan
