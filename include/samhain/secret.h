#pragma once

#include <string.h>
#include <sys/mman.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace samhain {

/// A key or password of N bytes: its pages are locked into memory and left out of core files as far
/// as the system lets us (mlock(2), madvise(2)), and wiped when it dies.  It moves, never copies;
/// what moved away is empty and must not be read.
template <std::size_t N>
class SecretBytes {
 public:
  SecretBytes() : bytes_(map()) {}
  explicit SecretBytes(std::span<const std::uint8_t, N> source) : bytes_(map()) {
    memcpy(bytes_.get(), source.data(), N);
  }

  std::span<std::uint8_t, N> span() { return std::span<std::uint8_t, N>{bytes_.get(), N}; }
  std::span<const std::uint8_t, N> span() const {
    return std::span<const std::uint8_t, N>{bytes_.get(), N};
  }
  static constexpr std::size_t size() { return N; }

 private:
  struct Unmap {
    void operator()(std::uint8_t* p) const {
      explicit_bzero(p, N);
      munmap(p, N);
    }
  };
  using Pointer = std::unique_ptr<std::uint8_t[], Unmap>;

  static Pointer map() {
    void* p = mmap(nullptr, N, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) __builtin_trap();
    // May fail under a small RLIMIT_MEMLOCK: the programs say so at start (sys/memory.h).
    (void)mlock(p, N);
    (void)madvise(p, N, MADV_DONTDUMP);
    return Pointer{static_cast<std::uint8_t*>(p)};
  }

  Pointer bytes_;
};

}  // namespace samhain
