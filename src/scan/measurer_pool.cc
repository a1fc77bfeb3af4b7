#include "scan/measurer_pool.h"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <deque>
#include <optional>
#include <unordered_set>
#include <utility>

#include "scan/pace.h"
#include "scan/pressure.h"
#include "scan/requests.h"
#include "sys/channel.h"

namespace samhain::scan {
namespace {

/// Orders that one measurer holds: enough that it never waits for the scanner to wake up.
constexpr std::size_t kDepth = 6;
/// The deadline is counted in ticks of the loop, not by the clock, so that a scanner that was
/// itself held up does not take its measurers for dead.
constexpr unsigned kTicksToDeadline = 4;
/// An order that a measurer died over is tried so often before it is given up.
constexpr unsigned kMaxFailures = 3;
/// After so long without a word, what waits behind a measurer's present order goes to an idle one.
constexpr std::chrono::milliseconds kPatience{5};
/// The kernel computes pressure anew every two seconds.
constexpr std::chrono::milliseconds kPressureInterval{1'000};
/// Of its time that a measurer works under pressure: a scan always comes to its end.
constexpr std::uint32_t kPercentUnderPressure = 10;
constexpr std::uint32_t kWholePercent = 100;

unsigned cores() {
  const long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? static_cast<unsigned>(count) : 1;
}

/// An order on its way, and what is known of it so far.
struct Job {
  Request request;
  MeasurerPool::OnAnswer on_answer;
  unsigned failures = 0;
  bool has_begun = false;  ///< a careful order: `begun` is being measured
  std::string begun;       ///< empty: the directory itself is being opened
  /// Names that came in pieces before the last: if the order is tried again, they come again.
  std::unordered_set<std::string> delivered;
};

struct Member {
  std::unique_ptr<sys::Role> role;
  std::deque<std::unique_ptr<Job>> jobs;  ///< the first is under way
  std::uint64_t words = 0;                ///< messages received
  std::uint64_t words_at_look = 0;        ///< when an idle measurer first looked at us
  unsigned silent_ticks = 0;
  bool is_hung = false;  ///< killed by us, for its silence
  bool was_ready = false;

  bool is_up() const { return role->is_ready() && role->channel() != nullptr; }
};

Answer failed_answer(Stage stage, int sys_errno) {
  Answer answer;
  answer.is_last = true;
  answer.failed_stage = stage;
  answer.failed_errno = sys_errno;
  return answer;
}

/// Takes out what came before, when the order was tried for the first time.
void drop_delivered(const Job& job, Answer& answer) {
  if (job.delivered.empty()) return;
  std::erase_if(answer.facts, [&](const FileFacts& f) { return job.delivered.contains(f.name); });
  std::erase_if(answer.rest, [&](const Wanted& w) { return job.delivered.contains(w.name); });
}

void note_delivered(Job& job, const Answer& answer) {
  if (answer.is_last) return;
  for (const FileFacts& facts : answer.facts) job.delivered.insert(facts.name);
  for (const Wanted& wanted : answer.rest) job.delivered.insert(wanted.name);
}

}  // namespace

bool is_absent(Stage stage, int sys_errno) {
  return stage != Stage::None && stage != Stage::Timeout &&
         (sys_errno == ENOENT || sys_errno == ENOTDIR || sys_errno == ELOOP);
}

struct MeasurerPool::State {
  sys::Loop& loop;
  Settings settings;
  std::function<void(std::string_view)> on_ready;
  std::vector<Member> members;
  std::vector<std::unique_ptr<Job>> queue;  ///< last in, first out
  std::uint32_t next_number = 1;
  std::uint64_t drops = 0;  ///< calls of drop_all()
  sys::Loop::Timer tick_timer = 0;
  sys::Loop::Timer look_timer = 0;
  std::string missing_barriers;
  bool has_told_ready = false;
  PaceSetter pace;
  Pressure pressure{0};
  bool is_under_pressure = false;
  sys::Loop::Timer pressure_timer = 0;

  State(sys::Loop& of, PaceSetter setter) : loop(of), pace(std::move(setter)) {}

  Result<void> start_member(std::size_t index);
  void ready(Member& member, std::string_view missing);
  void down(Member& member, const Error& error);
  void settle(Member& member, std::unique_ptr<Job> job);
  void receive(Member& member, std::uint16_t kind, ByteView payload);
  void take_answer(Member& member, ByteView payload);
  void take_begin(Member& member, ByteView payload);
  void take_remark(Member& member, ByteView payload);
  void pass_on(Member& member, Job& job, Answer answer);
  void breach(Member& member, const Error& error);
  void dispatch();
  Member* find_idlest();
  void send(Member& member, std::unique_ptr<Job> job);
  void plan_tick();
  void tick();
  void plan_look();
  void look();
  void take_back(Member& member);
  bool is_busy() const;
  void set_pace();
  void share_pace(Member& member);
  void watch_pressure();
};

Result<void> MeasurerPool::State::start_member(std::size_t index) {
  Member& member = members[index];
  auto role = sys::Role::start(
      loop, {.name = "measurer",
             .rules = rules_for_pool(),
             .set_up =
                 [this] {
                   return encode_set_up({.deadline = settings.deadline,
                                         .drops_cache = settings.drops_cache,
                                         .skip = settings.skip,
                                         .follows_symlinks = settings.follows_symlinks});
                 },
             .on_message = [this, index](std::uint16_t kind, ByteView payload,
                                         auto&) { receive(members[index], kind, payload); },
             .on_ready = [this, index](std::string_view m) { ready(members[index], m); },
             .on_down = [this, index](const Error& e) { down(members[index], e); }});
  if (!role) return role.error();
  member.role = *std::move(role);
  return {};
}

void MeasurerPool::State::ready(Member& member, std::string_view missing) {
  member.was_ready = true;
  member.silent_ticks = 0;
  if (missing_barriers.empty()) missing_barriers = missing;
  share_pace(member);
  const bool are_all = std::ranges::all_of(members, [](const Member& m) { return m.was_ready; });
  if (are_all && !std::exchange(has_told_ready, true) && on_ready) on_ready(missing_barriers);
  dispatch();
}

void MeasurerPool::State::down(Member& member, const Error& error) {
  if (settings.on_trouble) settings.on_trouble(error);
  std::deque<std::unique_ptr<Job>> jobs = std::exchange(member.jobs, {});
  std::unique_ptr<Job> first;
  if (!jobs.empty()) {
    first = std::move(jobs.front());
    jobs.pop_front();
  }
  while (!jobs.empty()) {
    queue.push_back(std::move(jobs.back()));
    jobs.pop_back();
  }
  if (first) settle(member, std::move(first));
  member.is_hung = false;
  member.silent_ticks = 0;
  dispatch();
}

/// What to do with the order that a measurer died over: find out by trying again, carefully, which
/// object it is, then tell of that one and go on without it.
void MeasurerPool::State::settle(Member& member, std::unique_ptr<Job> job) {
  const Stage stage = member.is_hung ? Stage::Timeout : Stage::Read;
  const int sys_errno = member.is_hung ? ETIMEDOUT : EIO;
  const bool is_known = std::exchange(job->has_begun, false);
  if (!is_known && ++job->failures >= kMaxFailures) {
    return job->on_answer(failed_answer(stage, sys_errno));
  }
  if (is_known && job->begun.empty()) return job->on_answer(failed_answer(stage, sys_errno));
  if (is_known) {
    Answer answer;
    FileFacts& facts = answer.facts.emplace_back();
    facts.name = job->begun;
    facts.failed_stage = stage;
    facts.failed_errno = sys_errno;
    job->request.skipped.push_back(job->begun);
    const std::uint64_t drops_before = drops;
    job->on_answer(std::move(answer));
    if (drops != drops_before) return;  // it dropped all orders, this one with them
  }
  job->request.is_careful = true;
  queue.push_back(std::move(job));
}

void MeasurerPool::State::breach(Member& member, const Error& error) {
  if (settings.on_trouble) settings.on_trouble(error.within("measurer", ""));
  member.role->restart();
}

void MeasurerPool::State::receive(Member& member, std::uint16_t kind, ByteView payload) {
  member.silent_ticks = 0;
  ++member.words;
  if (kind == kAnswer) return take_answer(member, payload);
  if (kind == kRemark) return take_remark(member, payload);
  take_begin(member, payload);
}

void MeasurerPool::State::take_begin(Member& member, ByteView payload) {
  auto begin = decode_begin(payload);
  if (!begin) return breach(member, begin.error());
  if (member.jobs.empty() || member.jobs.front()->request.number != begin->number) return;
  Job& job = *member.jobs.front();
  job.has_begun = true;
  job.begun = std::move(begin->name);
}

/// Only about the order under way, and never the last word on it.
void MeasurerPool::State::take_remark(Member& member, ByteView payload) {
  auto got = decode_remark(payload);
  if (!got) return breach(member, got.error());
  if (member.jobs.empty() || member.jobs.front()->request.number != got->number) return;
  Answer answer;
  answer.remarks.push_back(std::move(got->remark));
  pass_on(member, *member.jobs.front(), std::move(answer));
}

/// Out of the job while it is called: it may drop all orders, this one with its callback.
void MeasurerPool::State::pass_on(Member& member, Job& job, Answer answer) {
  const std::uint32_t number = job.request.number;
  OnAnswer call = std::exchange(job.on_answer, {});
  call(std::move(answer));
  const auto still = std::ranges::find_if(member.jobs, [number](const std::unique_ptr<Job>& one) {
    return one->request.number == number;
  });
  if (still != member.jobs.end() && !(*still)->on_answer) (*still)->on_answer = std::move(call);
}

void MeasurerPool::State::take_answer(Member& member, ByteView payload) {
  auto reply = decode_reply(payload);
  if (!reply) return breach(member, reply.error());
  // An order that was dropped or taken back meanwhile is answered all the same: nobody listens.
  const auto is_it = [&](const std::unique_ptr<Job>& job) {
    return job->request.number == reply->number;
  };
  const auto found = std::ranges::find_if(member.jobs, is_it);
  if (found == member.jobs.end()) return;
  Job& job = **found;
  Answer& answer = reply->answer;
  const Order& order = job.request.order;
  if (!order.lists && answer.rest.size() >= order.names.size() && !answer.rest.empty()) {
    return breach(member, Error{Error::Kind::Refused, "left more names than it was given"});
  }
  drop_delivered(job, answer);
  note_delivered(job, answer);

  if (answer.is_last) {
    const std::unique_ptr<Job> done = std::move(*found);
    member.jobs.erase(found);
    done->on_answer(std::move(answer));
    dispatch();
    plan_look();
    return;
  }
  pass_on(member, job, std::move(answer));
}

Member* MeasurerPool::State::find_idlest() {
  Member* idlest = nullptr;
  for (Member& member : members) {
    if (!member.is_up() || member.is_hung || member.jobs.size() >= kDepth) continue;
    if (idlest == nullptr || member.jobs.size() < idlest->jobs.size()) idlest = &member;
  }
  return idlest;
}

void MeasurerPool::State::dispatch() {
  while (!queue.empty()) {
    Member* member = find_idlest();
    if (member == nullptr) break;
    std::unique_ptr<Job> job = std::move(queue.back());
    queue.pop_back();
    send(*member, std::move(job));
  }
  set_pace();
  watch_pressure();
  plan_tick();
}

void MeasurerPool::State::send(Member& member, std::unique_ptr<Job> job) {
  job->request.number = next_number++;
  if (member.jobs.empty()) member.silent_ticks = 0;
  member.role->channel()->send(kOrder, encode(job->request));
  member.jobs.push_back(std::move(job));
}

bool MeasurerPool::State::is_busy() const {
  return std::ranges::any_of(members, [](const Member& member) { return !member.jobs.empty(); });
}

/// Each gets the same share, however few of them have something to do.
void MeasurerPool::State::set_pace() {
  std::uint64_t share = settings.limits.bytes_per_second;
  if (share != 0) {
    const auto busy =
        std::ranges::count_if(members, [](const Member& member) { return !member.jobs.empty(); });
    share = std::max<std::uint64_t>(share / static_cast<std::uint64_t>(std::max<long>(busy, 1)), 1);
  }
  pace.set(share, is_under_pressure ? kPercentUnderPressure : kWholePercent);
}

void MeasurerPool::State::share_pace(Member& member) {
  auto page = pace.share();
  if (!page) return breach(member, page.error());
  std::vector<UniqueFd> descriptors;
  descriptors.push_back(*std::move(page));
  member.role->channel()->send(kPace, {}, std::move(descriptors));
}

/// While there is something to measure.
void MeasurerPool::State::watch_pressure() {
  if (!pressure.is_watched() || pressure_timer != 0 || !is_busy()) return;
  is_under_pressure = pressure.is_high();
  set_pace();
  pressure_timer = loop.after(kPressureInterval, [this] {
    pressure_timer = 0;
    watch_pressure();
  });
}

void MeasurerPool::State::plan_tick() {
  if (tick_timer != 0 || !is_busy()) return;
  const auto interval = std::chrono::milliseconds(settings.deadline) / kTicksToDeadline;
  tick_timer = loop.after(interval, [this] {
    tick_timer = 0;
    tick();
  });
}

void MeasurerPool::State::tick() {
  for (Member& member : members) {
    if (member.jobs.empty() || member.is_hung || !member.is_up()) continue;
    if (++member.silent_ticks <= kTicksToDeadline) continue;
    member.is_hung = true;
    member.role->restart();  // down() comes when it is dead or left behind
  }
  plan_tick();
}

/// Somebody has nothing to do: look again soon whether others hold back work behind a long order.
void MeasurerPool::State::plan_look() {
  const auto is_idle = [](const Member& m) { return m.is_up() && m.jobs.empty(); };
  const auto has_more = [](const Member& m) { return m.jobs.size() > 1; };
  if (look_timer != 0 || !queue.empty() || std::ranges::none_of(members, is_idle) ||
      std::ranges::none_of(members, has_more)) {
    return;
  }
  for (Member& member : members) member.words_at_look = member.words;
  look_timer = loop.after(kPatience, [this] {
    look_timer = 0;
    look();
  });
}

void MeasurerPool::State::look() {
  const bool is_idle =
      std::ranges::any_of(members, [](const Member& m) { return m.is_up() && m.jobs.empty(); });
  for (Member& member : members) {
    if (!is_idle || member.words != member.words_at_look || member.jobs.size() < 2) continue;
    take_back(member);
  }
  dispatch();
  plan_look();
}

void MeasurerPool::State::take_back(Member& member) {
  while (member.jobs.size() > 1) {
    std::unique_ptr<Job> job = std::move(member.jobs.back());
    member.jobs.pop_back();
    sys::Channel* channel = member.role->channel();
    if (channel != nullptr) channel->send(kCancel, encode_begin(job->request.number, ""));
    queue.push_back(std::move(job));
  }
}

MeasurerPool::MeasurerPool(std::unique_ptr<State> state) : state_(std::move(state)) {}

MeasurerPool::~MeasurerPool() {
  state_->loop.cancel(state_->tick_timer);
  state_->loop.cancel(state_->look_timer);
  state_->loop.cancel(state_->pressure_timer);
  // All at once: each that hangs in the kernel would be waited for.
  for (Member& member : state_->members) member.role->restart();
}

Result<std::unique_ptr<MeasurerPool>> MeasurerPool::start(
    sys::Loop& loop, Settings settings, std::function<void(std::string_view)> on_ready) {
  auto pace = PaceSetter::create();
  if (!pace) return pace.error();
  auto state = std::make_unique<State>(loop, *std::move(pace));
  state->settings = std::move(settings);
  state->pressure = Pressure(state->settings.limits.pressure_percent);
  state->on_ready = std::move(on_ready);
  const unsigned count = state->settings.count != 0 ? state->settings.count : cores();
  state->members.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (auto done = state->start_member(i); !done) return done.error();
  }
  return std::unique_ptr<MeasurerPool>(new MeasurerPool(std::move(state)));
}

bool MeasurerPool::is_ready() const {
  return std::ranges::all_of(state_->members, [](const Member& member) { return member.is_up(); });
}

void MeasurerPool::limit(Limits limits) {
  state_->settings.limits = limits;
  state_->pressure = Pressure(limits.pressure_percent);
  state_->is_under_pressure = false;
  state_->set_pace();
  state_->watch_pressure();
}

void MeasurerPool::submit(Order order, OnAnswer on_answer) {
  assert(order.names.size() <= kMaxNames);  // so that it fits a message
  auto job = std::make_unique<Job>();
  job->request.order = std::move(order);
  job->on_answer = std::move(on_answer);
  state_->queue.push_back(std::move(job));
  state_->dispatch();
}

std::size_t MeasurerPool::outstanding() const {
  std::size_t count = state_->queue.size();
  for (const Member& member : state_->members) count += member.jobs.size();
  return count;
}

void MeasurerPool::forget_directories() {
  for (Member& member : state_->members) {
    if (member.is_up()) member.role->channel()->send(kForget, {});
  }
}

void MeasurerPool::drop_all() {
  ++state_->drops;
  state_->queue.clear();
  for (Member& member : state_->members) {
    // The one under way stays in its place, so that a hang is still noticed, but nobody listens.
    state_->take_back(member);
    if (!member.jobs.empty()) member.jobs.front()->on_answer = [](Answer&&) {};
  }
  state_->queue.clear();
}

std::chrono::seconds MeasurerPool::deadline() const { return state_->settings.deadline; }

std::vector<pid_t> MeasurerPool::pids() const {
  std::vector<pid_t> pids;
  for (const Member& member : state_->members) {
    if (member.role->pid() != 0) pids.push_back(member.role->pid());
  }
  return pids;
}

}  // namespace samhain::scan
