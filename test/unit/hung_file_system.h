#pragma once

#include <fcntl.h>
#include <sys/mount.h>

#include <string>

#include "samhain/handle.h"

namespace samhain::scan::testing {

/// A file system in user space that never answers: everything that touches it blocks, in a way that
/// only killing ends.
class HungFileSystem {
 public:
  explicit HungFileSystem(const std::string& path) : path_(path) {
    fuse_ = UniqueFd(open("/dev/fuse", O_RDWR | O_CLOEXEC));
    if (!fuse_) return;
    const std::string options =
        "fd=" + std::to_string(fuse_.get()) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
    is_mounted_ = mount("hung", path_.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) == 0;
  }
  ~HungFileSystem() {
    fuse_.reset();  // aborts every request
    if (is_mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  HungFileSystem(const HungFileSystem&) = delete;
  HungFileSystem& operator=(const HungFileSystem&) = delete;
  bool is_mounted() const { return is_mounted_; }

 private:
  std::string path_;
  UniqueFd fuse_;
  bool is_mounted_ = false;
};

}  // namespace samhain::scan::testing
