#include "server/chores.h"

#include <utility>

namespace samhain::server {

Chores::~Chores() { loop_.cancel(soon_); }

void Chores::add(Slice slice) {
  slices_.push_back(std::move(slice));
  if (soon_ == 0) {
    soon_ = loop_.soon([this] { next(); });
  }
}

void Chores::next() {
  const Slice slice = std::move(slices_.front());
  slices_.pop_front();
  // Set while the slice runs: one that adds a chore finds that we are awake.
  if (slice()) slices_.push_back(slice);
  soon_ = slices_.empty() ? 0 : loop_.soon([this] { next(); });
}

}  // namespace samhain::server
