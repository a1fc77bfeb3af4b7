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
  /// `deadline`: for reading one file, see Measure.
  Worker(Output output, std::chrono::milliseconds deadline);

  /// The content of these is not read from now on.
  void skip(policy::Skipper skipper);

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
  void before_content(std::uint64_t size);
  void on_progress(std::size_t bytes);
  void send_piece(bool is_last);
  void say_if_silent();
  void fail(int sys_errno);

  Output output_;
  DirectoryChain chain_;
  Listing listing_;
  Measure measure_;
  ReplyWriter reply_;
  policy::Skipper skipper_;
  std::string head_;  ///< of the file that is asked about

  // Of the order under way.
  Request request_;
  std::size_t next_name_ = 0;
  std::size_t objects_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t unsaid_bytes_ = 0;
  bool has_left_rest_ = false;
  Stage failed_stage_ = Stage::None;
  int failed_errno_ = 0;
  std::chrono::steady_clock::time_point last_said_;
};

}  // namespace samhain::scan
