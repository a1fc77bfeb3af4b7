// samhain_setpwd: puts the password of a client into a copy of its program (samhain_setpwd(8)).

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>

#include "samhain/bytes.h"
#include "samhain/handle.h"
#include "samhain/password_slot.h"
#include "samhain/result.h"
#include "samhain/secret.h"
#include "srp/verifier.h"
#include "sys/file.h"

namespace {

using samhain::Bytes;
using samhain::Error;
using samhain::Result;

constexpr std::size_t kMaxProgram = 512U << 20;
constexpr std::size_t kMaxPasswordText = 128;
constexpr std::string_view kLineEnd = "\r\n \t";

constexpr const char* kUsage =
    "Usage: samhain_setpwd <filename> <suffix> <new_password>\n\n"
    "Writes <filename>.<suffix>, a copy of the program with the new password in it.\n"
    "The password is 16 to 64 hex digits (yule -G makes one); - reads it from standard input.\n";

/// The password while we hold it, in memory that is locked and wiped.
struct Secret {
  samhain::SecretBytes<kMaxPasswordText> bytes;
  std::size_t size = 0;
  std::string_view text() const { return samhain::as_text(bytes.span()).substr(0, size); }
};

/// From the command line, which is blanked so that ps(1) does not go on showing it.
Result<Secret> password_from(char* argument) {
  const std::string_view text{argument};
  Secret secret;
  if (text.size() > kMaxPasswordText)
    return Error{Error::Kind::Limit, "has more than 64 hex digits"};
  memcpy(secret.bytes.span().data(), text.data(), text.size());
  secret.size = text.size();
  explicit_bzero(argument, text.size());
  return secret;
}

Result<Secret> password_from_stdin() {
  Secret secret;
  for (;;) {
    const auto room = secret.bytes.span().subspan(secret.size);
    if (room.empty()) return Error{Error::Kind::Limit, "has more than 64 hex digits"};
    const ssize_t count = read(STDIN_FILENO, room.data(), room.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return samhain::system_error("cannot be read from standard input", errno);
    if (count == 0) break;
    secret.size += static_cast<std::size_t>(count);
  }
  while (secret.size > 0 && kLineEnd.find(secret.text().back()) != std::string_view::npos) {
    --secret.size;
  }
  return secret;
}

/// Where the one slot is.  Errors: Missing, Malformed (several, or cut off), Busy (set already).
Result<std::size_t> find_slot(const Bytes& program) {
  const auto magic = samhain::slot_magic();
  const auto found = std::search(program.begin(), program.end(), magic.begin(), magic.end());
  if (found == program.end()) {
    return Error{Error::Kind::Missing,
                 "no placeholder for a password; give the samhain program that make built"};
  }
  if (std::search(found + 1, program.end(), magic.begin(), magic.end()) != program.end()) {
    return Error{
        Error::Kind::Malformed,
        "more than one placeholder for a password; give the samhain program that make built"};
  }
  const auto offset = static_cast<std::size_t>(found - program.begin());
  if (program.size() - offset < samhain::kSlotSize) {
    return Error{Error::Kind::Malformed, "the file is cut off in its placeholder; build it anew"};
  }
  if (program[offset + samhain::kSlotStateOffset] != samhain::kSlotUnset) {
    return Error{Error::Kind::Busy,
                 "the password is set already; start from the program that make built"};
  }
  return offset;
}

void fill_slot(Bytes& program, std::size_t offset, std::string_view password) {
  std::uint8_t* slot = program.data() + offset;
  slot[samhain::kSlotStateOffset] = samhain::kSlotSet;
  slot[samhain::kSlotLengthOffset] = static_cast<std::uint8_t>(password.size());
  memcpy(slot + samhain::kSlotDigitsOffset, password.data(), password.size());
}

/// Whether it arrived is asked once, at the end.
void say(const std::string& line) { (void)std::fputs((line + "\n").c_str(), stdout); }

int fail(const std::string& line) {
  say("ERROR  " + line);
  return 1;
}

int run(const std::string& input, const std::string& suffix, std::string_view password) {
  if (auto good = samhain::srp::check_password(password); !good) {
    return fail("<new_password> " + good.error().what);
  }
  if (suffix.empty() || suffix.find('/') != std::string::npos) {
    return fail("<suffix> must be a part of a file name");
  }
  const samhain::UniqueFd fd(open(input.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  struct stat facts {};
  if (!fd || fstat(fd.get(), &facts) != 0) {
    return fail(fmt::format("Cannot open input file {}: {}", input, strerror(errno)));
  }
  auto program = samhain::sys::read_all(fd.get(), kMaxProgram);
  if (!program)
    return fail(fmt::format("Cannot read input file {}: {}", input, program.error().text()));
  const auto offset = find_slot(*program);
  if (!offset)
    return fail(fmt::format("incomplete replacement: {}: {}", input, offset.error().what));
  say("INFO   old password found");

  const std::string output = input + "." + suffix;
  fill_slot(*program, *offset, password);
  auto written = samhain::sys::write_file_atomically(output, *program, facts.st_mode & 07777);
  explicit_bzero(program->data(), program->size());
  if (!written) {
    return fail(fmt::format("Cannot write to output file {}: {}", output, written.error().text()));
  }
  say(fmt::format("INFO   replaced in {}", output));
  say("INFO   finished");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    (void)std::fputs(kUsage, stderr);
    return 1;
  }
  const std::string_view given{argv[3]};
  auto secret = given == "-" ? password_from_stdin() : password_from(argv[3]);
  if (!secret) return fail("<new_password> " + secret.error().text());
  const int status = run(argv[1], argv[2], secret->text());
  return std::fflush(stdout) == 0 ? status : 1;
}
