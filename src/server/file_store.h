#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "samhain/handle.h"
#include "samhain/result.h"
#include "wire/files.h"

namespace samhain::server {

/// Which content of which file: while none of it changes, neither do the bytes.
struct FileKey {
  dev_t device = 0;
  ino_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  auto operator<=>(const FileKey&) const = default;
};
/// Errors: System.
Result<FileKey> file_key(int fd);

struct StoredFile {
  UniqueFd fd;  ///< to read
  std::string path;
  FileKey key;
};

/// Why a file is not what the client gets.
struct Obstacle {
  enum class Kind : std::uint8_t {
    Missing,   ///< the next name is tried
    Refused,   ///< it is there, and must not or cannot be read: nothing else takes its place
    TooLarge,  ///< the same
  };
  Kind kind = Kind::Missing;
  std::string path;
  std::string component;  ///< the directory to blame, if it is not the file itself
  std::string reason;
};

struct Search {
  std::optional<StoredFile> file;
  std::vector<Obstacle> obstacles;  ///< in the order in which they were met
};

/// Largest file that is sent.
inline constexpr std::uint64_t kMaxStoredFile = std::uint64_t{2} << 30;

/// May this be part of a file's name?  Neither a registration nor a session is believed here: no
/// slash, no NUL, no two dots in a row, nothing but letters, digits and `.-_:`.
bool is_part_of_name(std::string_view text);

/// The names of files for this client, the first that exists counts: rc.NAME, rc; file.NAME, file;
/// file.NAME.UUID.  None for a client or UUID that no file can be named after.
std::vector<std::string> names_of(wire::FileKind kind, std::string_view client,
                                  std::string_view delta);

/// Opens the first of `names` in `directory` that exists.  It must be a regular file of at most
/// kMaxStoredFile bytes that nobody can change but root, our user and `trusted`; a symlink counts
/// if all that it leads through is as trusted.  Never waits for a fifo.
Search find_file(const std::string& directory, const std::vector<std::string>& names,
                 std::span<const uid_t> trusted);

/// The first directory on the way to `path` that we may not search; empty: none.
std::string closed_component(const std::string& path);

}  // namespace samhain::server
