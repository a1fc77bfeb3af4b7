#include "agent/list_baseline.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "agent/listing.h"
#include "base/clock.h"
#include "baseline/baseline.h"
#include "baseline/layout.h"
#include "baseline/original.h"
#include "report/catalog.h"
#include "report/form.h"
#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "scan/paths.h"
#include "sys/file.h"

namespace samhain::agent {
namespace {

constexpr std::size_t kMaxFilter = 64U << 20;
/// More than any content that is kept.
constexpr std::size_t kMaxContent = 1U << 20;

std::int64_t now_ns() { return base::SystemClock{}.now_ns(); }

int complain(const std::string& text) {
  (void)std::fputs((text + "\n").c_str(), stderr);
  return 1;
}

/// Why it could not be opened.
int tell_unusable(const std::string& path, const Error& error) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) {
    const int number = errno;
    return complain(fmt::format("ERROR: can't open {} for read (errnum = {})", path, number));
  }
  if (baseline::is_original(file.get())) {
    return complain(
        fmt::format("ERROR: {} was written by samhain 3 or 4; take it over by "
                    "samhain --import-database={}",
                    path, path));
  }
  if (error.kind == Error::Kind::Malformed) {
    const Report report = report::make(report::kPanicNoData, now_ns(), {{"path", path}});
    (void)complain(report::line_of(report, report::Form::Guide));
    (void)complain(fmt::format("ERROR: can't find start marker in {}", path));
  }
  return complain(fmt::format("ERROR: can't list {}: {}", path, error.text()));
}

bool has_no_trailer(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat facts {};
  if (!file || fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return false;
  std::array<std::uint8_t, baseline::kTrailerSize> end{};
  const off_t at = std::max<off_t>(facts.st_size - static_cast<off_t>(end.size()), 0);
  const ssize_t size = pread(file.get(), end.data(), end.size(), at);
  if (size < 0) return false;
  const auto trailer = baseline::find_trailer(ByteView(end).first(static_cast<std::size_t>(size)),
                                              static_cast<std::uint64_t>(facts.st_size));
  return !trailer && trailer.error().kind == Error::Kind::Malformed;
}

Result<std::unique_ptr<baseline::Reader>> open_listed(const std::string& path,
                                                      std::span<const uid_t> trusted) {
  const auto key = baseline::load_key(path);
  // What is no baseline has no key either, and only the first is worth a word.
  if (!key && has_no_trailer(path)) return Error{Error::Kind::Malformed, "no baseline"};
  if (!key) return key.error();
  return baseline::Reader::open(path, *key, trusted);
}

using Paths = std::set<std::string, std::less<>>;

Result<std::optional<Paths>> load_filter(const std::string& path) {
  if (path.empty()) return std::optional<Paths>{};
  const auto bytes = sys::read_regular_file(path, kMaxFilter);
  if (!bytes) return bytes.error().within("list filter", path);
  Paths paths;
  std::string_view text = as_text(*bytes);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) paths.emplace(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::optional{std::move(paths)};
}

using Visit = std::function<Result<void>(const std::string& directory, const baseline::Entry&)>;

Result<void> for_each(baseline::Reader& reader, const std::optional<Paths>& filter,
                      const Visit& visit) {
  for (std::uint64_t number = 0; number < reader.directory_count(); ++number) {
    const auto directory = reader.directory_at(number);
    if (!directory) return directory.error();
    const auto entries = reader.stored_directory(*directory);
    if (!entries) return entries.error();
    for (const baseline::Entry& entry : *entries) {
      if (filter && !filter->contains(scan::join(*directory, entry.facts.name))) continue;
      if (auto done = visit(*directory, entry); !done) return done;
    }
  }
  return {};
}

Result<void> print(const std::string& line) {
  if (std::puts(line.c_str()) < 0) return system_error("standard output", errno);
  return {};
}

Result<void> print_lines(baseline::Reader& reader, const std::optional<Paths>& filter,
                         Options::ListForm form) {
  const std::int64_t now = now_ns() / 1'000'000'000;
  auto printed =
      for_each(reader, filter, [&](const std::string& directory, const baseline::Entry& entry) {
        switch (form) {
          case Options::ListForm::Full:
            return print(full_line(directory, entry));
          case Options::ListForm::Delimited:
            return print(delimited_line(directory, entry));
          case Options::ListForm::Json:
            return print(json_line(directory, entry));
          case Options::ListForm::Short:
          case Options::ListForm::Binary:
            break;
        }
        return print(short_line(directory, entry, now));
      });
  if (!printed) return printed;
  if (std::fflush(stdout) != 0) return system_error("standard output", errno);
  return {};
}

/// The same entries and history.
Result<void> copy(baseline::Reader& reader, const std::optional<Paths>& filter,
                  baseline::Writer& writer) {
  auto written =
      for_each(reader, filter, [&](const std::string& directory, const baseline::Entry& entry) {
        return writer.add(directory, entry);
      });
  if (!written) return written;
  auto approvals = reader.approvals();
  if (!approvals) return approvals.error();
  for (baseline::Approval& approval : *approvals) {
    if (filter && !filter->contains(approval.path)) continue;
    writer.add_approval(std::move(approval));
  }
  return {};
}

/// As a baseline of its own, signed by the key of its place.
Result<void> write_baseline(baseline::Reader& reader, const std::optional<Paths>& filter,
                            const std::string& outfile) {
  auto writer = baseline::Writer::create(outfile, reader.about().digests);
  if (!writer) return writer.error();
  if (auto copied = copy(reader, filter, **writer); !copied) return copied;
  const auto key = baseline::load_or_make_key(outfile);
  if (!key) return key.error();
  const auto written = (*writer)->commit(*key);
  return written ? Result<void>{} : Result<void>{written.error()};
}

/// The same on standard output, signed by the key that the listed one is signed by.
Result<void> stream_baseline(baseline::Reader& reader, const std::optional<Paths>& filter,
                             const std::string& path) {
  if (isatty(STDOUT_FILENO) == 1) {
    return Error{Error::Kind::Refused, "a baseline is nothing for a terminal; give -o FILE"};
  }
  const auto key = baseline::load_key(path);
  if (!key) return key.error();
  const auto writer = baseline::Writer::create_in_memory(reader.about().digests);
  if (auto copied = copy(reader, filter, *writer); !copied) return copied;
  const auto image = writer->finish_image(&*key);
  if (!image) return image.error();
  return sys::write_all(STDOUT_FILENO, *image);
}

Result<void> emit_baseline(baseline::Reader& reader, const std::optional<Paths>& filter,
                           const std::string& path, const std::string& outfile) {
  if (outfile.empty()) return stream_baseline(reader, filter, path);
  return write_baseline(reader, filter, outfile);
}

std::optional<std::string> inflated(std::string_view compressed) {
  std::string text(kMaxContent, '\0');
  uLongf size = text.size();
  const int status = uncompress(reinterpret_cast<Bytef*>(text.data()), &size,
                                as_bytes(compressed).data(), compressed.size());
  if (status != Z_OK) return std::nullopt;
  text.resize(size);
  return text;
}

/// What a terminal would take for orders does not get to it.
void make_harmless(std::string& text) {
  for (char& c : text) {
    constexpr char kDelete = 0x7f;
    const bool is_control = (c >= 0 && c < ' ') || c == kDelete;
    if (is_control && c != '\n' && c != '\t') c = '?';
  }
}

int print_content(baseline::Reader& reader, const std::string& path) {
  const scan::Location at = scan::locate(path);
  const auto found = reader.find(at.directory, at.name);
  if (!found) return complain("ERROR: " + found.error().text());
  if (!*found) return complain("File not found.");
  const FileFacts& facts = (*found)->facts;
  if (S_ISLNK(facts.mode)) return complain("File is a link");
  if (!facts.extended || facts.extended->content.empty()) {
    (void)complain("Error: No data available");
    return complain("Error listing file content");
  }
  auto text = inflated(facts.extended->content);
  if (!text) return complain("Error listing file content");
  if (isatty(STDOUT_FILENO) == 1) make_harmless(*text);
  if (std::fwrite(text->data(), 1, text->size(), stdout) == text->size() &&
      std::fflush(stdout) == 0) {
    return 0;
  }
  return complain("ERROR: " + system_error("standard output", errno).text());
}

}  // namespace

int list_baseline(const std::string& path, std::span<const uid_t> trusted, const Options& options) {
  auto reader = open_listed(path, trusted);
  if (!reader) return tell_unusable(path, reader.error());
  if (!options.listed_file.empty()) return print_content(**reader, options.listed_file);
  const auto filter = load_filter(options.list_filter);
  if (!filter) return complain("ERROR: " + filter.error().text());
  const auto listed = options.list_form == Options::ListForm::Binary
                          ? emit_baseline(**reader, *filter, path, options.outfile)
                          : print_lines(**reader, *filter, options.list_form);
  if (listed) return 0;
  return complain(fmt::format("ERROR: can't list {}: {}", path, listed.error().text()));
}

}  // namespace samhain::agent
