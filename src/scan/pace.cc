#include "scan/pace.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace samhain::scan {
namespace {

constexpr std::size_t kPageSize = 4'096;
constexpr std::uint32_t kWhole = 100;
/// A rest below that costs more in wake-ups than it is worth.
constexpr std::chrono::milliseconds kShortestRest{5};
/// What a pause of our own process, or a clock that jumped, may be taken for at most.
constexpr std::chrono::milliseconds kLongestWork{500};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

Result<SharedPage> map(int fd, int protection) {
  void* address = mmap(nullptr, kPageSize, protection, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return system_error("mmap", errno);
  return SharedPage(address, kPageSize);
}

}  // namespace

SharedPage::SharedPage(void* address, std::size_t size)
    : page_(static_cast<PacePage*>(address), Unmap{size}) {}

void SharedPage::Unmap::operator()(PacePage* page) const { munmap(page, size); }

Result<PaceSetter> PaceSetter::create() {
  UniqueFd fd(memfd_create("pace", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return system_error("memfd_create", errno);
  if (ftruncate(fd.get(), kPageSize) != 0) return system_error("ftruncate", errno);
  auto page = map(fd.get(), PROT_READ | PROT_WRITE);
  if (!page) return page.error();
  // Our own mapping stays writable; there will be no other.
  constexpr int kSeals = F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) return system_error("F_ADD_SEALS", errno);
  page->get().percent.store(kWhole, std::memory_order_relaxed);
  return PaceSetter(std::move(fd), *std::move(page));
}

void PaceSetter::set(std::uint64_t bytes_per_second, std::uint32_t percent) {
  page_.get().bytes_per_second.store(bytes_per_second, std::memory_order_relaxed);
  page_.get().percent.store(percent, std::memory_order_relaxed);
}

Result<UniqueFd> PaceSetter::share() const {
  UniqueFd copy(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return system_error("fcntl", errno);
  return copy;
}

Result<Pace> Pace::open(const UniqueFd& fd) {
  struct stat facts {};
  if (fstat(fd.get(), &facts) != 0) return system_error("fstat", errno);
  if (facts.st_size != static_cast<off_t>(kPageSize)) {
    return Error{Error::Kind::Refused, "not a page of limits"};
  }
  auto page = map(fd.get(), PROT_READ);
  if (!page) return page.error();
  return Pace(*std::move(page));
}

bool Pace::is_limited() const {
  return page_ && (page_.get().bytes_per_second.load(std::memory_order_relaxed) != 0 ||
                   page_.get().percent.load(std::memory_order_relaxed) < kWhole);
}

void Pace::begin(Clock::time_point now) {
  worked_until_ = now;
  owed_ = {};
}

void Pace::note(std::uint64_t bytes, Clock::time_point now) {
  if (!page_) return;
  const std::uint64_t rate = page_.get().bytes_per_second.load(std::memory_order_relaxed);
  const std::uint32_t percent =
      std::clamp(page_.get().percent.load(std::memory_order_relaxed), 1U, kWhole);
  free_at_ = std::max(free_at_, std::min(now, worked_until_));
  if (rate != 0) {
    free_at_ += std::chrono::nanoseconds(
        static_cast<std::int64_t>(static_cast<double>(bytes) * 1e9 / static_cast<double>(rate)));
  }
  const auto worked = std::clamp<Clock::duration>(now - worked_until_, {}, kLongestWork);
  owed_ = percent < kWhole ? owed_ + worked * (kWhole - percent) / percent : Clock::duration{};
  worked_until_ = now;
}

std::chrono::nanoseconds Pace::due(Clock::time_point now) const {
  if (!is_limited()) return {};
  const auto rest = std::max(free_at_ - now, owed_);
  return rest < kShortestRest ? std::chrono::nanoseconds{} : rest;
}

}  // namespace samhain::scan
