#include "baseline/original.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/base64.h"
#include "base/hex.h"
#include "baseline/entry_codec.h"
#include "baseline/varint.h"

namespace samhain::baseline {
namespace {

constexpr std::string_view kStart = "[SOF]\n";
/// Where the start must be: a header, or a signature in clear text, comes before it.
constexpr std::size_t kMaxHeader = 64U << 10;

// The structure (spec: client-database.md section 2); offsets in bytes.
constexpr std::size_t kRecordSize = 208;     // version 22, since 3.2
constexpr std::size_t kOldRecordSize = 200;  // version 21, without the mask
constexpr std::size_t kMarkAt = 92;
constexpr std::size_t kMaskAt = 200;
constexpr unsigned kVersion = 22;
constexpr unsigned kOldVersion = 21;
constexpr unsigned kHasAttributeLine = 0x100;
constexpr std::size_t kNameWidth = 22;
constexpr std::size_t kChecksumAt = 149;
constexpr std::size_t kChecksumWidth = 49;
constexpr std::uint32_t kAbsentLinks = 65535;
constexpr std::uint32_t kMaskBits = 0xFFFF;  // the words of samhainrc(5), without the algorithm

std::uint64_t little_endian(ByteView bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8U | bytes[at + i];
  return value;
}
std::uint32_t number32(ByteView bytes, std::size_t at) {
  return static_cast<std::uint32_t>(little_endian(bytes, at, 4));
}

/// A text in its field, which ends with a NUL or with the field.
std::string_view field(ByteView bytes, std::size_t at, std::size_t width) {
  const std::string_view text = as_text(bytes.subspan(at, width));
  return text.substr(0, text.find('\0'));
}

Timestamp time_of(ByteView bytes, std::size_t at) {
  return {.seconds = static_cast<std::int64_t>(little_endian(bytes, at, 8)), .nanoseconds = 0};
}

/// `=0A` and `=3D`; anything else stands for itself.
std::string unquoted(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte =
        text[i] == '=' && i + 2 < text.size() ? base::unhex(text.substr(i + 1, 2)) : std::nullopt;
    if (byte) {
      result.push_back(static_cast<char>(byte->front()));
      i += 2;
    } else {
      result.push_back(text[i]);
    }
  }
  return result;
}

/// The kinds do not stand beside the digests in every version, but can be told by their form.
ContentDigest digest_of(std::string_view text) {
  constexpr std::size_t kDigits = 48;
  ContentDigest digest;
  if (text.ends_with('?')) {
    const auto bytes = base::unbase64(text, base::kOriginalDigits);
    if (!bytes || bytes->size() != size_of(DigestKind::Sha256)) return digest;
    digest.kind = DigestKind::Sha256;
    std::ranges::copy(*bytes, digest.bytes.begin());
    return digest;
  }
  const std::size_t last = text.find_last_not_of('0');
  const auto bytes = text.size() == kDigits ? base::unhex(text) : std::nullopt;
  if (!bytes || last == std::string_view::npos) return digest;
  digest.kind = DigestKind::Tiger192;
  for (const DigestKind shorter : {DigestKind::Sha1, DigestKind::Md5}) {
    if (last < 2 * size_of(shorter)) digest.kind = shorter;
  }
  std::copy_n(bytes->begin(), size_of(digest.kind), digest.bytes.begin());
  return digest;
}

/// Takes lines and structures off the front.
class Input {
 public:
  explicit Input(ByteView rest) : rest_(rest) {}

  bool is_empty() const { return rest_.empty(); }
  std::size_t left() const { return rest_.size(); }
  std::string_view text() const { return as_text(rest_); }
  ByteView peek(std::size_t size) const { return rest_.first(std::min(size, rest_.size())); }
  void skip(std::size_t size) { rest_ = rest_.subspan(size); }
  std::optional<std::string_view> line() {
    const std::size_t end = text().find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view taken = text().substr(0, end);
    skip(end + 1);
    return taken;
  }

  /// Behind the next start, if this is the beginning of a part and not a record: no record's mode
  /// has the bytes of these texts.
  bool pass_start() {
    const bool is_part =
        text().starts_with("\n[SO") || text().starts_with("\n#Ho") || text().starts_with("[SOF");
    const std::size_t at = is_part ? text().substr(0, kMaxHeader).find(kStart) : std::string::npos;
    if (at == std::string_view::npos) return false;
    skip(at + kStart.size());
    return true;
  }

 private:
  ByteView rest_;
};

/// `/` is the name `.` in the directory `/`.  False: no path that a walk could come by.
bool split_path(std::string path, OriginalObject& object) {
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) return false;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t slash = path.rfind('/');
  object.directory = slash == 0 ? "/" : path.substr(0, slash);
  object.entry.facts.name = path.size() == 1 ? "." : path.substr(slash + 1);
  const bool has_dots =
      path.find("/./") != std::string::npos || path.find("/../") != std::string::npos ||
      path.find("//") != std::string::npos || path.ends_with("/.") || path.ends_with("/..");
  return !has_dots && object.entry.facts.name.size() <= NAME_MAX;
}

/// The original keeps where a link leads to, from `/`; its size tells how much of that is the link.
void take_link(std::string_view line, FileFacts& facts) {
  if (line == "-") return;
  if (S_ISREG(facts.mode)) {
    const auto content = base::unbase64(line, base::kOriginalDigits);
    if (!content) return;
    auto extended = std::make_shared<ExtendedFacts>();
    extended->content = as_text(*content);
    facts.extended = std::move(extended);
    return;
  }
  if (!S_ISLNK(facts.mode)) return;
  facts.target = unquoted(line);
  if (facts.size > 0 && facts.size < facts.target.size()) {
    facts.target.erase(0, facts.target.size() - static_cast<std::size_t>(facts.size));
  }
}

/// `selinux:…`, `acl_access:…` and `acl_default:…`, of which a link shows those of its target.
void take_attribute_line(std::string_view line, FileFacts& facts) {
  if (S_ISLNK(facts.mode)) return;
  auto extended = facts.extended ? std::make_shared<ExtendedFacts>(*facts.extended)
                                 : std::make_shared<ExtendedFacts>();
  const std::size_t access = std::min(line.find("acl_access:"), line.size());
  const std::size_t label = line.find("selinux:");
  extended->acl = line.substr(access);
  if (label < access) {
    constexpr std::size_t kWord = std::string_view{"selinux:"}.size();
    std::string_view text = line.substr(label + kWord, access - label - kWord);
    while (text.ends_with(' ') || text.ends_with(',')) text.remove_suffix(1);
    extended->selinux = text;
  }
  facts.extended = std::move(extended);
}

void take_structure(ByteView bytes, bool is_old, Entry& entry) {
  FileFacts& facts = entry.facts;
  facts.mode = number32(bytes, 0);
  facts.device = little_endian(bytes, 8, 8);
  const bool is_device = S_ISCHR(facts.mode) || S_ISBLK(facts.mode);
  facts.rdevice = is_device ? little_endian(bytes, 16, 8) : 0;
  facts.links = number32(bytes, 24);
  facts.inode = number32(bytes, 28);
  facts.size = little_endian(bytes, 32, 8);
  facts.atime = time_of(bytes, 40);
  facts.mtime = time_of(bytes, 48);
  facts.ctime = time_of(bytes, 56);
  facts.uid = number32(bytes, 64);
  facts.gid = number32(bytes, 68);
  facts.flags = number32(bytes, 72);
  entry.owner = field(bytes, 94, kNameWidth);
  entry.group = field(bytes, 116, kNameWidth);
  facts.digest = digest_of(field(bytes, kChecksumAt, kChecksumWidth));
  entry.attributes = kImported | (is_old ? 0 : number32(bytes, kMaskAt) & kMaskBits);
}

enum class Taken { Object, Absent, Skipped, Cut };

Result<Taken> take_record(Input& input, OriginalObject& object) {
  if (input.left() < kOldRecordSize) return Taken::Cut;
  const auto mark = static_cast<unsigned>(little_endian(input.peek(kOldRecordSize), kMarkAt, 2));
  const unsigned version = mark & 0xFFU;
  if (version != kVersion && version != kOldVersion) {
    return Error{Error::Kind::Malformed,
                 fmt::format("record of version {} in the database, not 21 or 22, with {} bytes "
                             "left; broken, or of another kind of machine",
                             version, input.left())};
  }
  const std::size_t size = version == kVersion ? kRecordSize : kOldRecordSize;
  if (input.left() < size) return Taken::Cut;
  take_structure(input.peek(size), version == kOldVersion, object.entry);
  input.skip(size);

  const auto path = input.line();
  const auto link = path ? input.line() : std::nullopt;
  const bool has_attributes = (mark & kHasAttributeLine) != 0;
  const auto attributes = link && has_attributes ? input.line() : std::nullopt;
  if (!link || (has_attributes && !attributes)) return Taken::Cut;
  if (!split_path(unquoted(*path), object)) return Taken::Skipped;
  FileFacts& facts = object.entry.facts;
  if (facts.mode == 0) return facts.links == kAbsentLinks ? Taken::Absent : Taken::Skipped;
  take_link(*link, facts);
  if (attributes) take_attribute_line(*attributes, facts);
  return Taken::Object;
}

}  // namespace

bool is_original(int fd) {
  Bytes bytes(kMaxHeader);
  const ssize_t size = pread(fd, bytes.data(), bytes.size(), 0);
  if (size <= 0) return false;
  const std::string_view text = as_text(bytes).substr(0, static_cast<std::size_t>(size));
  return text.starts_with(kStart) || text.find("\n[SOF]\n") != std::string_view::npos;
}

Result<OriginalCounts> read_original(ByteView bytes, const OnOriginal& on_object) {
  const std::string_view text = as_text(bytes);
  const std::size_t start = text.substr(0, kMaxHeader).find(kStart);
  if (start == std::string_view::npos || (start > 0 && text[start - 1] != '\n')) {
    return Error{Error::Kind::Malformed, "no start marker in it: no database of samhain 3 or 4"};
  }
  OriginalCounts counts;
  Input input(bytes.subspan(start + kStart.size()));
  while (!input.is_empty()) {
    if (input.pass_start()) continue;
    OriginalObject object;
    const auto taken = take_record(input, object);
    if (!taken) return taken.error();
    if (*taken == Taken::Cut) {
      counts.is_cut = true;
      break;
    }
    counts.absent += *taken == Taken::Absent ? 1 : 0;
    counts.skipped += *taken == Taken::Skipped ? 1 : 0;
    if (*taken != Taken::Object) continue;
    ++counts.objects;
    ++counts.digests[static_cast<std::size_t>(object.entry.facts.digest.kind)];
    if (auto done = on_object(std::move(object)); !done) return done.error();
  }
  return counts;
}

Bytes encode(const OriginalCounts& counts) {
  Bytes bytes;
  for (const std::uint64_t number : {counts.objects, counts.absent, counts.skipped}) {
    put_varint(number, bytes);
  }
  put_varint(counts.is_cut ? 1 : 0, bytes);
  for (const std::uint64_t number : counts.digests) put_varint(number, bytes);
  return bytes;
}

Result<OriginalCounts> decode_counts(ByteView bytes) {
  Cursor cursor(bytes);
  OriginalCounts counts;
  counts.objects = cursor.varint();
  counts.absent = cursor.varint();
  counts.skipped = cursor.varint();
  counts.is_cut = cursor.varint() != 0;
  for (std::uint64_t& number : counts.digests) number = cursor.varint();
  if (!cursor.is_good() || !cursor.is_empty()) return Error{Error::Kind::Malformed, "counts"};
  return counts;
}

Bytes encode(const OriginalObject& object) {
  Bytes bytes;
  put_varint(object.directory.size(), bytes);
  const ByteView directory = as_bytes(object.directory);
  bytes.insert(bytes.end(), directory.begin(), directory.end());
  append_entries({&object.entry, 1}, bytes);
  return bytes;
}

Result<OriginalObject> decode_object(ByteView bytes) {
  Cursor cursor(bytes);
  OriginalObject object;
  object.directory = cursor.text();
  std::vector<Entry> entries;
  const bool is_good = cursor.is_good() && is_directory_path(object.directory) &&
                       take_entries(bytes.last(cursor.left()), 1, entries) && entries.size() == 1;
  if (!is_good) return Error{Error::Kind::Malformed, "object"};
  object.entry = std::move(entries.front());
  return object;
}

}  // namespace samhain::baseline
