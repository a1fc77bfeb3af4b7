#include "sys/jail.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <link.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>

#include "sys/file.h"

namespace samhain::sys {
namespace {

constexpr std::size_t kRoom = std::size_t{64} << 10;

struct CloseFile {
  void operator()(FILE* file) const { (void)std::fclose(file); }  // it was only read
};
using File = std::unique_ptr<FILE, CloseFile>;

/// One object of dl_iterate_phdr(3): the first is the program itself, without a name.
int take_object(dl_phdr_info* object, std::size_t /*size*/, void* into) {
  auto& files = *static_cast<std::vector<std::string>*>(into);
  // The kernel's own (linux-vdso) has no path.
  if (object->dlpi_name[0] == '/') files.emplace_back(object->dlpi_name);
  for (unsigned i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = object->dlpi_phdr[i];
    if (header.p_type != PT_INTERP) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader tells addresses as numbers
    files.emplace_back(reinterpret_cast<const char*>(object->dlpi_addr + header.p_vaddr));
  }
  return 0;
}

}  // namespace

Result<Jail> Jail::open(const std::string& directory) {
  UniqueFd root{::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!root) return system_error(directory, errno);
  const auto distrust = find_distrust(directory, {});
  if (!distrust.empty()) {
    return Error{Error::Kind::Refused,
                 fmt::format("{}: {}", distrust.front().message, distrust.front().component)};
  }
  return Jail{directory, std::move(root)};
}

Result<UniqueFd> Jail::find(const std::string& path, std::uint64_t flags) const {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT;
  // The C library has no function for it.
  UniqueFd found{
      static_cast<int>(syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof how))};
  if (!found) return system_error(directory_ + path, errno);
  return found;
}

Result<Identity> Jail::find_identity(std::span<const std::string_view> names) const {
  auto found = find("/etc/passwd", O_RDONLY);
  if (!found) return found.error();
  const File file{fdopen(found->get(), "r")};
  if (!file) return system_error("fdopen", errno);
  (void)found->release();  // the stream's now

  std::vector<char> room(kRoom);
  passwd entry{};
  passwd* one = nullptr;
  std::vector<Identity> known(names.size());
  while (fgetpwent_r(file.get(), &entry, room.data(), room.size(), &one) == 0) {
    const auto name = std::ranges::find(names, std::string_view{one->pw_name});
    if (name == names.end() || one->pw_uid == 0) continue;
    known[static_cast<std::size_t>(name - names.begin())] =
        Identity{one->pw_name, one->pw_uid, one->pw_gid};
  }
  const auto first = std::ranges::find_if(known, [](const Identity& is) { return is.uid != 0; });
  if (first != known.end()) return std::move(*first);
  return Error{Error::Kind::Missing,
               fmt::format("{}/etc/passwd: no such user: {}", directory_, fmt::join(names, ", "))};
}

Result<void> Jail::enter() const {
  // By the descriptor: what was looked at is what is entered.
  if (fchdir(root_.get()) != 0) return system_error(directory_, errno);
  if (chroot(".") != 0) return system_error("chroot", errno);
  if (chdir("/") != 0) return system_error("chdir", errno);
  return {};
}

std::vector<std::string> files_of_this_program() {
  std::vector<std::string> files;
  (void)dl_iterate_phdr(take_object, &files);
  std::ranges::sort(files);
  const auto doubles = std::unique(files.begin(), files.end());
  files.erase(doubles, files.end());
  return files;
}

}  // namespace samhain::sys
