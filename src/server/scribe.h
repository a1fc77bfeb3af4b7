#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "server/notices.h"
#include "server/page_templates.h"
#include "server/roster.h"
#include "server/status_page.h"
#include "sys/forked.h"
#include "sys/loop.h"

namespace samhain::server {

/// Writes down what the keeper shows and remembers: the status page and the client table.  A copy
/// of the process does it, so that a hundred thousand clients, or a disk that takes its time, keep
/// no report waiting.
class Scribe {
 public:
  struct Parts {
    sys::Loop& loop;
    const base::Clock& clock;
    const Roster& roster;
    Notices& notices;
    std::function<PageHead()> head;
    std::function<bool()> may_keep_table;  ///< not where the log beside it cannot be written
  };
  struct Paths {
    std::string table;
    std::string page;       ///< empty: none
    std::string templates;  ///< their directory
  };
  Scribe(Parts parts, const Paths& paths);
  ~Scribe();
  Scribe(const Scribe&) = delete;
  Scribe& operator=(const Scribe&) = delete;

  /// Writes now, and from now on whenever there is something new.
  void start();
  /// The configuration was read again.
  void adjust(const Paths& paths);
  /// The last words: the table as it is, and a page without clients.
  void finish();

 private:
  using Time = std::chrono::steady_clock::time_point;
  /// One of the two files.
  struct Work {
    bool is_wanted = false;     ///< in the writing under way
    bool has_failed = false;    ///< and it was told
    std::uint64_t written = 0;  ///< the revision that it shows
    Time written_at{};
  };
  void tick();
  bool wants_page(Time now, const PageHead& head) const;
  bool wants_table(Time now) const;
  void write(const PageHead& head);
  void take_outcome();
  void judge(std::int32_t page_error, std::int32_t table_error);
  void tell_templates();
  Parts parts_;
  Paths paths_;
  std::unique_ptr<PageTemplates> templates_;
  Work page_;
  Work table_;
  PageHead shown_;
  sys::Forked under_way_;
  Time begun_at_{};
  Time not_before_{};  ///< the next writing
  std::uint64_t begun_revision_ = 0;
  bool is_started_ = false;
};

}  // namespace samhain::server
