#include "server/site_certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "sys/file.h"

namespace samhain::server {
namespace {

constexpr std::string_view kChainOption = "SetServerCertificate";
constexpr std::string_view kKeyOption = "SetServerKey";

/// O_NONBLOCK: a fifo must not hold up the start.
UniqueFd open_file(const std::string& path) {
  return UniqueFd{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
}

Result<void> check_privacy(int key_file, std::span<const uid_t> owners) {
  struct stat status {};
  if (fstat(key_file, &status) != 0) return system_error("fstat", errno);
  if (!S_ISREG(status.st_mode)) return Error{Error::Kind::Refused, "not a plain file"};
  const bool is_ours = status.st_uid == 0 || status.st_uid == geteuid() ||
                       std::ranges::find(owners, status.st_uid) != owners.end();
  if (!is_ours) {
    return Error{Error::Kind::Refused, "owner must be root or the server's user"};
  }
  if ((status.st_mode & (S_IWGRP | S_IRWXO)) != 0) {
    return Error{Error::Kind::Refused, "others may read or change it; chmod 600 or 640"};
  }
  return {};
}

/// Reads to the end into `buffer`; how much it was.
Result<std::size_t> read_into(int fd, std::span<std::uint8_t> buffer) {
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t count = read(fd, buffer.data() + size, buffer.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read", errno);
    if (count == 0) return size;
    size += static_cast<std::size_t>(count);
  }
  return Error{Error::Kind::Limit, "too long for a private key"};
}

}  // namespace

Result<SiteCertificate> SiteCertificate::load(const std::string& chain_path,
                                              const std::string& key_path,
                                              std::span<const uid_t> owners) {
  SiteCertificate loaded;
  const UniqueFd chain = open_file(chain_path);
  if (!chain) return system_error("open", errno).within(kChainOption, chain_path);
  auto text = sys::read_all(chain.get(), kMaxPem);
  if (!text) return text.error().within(kChainOption, chain_path);
  loaded.chain_ = as_text(*text);

  const UniqueFd key = open_file(key_path);
  if (!key) return system_error("open", errno).within(kKeyOption, key_path);
  if (auto checked = check_privacy(key.get(), owners); !checked) {
    return checked.error().within(kKeyOption, key_path);
  }
  const auto size = read_into(key.get(), loaded.key_.span());
  if (!size) return size.error().within(kKeyOption, key_path);
  loaded.key_size_ = *size;

  const auto tried = wire::TlsContext::server(loaded.credentials());
  if (!tried) return tried.error().within(kChainOption, chain_path);
  return loaded;
}

wire::Credentials SiteCertificate::credentials() const {
  return {chain_, as_text(key_.span().first(key_size_))};
}

}  // namespace samhain::server
