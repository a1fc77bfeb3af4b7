#include "config/command_line.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/hex.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "samhain/bytes.h"
#include "samhain/handle.h"

namespace samhain::config {

namespace {

Result<Digest> digest_of_file(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return system_error(path, errno);
  crypto::Sha256 sha256;
  std::array<std::uint8_t, 65'536> buffer;
  for (;;) {
    const ssize_t count = read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(path, errno);
    if (count == 0) return sha256.finish();
    sha256.update(ByteView{buffer}.first(static_cast<std::size_t>(count)));
  }
}

}  // namespace

Result<std::string> hash_line(const std::string& operand) {
  if (!operand.starts_with('/')) {
    return fmt::format("string=<{}>, hash=<{}>", base::printable(operand),
                       base::hex(crypto::sha256(as_bytes(operand))));
  }
  const auto digest = digest_of_file(operand);
  if (!digest) return digest.error();
  return fmt::format("{}: {}", base::printable(operand), base::hex(*digest));
}

std::string copyright(std::string_view program) {
  return fmt::format(
      "{} {}\n"
      "Copyright (C) 2026 the samhain developers\n"
      "Licence GPL-3.0-or-later: GNU GPL version 3 or later, <https://gnu.org/licenses/gpl.html>.\n"
      "This is free software: you may change and redistribute it. There is NO WARRANTY, as far as\n"
      "the law permits.\n",
      program, PACKAGE_VERSION);
}

}  // namespace samhain::config
