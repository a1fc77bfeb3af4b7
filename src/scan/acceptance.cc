#include "scan/acceptance.h"

#include <sys/stat.h>

#include <memory>
#include <utility>

#include "policy/attributes.h"
#include "scan/paths.h"

namespace samhain::scan {
namespace {

using baseline::Digests;
using baseline::Entry;
using policy::Attribute;
using policy::AttributeSet;

bool can_be_made(DigestKind kind) {
  return kind != DigestKind::None && kind != DigestKind::Tiger192;
}

/// `now`, and of `known` what could not be measured this time.
Entry completed(const Entry& known, Entry now) {
  const FileFacts& old = known.facts;
  FileFacts& fresh = now.facts;
  if ((old.mode & S_IFMT) != (fresh.mode & S_IFMT)) return now;  // nothing of it fits
  switch (fresh.failed_stage) {
    case Stage::Readlink:
      fresh.target = old.target;
      break;
    case Stage::Open:
      fresh.flags = old.flags;
      fresh.extended = old.extended;
      [[fallthrough]];
    case Stage::Read:
    case Stage::Timeout:
    case Stage::Unstable:
      fresh.digest = old.digest;
      fresh.second_digest = old.second_digest;
      // Of a log that grows as many bytes are compared as it had.
      if (AttributeSet(now.attributes).has(Attribute::Growing)) fresh.size = old.size;
      break;
    case Stage::None:
    case Stage::Lstat:
    case Stage::Opendir:
      break;
  }
  return now;
}

}  // namespace

DigestPlan keep_digests(Digests old) {
  DigestPlan plan{.measured = old, .written = old, .is_change = false};
  // What the original digested with TIGER cannot be compared: entries are accepted by another.
  if (!can_be_made(old.first)) plan.measured.first = DigestKind::Sha256;
  if (!can_be_made(old.second)) plan.measured.second = DigestKind::None;
  return plan;
}

std::optional<DigestPlan> plan_digests(Digests old, Digests wanted) {
  if (old == wanted || !can_be_made(old.first)) {
    return DigestPlan{.measured = wanted, .written = wanted, .is_change = old != wanted};
  }
  DigestPlan plan{.measured = {.first = old.first, .second = DigestKind::None},
                  .written = wanted,
                  .is_change = true};
  for (const DigestKind kind : {wanted.first, wanted.second}) {
    if (kind == DigestKind::None || kind == old.first) continue;
    if (plan.measured.second != DigestKind::None) return std::nullopt;
    plan.measured.second = kind;
  }
  return plan;
}

void Acceptance::take_added(std::string_view directory, const Entry& now, bool is_told) {
  take({.change = {join(directory, now.facts.name), std::string{kAddedWord}},
        .directory = std::string{directory},
        .known = std::nullopt,
        .now = now},
       is_told);
}

void Acceptance::take_changed(std::string_view directory, const Entry& known, const Entry& now,
                              std::string_view change) {
  take({.change = {join(directory, now.facts.name), std::string{change}},
        .directory = std::string{directory},
        .known = known,
        .now = now},
       true);
}

void Acceptance::take_missing(std::string_view directory, const Entry& known, bool is_told) {
  take({.change = {join(directory, known.facts.name), std::string{kMissingWord}},
        .directory = std::string{directory},
        .known = known,
        .now = std::nullopt},
       is_told);
}

void Acceptance::take(Question question, bool is_told) {
  const Choice choice = how_.choose(question.change.path);
  if (choice == Choice::Ask && is_told) {
    questions_.push_back(std::move(question));
    return;
  }
  answer(question, choice != Choice::Keep);
}

void Acceptance::answer(const Question& question, bool is_accepted) {
  if (!is_accepted) {
    if (question.known) keep(question.directory, *question.known);
    return;
  }
  if (question.now) {
    write(question.directory,
          question.known ? completed(*question.known, *question.now) : *question.now);
  }
  note(question.change);
}

void Acceptance::take_unchanged(std::string_view directory, const Entry& known, const Entry& now) {
  // In an update of some paths the others keep what they have, to the letter.
  const bool is_renewed =
      how_.renews_unchanged || how_.choose(join(directory, known.facts.name)) == Choice::Accept;
  if (!is_renewed) return keep(directory, known);
  write(directory, completed(known, now));
}

void Acceptance::keep(std::string_view directory, const Entry& known) { write(directory, known); }

void Acceptance::note(AcceptedChange change) {
  ++accepted_count_;
  if (accepted_.size() < baseline::kMaxApprovals) accepted_.push_back(std::move(change));
}

/// Of the digests that it has, those of the new baseline's kinds.  One of another kind would never
/// be compared again: an entry without one is told by the next check that can read the file.
void Acceptance::arrange_digests(FileFacts& facts) const {
  const auto of_kind = [&facts](DigestKind kind) {
    if (kind != DigestKind::None && facts.digest.kind == kind) return facts.digest;
    if (kind != DigestKind::None && facts.second_digest.kind == kind) return facts.second_digest;
    return ContentDigest{};
  };
  const ContentDigest first = of_kind(how_.digests.written.first);
  facts.second_digest = of_kind(how_.digests.written.second);
  facts.digest = first;
}

void Acceptance::write(std::string_view directory, Entry entry) {
  if (!status_) return;
  if (how_.digests.is_change) arrange_digests(entry.facts);
  status_ = writer_.add(directory, std::move(entry));
}

}  // namespace samhain::scan
