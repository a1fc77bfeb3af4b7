#include "uplink/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/file.h"

namespace samhain::uplink {

Result<Store> Store::in_memory() {
  Store store;
  store.fd_.reset(memfd_create("from-server", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!store.fd_) return system_error("memfd_create", errno);
  store.is_memory_ = true;
  return store;
}

Result<Store> Store::in_directory(const std::string& directory) {
  Store store;
  store.fd_.reset(open(directory.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600));
  if (store.fd_) return store;
  return in_memory();
}

Result<void> Store::clear() {
  if (!fd_) return {};
  if (ftruncate(fd_.get(), 0) != 0) return system_error("ftruncate", errno);
  if (lseek(fd_.get(), 0, SEEK_SET) != 0) return system_error("lseek", errno);
  return {};
}

Result<void> Store::append(ByteView bytes) {
  if (!fd_) return {};
  return sys::write_all(fd_.get(), bytes);
}

Result<void> Store::seal() {
  if (!fd_) return {};
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (is_memory_ && fcntl(fd_.get(), F_ADD_SEALS, kSeals) != 0) {
    return system_error("sealing the file received", errno);
  }
  if (lseek(fd_.get(), 0, SEEK_SET) != 0) return system_error("lseek", errno);
  return {};
}

}  // namespace samhain::uplink
