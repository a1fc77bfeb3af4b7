#include "spool/segment_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

namespace samhain::spool {
namespace {

/// As much as a few hundred reports: few system calls, and small beside the agent.
constexpr std::uint64_t kWindow = 65'536;

}  // namespace

Result<void> SegmentReader::select(int directory, std::uint64_t first) {
  if (first_ == first) return {};
  const std::string name = segment_name(first);
  UniqueFd fd{openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd) {
    const int error = errno;
    return system_error("open the spool segment " + name, error);
  }
  fd_ = std::move(fd);
  first_ = first;
  begin_ = here_ = behind_ = here_seq_ = 0;
  bytes_.clear();
  return {};
}

std::uint64_t SegmentReader::offset_for(std::uint64_t seq) const {
  if (seq > here_seq_) return behind_;
  return seq == here_seq_ ? here_ : 0;
}

Result<Record> SegmentReader::at(std::uint64_t offset, std::uint64_t size) {
  auto record = decode_record(window(offset));
  if (!record && record.error().kind == Error::Kind::Incomplete) {
    // First the window behind what was used up; a record longer than that shows its length there.
    for (const std::uint64_t wanted : {kWindow, std::uint64_t{kMaxRecord}}) {
      const auto loaded = load(offset, wanted, size);
      if (!loaded) return loaded.error();
      record = decode_record(window(offset));
      if (record || record.error().kind != Error::Kind::Incomplete) break;
    }
  }
  if (!record) return Error{Error::Kind::Malformed, record.error().what};
  here_ = offset;
  here_seq_ = record->seq;
  behind_ = offset + record->size;
  return record;
}

Result<void> SegmentReader::load(std::uint64_t offset, std::uint64_t wanted, std::uint64_t size) {
  bytes_.resize(static_cast<std::size_t>(std::min(wanted, size - offset)));
  begin_ = offset;
  std::size_t done = 0;
  while (done < bytes_.size()) {
    const ssize_t got = pread(fd_.get(), bytes_.data() + done, bytes_.size() - done,
                              static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      bytes_.clear();
      return system_error("read the spool segment " + segment_name(first_), error);
    }
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes_.resize(done);
  return {};
}

ByteView SegmentReader::window(std::uint64_t offset) const {
  if (offset < begin_ || offset > begin_ + bytes_.size()) return {};
  return ByteView{bytes_}.subspan(static_cast<std::size_t>(offset - begin_));
}

}  // namespace samhain::spool
