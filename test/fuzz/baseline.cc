// The end of a baseline file, which is looked at before anything is known to be genuine, and then
// the whole of it: neither its numbers nor its pieces may lead anybody astray.
#include "baseline/baseline.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "baseline/layout.h"
#include "sys/file.h"

namespace {

using samhain::ByteView;
namespace baseline = samhain::baseline;

/// A found trailer covers exactly what is before it, and encodes to the very bytes it was found in.
bool check_trailer(ByteView file) {
  const auto trailer = baseline::find_trailer(file, file.size());
  if (!trailer) return false;
  if (trailer->format > baseline::kFormat) abort();
  if (trailer->body_size + baseline::kTrailerSize != file.size()) abort();
  const auto again = baseline::encode(*trailer);
  if (!std::equal(again.begin(), again.end(), file.end() - baseline::kTrailerSize)) abort();
  return true;
}

/// Everything that a reader who trusts the bytes asks for: who wrote the file wrote its digests
/// too.
void read_all(int fd) {
  auto reader = baseline::Reader::open_vouched(samhain::UniqueFd(dup(fd)));
  if (!reader) return;
  const auto directories = (*reader)->directories();
  (void)(*reader)->approvals();
  if (!directories) return;
  for (const std::string& path : *directories) {
    const auto number = (*reader)->number_of(path);
    if (number && *number && *(*reader)->directory_at(**number) != path) abort();
    const auto entries = (*reader)->directory(path);
    if (entries && !entries->empty()) (void)(*reader)->find(path, entries->back().facts.name);
  }
}

/// The bytes as a file, which no key ever signed: it must be refused.
void check_reader(ByteView file) {
  static const samhain::crypto::SigningSeed kKey = samhain::crypto::make_signing_seed();
  static const std::string kPath = [] {
    std::string directory = "/tmp/fuzz-baseline-XXXXXX";
    if (mkdtemp(directory.data()) == nullptr) abort();
    return directory + "/file";
  }();
  const samhain::UniqueFd fd(open(kPath.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd || !samhain::sys::write_all(fd.get(), file)) abort();
  if (baseline::Reader::open(kPath, kKey)) abort();
  const samhain::UniqueFd readable(open(kPath.c_str(), O_RDONLY | O_CLOEXEC));
  read_all(readable.get());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (check_trailer({data, size})) check_reader({data, size});
  return 0;
}
