#include "server/digester.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "crypto/digest.h"

namespace samhain::server {
namespace {

/// A file changed so short ago may change again without another time: file systems count in ticks.
constexpr std::int64_t kSettledNs = 2'000'000'000;

}  // namespace

struct Digester::Job {
  UniqueFd fd;
  FileKey key;
  std::uint64_t done = 0;
  crypto::Sha256 sha;
  std::vector<OnDone> waiters;
};

void Digester::digest(const StoredFile& file, OnDone on_done) {
  const auto known = known_.find(file.key);
  if (known != known_.end()) return on_done(known->second);
  auto& job = jobs_[file.key];
  if (job) {
    job->waiters.push_back(std::move(on_done));
    return;
  }
  job = std::make_shared<Job>();
  job->fd = UniqueFd(fcntl(file.fd.get(), F_DUPFD_CLOEXEC, 0));
  job->key = file.key;
  job->waiters.push_back(std::move(on_done));
  if (!job->fd) {
    const auto failed = job;
    return finish(*failed, system_error("fcntl", errno));
  }
  chores_.add([this, job] { return read_slice(*job); });
}

bool Digester::read_slice(Job& job) {
  buffer_.resize(Chores::kSliceSize);
  const ssize_t size =
      pread(job.fd.get(), buffer_.data(), buffer_.size(), static_cast<off_t>(job.done));
  if (size < 0 && errno == EINTR) return true;
  if (size < 0) {
    finish(job, system_error("read", errno));
    return false;
  }
  job.sha.update(ByteView{buffer_}.first(static_cast<std::size_t>(size)));
  job.done += static_cast<std::uint64_t>(size);
  if (size > 0 && job.done < job.key.size) return true;

  const auto key = file_key(job.fd.get());
  if (key && *key == job.key && job.done == job.key.size) {
    finish(job, job.sha.finish());
  } else {
    finish(job, Error{Error::Kind::Busy, "it changes while it is read"});
  }
  return false;
}

void Digester::finish(Job& job, const Result<Digest>& digest) {
  if (digest && clock_.now_ns() - job.key.ctime_ns > kSettledNs) {
    if (known_.size() >= kMostKnown) known_.clear();
    known_.emplace(job.key, *digest);
  }
  const auto waiters = std::move(job.waiters);
  jobs_.erase(job.key);
  for (const OnDone& on_done : waiters) on_done(digest);
  if (jobs_.empty()) Bytes{}.swap(buffer_);
}

}  // namespace samhain::server
