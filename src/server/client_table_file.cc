#include "server/client_table_file.h"

#include <errno.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/codec.h"
#include "crypto/digest.h"
#include "sys/file.h"

// The file: 18 bytes of kMagic | u32 n | n * client | SHA-256 of all that is before it.  A client:
//   text name | u8 state | u8 flags | i64 last contact | u64 last number | text address
//   | id spool | id suspended | 12 * i64 when each state was reached
// Times are nanoseconds since the epoch, 0: never; ids are 16 bytes, zeros: none.  It is always
// written anew as a whole, so the digest tells a file that is torn from one that is not.

namespace samhain::server {
namespace {

constexpr std::string_view kMagic = "samhain clients 1\n";
constexpr std::string_view kMagicStem = "samhain clients ";
constexpr std::uint8_t kIsUp = 1;
constexpr std::uint8_t kIsOverdue = 2;
constexpr std::uint8_t kOwesVerdict = 4;
constexpr std::size_t kMaxAddress = 64;

std::uint8_t flags_of(const Standing& standing) {
  return static_cast<std::uint8_t>((standing.is_up ? kIsUp : 0U) |
                                   (standing.is_overdue ? kIsOverdue : 0U) |
                                   (standing.owes_verdict ? kOwesVerdict : 0U));
}

void write_client(base::Writer& writer, const Client& client) {
  writer.text(client.name())
      .number(static_cast<std::uint8_t>(client.state))
      .number(flags_of(client))
      .number(client.last_contact_ns)
      .number(client.last_seq)
      .text(client.address)
      .raw_bytes(client.spool)
      .raw_bytes(client.suspended);
  for (const std::int64_t time_ns : client.reached_ns) writer.number(time_ns);
}

Standing read_standing(base::Reader& reader) {
  Standing standing;
  standing.state = static_cast<ClientState>(reader.number<std::uint8_t>());
  const auto flags = reader.number<std::uint8_t>();
  standing.is_up = (flags & kIsUp) != 0;
  standing.is_overdue = (flags & kIsOverdue) != 0;
  standing.owes_verdict = (flags & kOwesVerdict) != 0;
  standing.last_contact_ns = reader.number<std::int64_t>();
  standing.last_seq = reader.number<std::uint64_t>();
  standing.address = reader.text(kMaxAddress);
  standing.spool = reader.array<16>();
  standing.suspended = reader.array<16>();
  for (std::int64_t& time_ns : standing.reached_ns) time_ns = reader.number<std::int64_t>();
  return standing;
}

bool is_possible(const Standing& standing) {
  const bool has_times = standing.last_contact_ns >= 0 &&
                         std::all_of(standing.reached_ns.begin(), standing.reached_ns.end(),
                                     [](std::int64_t time_ns) { return time_ns >= 0; });
  // It goes to yulectl and the like as it is.
  const bool is_address =
      standing.address.find_first_not_of("0123456789abcdefABCDEF.:%") == std::string::npos;
  return has_times && is_address && static_cast<std::size_t>(standing.state) < kClientStates;
}

Error malformed(std::string_view what) {
  return Error{Error::Kind::Malformed, fmt::format("client table: {}", what)};
}

}  // namespace

Bytes encode_client_table(const Roster& roster) {
  base::Writer writer;
  writer.raw_bytes(as_bytes(kMagic)).number(static_cast<std::uint32_t>(roster.clients().size()));
  for (const auto& [name, client] : roster.clients()) write_client(writer, *client);
  const Digest digest = crypto::sha256(writer.view());
  writer.raw_bytes(digest);
  return writer.take();
}

Result<Standings> decode_client_table(ByteView file) {
  if (!as_text(file).starts_with(kMagic)) {
    if (!as_text(file).starts_with(kMagicStem)) return malformed("not one of ours");
    return Error{Error::Kind::Version, "client table: written by a newer program"};
  }
  constexpr std::size_t kDigestSize = std::tuple_size_v<Digest>;
  if (file.size() < kMagic.size() + kDigestSize) return malformed("cut off");
  const ByteView body = file.first(file.size() - kDigestSize);
  const Digest digest = crypto::sha256(body);
  if (!std::equal(digest.begin(), digest.end(), file.end() - kDigestSize)) {
    return malformed("damaged, its check sum is another");
  }
  base::Reader reader(body.subspan(kMagic.size()));
  Standings standings;
  for (auto n = reader.number<std::uint32_t>(); n > 0 && reader.is_good(); --n) {
    std::string name{reader.text(srp::kMaxHostName)};
    Standing standing = read_standing(reader);
    if (!reader.is_good() || !is_possible(standing)) return malformed("impossible entry");
    // Ours are sorted, so each new one goes to the end.
    standings.insert_or_assign(standings.end(), std::move(name), std::move(standing));
  }
  if (!reader.is_complete()) return malformed("not of the length that it says");
  return standings;
}

Result<void> restore_clients(Roster& roster, const std::string& path) {
  const auto file = sys::read_regular_file(path, kMaxClientTable);
  if (!file && file.error().sys_errno == ENOENT) return {};
  if (!file) return file.error();
  auto standings = decode_client_table(*file);
  if (!standings) return standings.error();
  for (auto& [name, standing] : *standings) {
    if (Client* client = roster.find(name)) roster.restore(*client, std::move(standing));
  }
  return {};
}

}  // namespace samhain::server
