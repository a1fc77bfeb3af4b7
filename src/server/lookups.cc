#include "server/lookups.h"

#include <algorithm>
#include <utility>

#include "base/codec.h"

namespace samhain::server {

void Lookups::open(RoleGroup& resolvers) {
  resolvers_ = &resolvers;
  workers_ = std::vector<Worker>(resolvers.size());
}

void Lookups::judge(const std::string& address, bool is_known, OnVerdict on_verdict) {
  auto question = std::make_unique<Question>();
  question->address = address;
  question->is_judged = true;
  question->on_verdict = std::move(on_verdict);
  enqueue(is_known ? to_judge_known_ : to_judge_, std::move(question));
}

void Lookups::find_names(const std::string& address, const std::string& claim, OnNames on_names) {
  const auto cached = cache_.find(key_of(address, claim));
  if (cached != cache_.end() && clock_.steady() < cached->second.until) {
    const NameFacts facts = cached->second.facts;
    return on_names(facts);
  }
  if (join_waiting(address, claim, on_names)) return;
  auto question = std::make_unique<Question>();
  question->address = address;
  question->claim = claim;
  question->on_names.push_back(std::move(on_names));
  enqueue(to_look_up_, std::move(question));
}

std::string Lookups::key_of(const std::string& address, const std::string& claim) {
  return address + ' ' + claim;
}

bool Lookups::join_waiting(const std::string& address, const std::string& claim,
                           OnNames& on_names) {
  const auto is_same = [&](const std::unique_ptr<Question>& question) {
    return question && !question->is_judged && question->address == address &&
           question->claim == claim;
  };
  Question* same = nullptr;
  for (const Worker& worker : workers_) {
    if (worker.is_late || worker.asked.empty()) continue;
    if (is_same(worker.asked.front())) same = worker.asked.front().get();
  }
  const auto waiting = std::find_if(to_look_up_.begin(), to_look_up_.end(), is_same);
  if (waiting != to_look_up_.end()) same = waiting->get();
  if (same == nullptr) return false;
  same->on_names.push_back(std::move(on_names));
  return true;
}

void Lookups::enqueue(Queue& queue, std::unique_ptr<Question> question) {
  if (queue.size() >= kMaxWaiting) {
    const auto oldest = std::move(queue.front());
    queue.pop_front();
    answer_unknown(*oldest);
  }
  question->since = clock_.steady();
  queue.push_back(std::move(question));
  // To the one with the least to do.
  std::size_t chosen = workers_.size();
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (&queue_of(i) != &queue || !has_room(i)) continue;
    if (chosen == workers_.size() || workers_[i].asked.size() < workers_[chosen].asked.size()) {
      chosen = i;
    }
  }
  if (chosen < workers_.size()) ask_next(chosen);
}

void Lookups::ask_next(std::size_t resolver) {
  Worker& worker = workers_[resolver];
  Queue& queue = queue_of(resolver);
  expire(queue);
  while (!queue.empty() && has_room(resolver)) {
    queue.back()->number = ++last_number_;
    if (!ask(resolver, *queue.back())) return;  // down: on_ready() comes back to it
    worker.asked.push_back(std::move(queue.back()));
    queue.pop_back();
    if (worker.asked.size() == 1) set_timer(resolver);
  }
}

void Lookups::set_timer(std::size_t resolver) {
  Worker& worker = workers_[resolver];
  loop_.cancel(worker.timer);
  worker.timer = 0;
  if (worker.asked.empty()) return;
  worker.timer = loop_.after(patience_, [this, resolver] { on_late(resolver); });
}

/// Who waited this long behind others is answered, too: behind a dead DNS server the queue is long.
void Lookups::expire(Queue& queue) {
  const auto now = clock_.steady();
  while (!queue.empty() && now - queue.front()->since > 2 * patience_) {
    const auto question = std::move(queue.front());
    queue.pop_front();
    answer_unknown(*question);
  }
}

bool Lookups::ask(std::size_t resolver, const Question& question) {
  if (!question.is_judged) {
    return resolvers_->send(resolver, kLookUp,
                            encode(LookUp{question.number, question.address, question.claim}));
  }
  base::Writer writer;
  writer.number(question.number).text(question.address);
  return resolvers_->send(resolver, kJudge, writer.view());
}

void Lookups::on_late(std::size_t resolver) {
  Worker& worker = workers_[resolver];
  worker.timer = 0;
  if (worker.is_late) return resolvers_->replace(resolver);  // stuck; its end comes to on_down()
  worker.is_late = true;
  worker.timer = loop_.after(patience_, [this, resolver] { on_late(resolver); });
  const Question& first = *worker.asked.front();
  const bool is_known = cache_.contains(key_of(first.address, first.claim));
  if (!first.is_judged && !is_known) remember(first, {});
  release(resolver);
  ask_others(resolver);
}

/// Nobody waits for this resolver any more: what it is at work on is unknown, and what it was only
/// asked ahead another one will tell.
void Lookups::release(std::size_t resolver) {
  Queue& asked = workers_[resolver].asked;
  Queue& queue = queue_of(resolver);
  std::vector<std::unique_ptr<Question>> waited_for;
  for (const auto& question : asked) {
    if (!question->on_verdict && question->on_names.empty()) continue;
    auto moved = std::make_unique<Question>(*question);
    question->on_verdict = {};
    question->on_names.clear();
    waited_for.push_back(std::move(moved));
  }
  for (std::size_t i = waited_for.size(); i > 1; --i) queue.push_back(std::move(waited_for[i - 1]));
  if (!waited_for.empty()) answer_unknown(*waited_for.front());
}

bool Lookups::take(std::size_t resolver, std::uint16_t kind, ByteView payload) {
  if (kind == kVerdict) {
    base::Reader reader(payload);
    const auto number = reader.number<std::uint64_t>();
    const bool is_allowed = reader.number<std::uint8_t>() != 0;
    const auto question = take_question(resolver, number);
    if (!reader.is_complete() || !question || !question->is_judged) return false;
    if (question->on_verdict) question->on_verdict(is_allowed);
  } else {
    const auto names = decode_names(payload);
    if (!names) return false;
    const auto question = take_question(resolver, names->request);
    if (!question || question->is_judged) return false;
    // That DNS gave up, too late for anybody, is no reason to forget a name.
    if (!question->on_names.empty() || names->facts.peer_confirmed) {
      remember(*question, names->facts);
    }
    answer(*question, names->facts);
  }
  ask_next(resolver);
  return true;
}

void Lookups::on_down(std::size_t resolver) {
  release(resolver);
  workers_[resolver].asked.clear();
  workers_[resolver].is_late = false;
  set_timer(resolver);
  ask_others(resolver);
}

void Lookups::ask_others(std::size_t resolver) {
  Queue& queue = queue_of(resolver);
  expire(queue);
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (i != resolver && &queue_of(i) == &queue) ask_next(i);
  }
}

std::unique_ptr<Lookups::Question> Lookups::take_question(std::size_t resolver,
                                                          std::uint64_t number) {
  Queue& asked = workers_[resolver].asked;
  if (asked.empty() || asked.front()->number != number) return nullptr;
  auto question = std::move(asked.front());
  asked.pop_front();
  // Of those behind it that were let go nobody waits for the answers either.
  if (asked.empty()) workers_[resolver].is_late = false;
  set_timer(resolver);
  return question;
}

void Lookups::answer(const Question& question, const NameFacts& facts) {
  for (const OnNames& on_names : question.on_names) on_names(facts);
}

void Lookups::answer_unknown(const Question& question) {
  if (question.on_verdict) return question.on_verdict(false);
  const auto known = cache_.find(key_of(question.address, question.claim));
  const bool stands_in = known != cache_.end() && known->second.facts.peer_confirmed &&
                         clock_.steady() < known->second.until + kLifeOfStale;
  const NameFacts facts = stands_in ? known->second.facts : NameFacts{};
  answer(question, facts);
}

void Lookups::remember(const Question& question, const NameFacts& facts) {
  const auto now = clock_.steady();
  if (cache_.size() >= kMaxCached) {
    std::erase_if(cache_, [](const auto& entry) { return !entry.second.facts.peer_confirmed; });
    if (cache_.size() >= kMaxCached) cache_.clear();
  }
  const auto life = facts.peer_confirmed ? kLifeOfGood : kLifeOfBad;
  cache_.insert_or_assign(key_of(question.address, question.claim), Cached{facts, now + life});
}

}  // namespace samhain::server
