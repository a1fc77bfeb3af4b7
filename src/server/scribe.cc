#include "server/scribe.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/codec.h"
#include "server/client_table_file.h"
#include "sys/file.h"

namespace samhain::server {
namespace {

constexpr std::chrono::seconds kPageInterval{2};
constexpr std::chrono::seconds kTableInterval{4};
/// Writing takes at most one part in so many of a processor's time.
constexpr int kShare = 10;
constexpr std::chrono::seconds kPatience{5};
constexpr mode_t kPageMode = 0640;
constexpr mode_t kTableMode = 0600;

/// 0, or the errno of what kept it from being written.
std::int32_t write_file(const std::string& path, ByteView bytes, mode_t mode) {
  const auto written = sys::write_file_atomically(path, bytes, mode);
  if (written) return 0;
  return written.error().sys_errno != 0 ? written.error().sys_errno : EIO;
}

bool has_same_connections(const PageHead& a, const PageHead& b) {
  return a.open == b.open && a.total == b.total && a.maximum == b.maximum;
}

}  // namespace

Scribe::Scribe(Parts parts, const Paths& paths)
    : parts_(std::move(parts)),
      paths_(paths),
      templates_(std::make_unique<PageTemplates>(paths.templates)) {}

Scribe::~Scribe() {
  if (under_way_.result) (void)sys::collect(std::move(under_way_), kPatience);
}

void Scribe::start() {
  is_started_ = true;
  tick();
}

void Scribe::adjust(const Paths& paths) {
  if (paths.templates != paths_.templates) {
    templates_ = std::make_unique<PageTemplates>(paths.templates);
  }
  if (paths.page != paths_.page) page_ = {};
  paths_ = paths;
}

void Scribe::tick() {
  parts_.loop.after(kPageInterval, [this] { tick(); });
  const Time now = parts_.clock.steady();
  if (under_way_.result || now < not_before_) return;
  const PageHead head = parts_.head();
  page_.is_wanted = wants_page(now, head);
  table_.is_wanted = wants_table(now);
  if (page_.is_wanted) tell_templates();
  if (page_.is_wanted || table_.is_wanted) write(head);
}

/// Something is new, or a browser that asks again would think that the server stands still.
bool Scribe::wants_page(Time now, const PageHead& head) const {
  if (paths_.page.empty()) return false;
  return page_.written != parts_.roster.revision() || !has_same_connections(shown_, head) ||
         now - page_.written_at >= std::chrono::seconds{kPageRefreshSeconds};
}

bool Scribe::wants_table(Time now) const {
  return table_.written != parts_.roster.revision() && now - table_.written_at >= kTableInterval &&
         parts_.may_keep_table();
}

void Scribe::write(const PageHead& head) {
  begun_at_ = parts_.clock.steady();
  begun_revision_ = parts_.roster.revision();
  shown_ = head;
  auto forked = sys::fork_work([this] {
    base::Writer outcome;
    const std::string page =
        page_.is_wanted ? render_page(parts_.roster, shown_, *templates_) : std::string{};
    outcome.number(page_.is_wanted ? write_file(paths_.page, as_bytes(page), kPageMode) : 0);
    outcome.number(table_.is_wanted
                       ? write_file(paths_.table, encode_client_table(parts_.roster), kTableMode)
                       : 0);
    return outcome.take();
  });
  if (!forked) return judge(forked.error().sys_errno, forked.error().sys_errno);
  under_way_ = std::move(*forked);
  const int fd = under_way_.result.get();
  auto watched = parts_.loop.watch(fd, EPOLLIN, [this](std::uint32_t) { take_outcome(); });
  if (!watched) take_outcome();
}

void Scribe::take_outcome() {
  parts_.loop.forget(under_way_.result.get());
  const Bytes bytes = sys::collect(std::exchange(under_way_, {}), kPatience);
  base::Reader outcome(bytes);
  const auto page_error = outcome.number<std::int32_t>();
  const auto table_error = outcome.number<std::int32_t>();
  const bool has_died = !outcome.is_complete();
  judge(has_died ? EIO : page_error, has_died ? EIO : table_error);
}

void Scribe::judge(std::int32_t page_error, std::int32_t table_error) {
  const Time now = parts_.clock.steady();
  not_before_ = begun_at_ + (now - begun_at_) * kShare;
  for (auto [work, error] : {std::pair{&page_, page_error}, std::pair{&table_, table_error}}) {
    if (!work->is_wanted) continue;
    work->written_at = now;
    work->written = error == 0 ? begun_revision_ : 0;
    const std::string& path = work == &page_ ? paths_.page : paths_.table;
    if (error == 0) {
      if (std::exchange(work->has_failed, false)) {
        parts_.notices.tell(report::kFileWrittenAgain, {{"path", path}});
      }
      continue;
    }
    if (std::exchange(work->has_failed, true)) continue;
    parts_.notices.tell(report::kFileNotAccessible,
                        {{"userid", std::to_string(geteuid())}, {"path", path}});
    parts_.notices.tell(work == &page_ ? report::kHtmlStatusFailed : report::kClientTableFailed);
  }
}

void Scribe::tell_templates() {
  for (auto& [path, reason] : templates_->refresh()) {
    parts_.notices.tell(report::kTemplateNotUsed,
                        {{"path", std::move(path)}, {"reason", std::move(reason)}});
  }
}

/// There is no time for a copy, and nobody waits for us any more.
void Scribe::finish() {
  if (!std::exchange(is_started_, false)) return;
  if (under_way_.result) take_outcome();
  page_.is_wanted = !paths_.page.empty();
  table_.is_wanted = parts_.may_keep_table();
  begun_revision_ = parts_.roster.revision();
  const std::string page = render_ended_page(parts_.head(), *templates_);
  judge(page_.is_wanted ? write_file(paths_.page, as_bytes(page), kPageMode) : 0,
        table_.is_wanted ? write_file(paths_.table, encode_client_table(parts_.roster), kTableMode)
                         : 0);
}

}  // namespace samhain::server
