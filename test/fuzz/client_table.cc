#include <cstdlib>
#include <utility>

#include "base/clock.h"
#include "crypto/digest.h"
#include "server/client_table_file.h"

// The client table beside the server's log.  The first byte says whether the check sum that belongs
// to the rest is put behind it, so that what lies behind the check is reached.  What is taken can
// be given to a roster and comes out as the same table.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samhain;
  if (size == 0) return 0;
  Bytes file(data + 1, data + size);
  if ((data[0] & 1) != 0) {
    const Digest digest = crypto::sha256(file);
    file.insert(file.end(), digest.begin(), digest.end());
  }
  auto standings = server::decode_client_table(file);
  if (!standings) {
    if (standings.error().what.empty()) std::abort();
    return 0;
  }
  const base::SystemClock clock;
  server::Roster roster(clock);
  std::map<std::string, srp::Verifier> registered;
  for (const auto& [name, standing] : *standings) registered[name].host = name;
  roster.replace(registered);
  for (const auto& [name, standing] : *standings) roster.restore(*roster.find(name), standing);
  const auto again = server::decode_client_table(server::encode_client_table(roster));
  if (!again || again->size() != standings->size()) std::abort();
  return 0;
}
