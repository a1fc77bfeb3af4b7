#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <tuple>
#include <utility>

#include "base/codec.h"
#include "crypto/digest.h"
#include "fake_clock.h"
#include "scratch.h"
#include "server/client_table_file.h"
#include "sys/file.h"

namespace samhain::server {
namespace {

using std::chrono::seconds;

wire::Id id_of(std::uint8_t number) {
  wire::Id id{};
  id[0] = number;
  return id;
}

Report start_class(const char* message) {
  Report report;
  report.event_class = EventClass::Start;
  report.fields = {{"msg", message}};
  return report;
}

class ClientTableTest : public ::testing::Test {
 protected:
  ClientTableTest() {
    for (const char* name : {"a.example.test", "b.example.test", "c.example.test"}) {
      registered_[name].host = name;
    }
    before_.replace(registered_);
    after_.replace(registered_);
  }

  Client& admit(const char* name, std::uint8_t number) {
    Client& client = *before_.find(name);
    Session session;
    session.id = session.instance = session.spool = id_of(number);
    EXPECT_EQ(before_.admit(client, std::move(session), false), Arrival::NewClient);
    before_.touch(client, "192.0.2.1");
    return client;
  }
  void restart() {
    const auto standings = decode_client_table(encode_client_table(before_));
    ASSERT_TRUE(standings) << standings.error().what;
    for (const auto& [name, standing] : *standings) {
      if (Client* client = after_.find(name)) after_.restore(*client, standing);
    }
  }
  static Error::Kind refusal(const Bytes& file) {
    const auto standings = decode_client_table(file);
    EXPECT_FALSE(standings);
    return standings ? Error::Kind::Busy : standings.error().kind;
  }
  /// With the check sum that belongs to it.
  static Bytes sealed(Bytes body) {
    const Digest digest = crypto::sha256(body);
    body.insert(body.end(), digest.begin(), digest.end());
    return body;
  }

  test::FakeClock clock_;
  std::map<std::string, srp::Verifier> registered_;
  Roster before_{clock_};
  Roster after_{clock_};
};

TEST_F(ClientTableTest, BringsEverythingBackButTheSession) {
  Client& client = admit("b.example.test", 7);
  client.last_seq = 99;
  (void)before_.note(client, start_class("SUSPEND"));
  restart();
  const Client& again = *after_.find("b.example.test");
  EXPECT_EQ(again.state, ClientState::Suspended);
  EXPECT_TRUE(again.is_up);
  EXPECT_FALSE(again.session);
  EXPECT_EQ(again.last_seq, 99U);
  EXPECT_EQ(again.address, "192.0.2.1");
  EXPECT_EQ(again.last_contact_ns, client.last_contact_ns);
  EXPECT_EQ(again.spool, id_of(7));
  EXPECT_EQ(again.suspended, id_of(7));
  EXPECT_EQ(again.reached_ns, client.reached_ns);
  EXPECT_EQ(after_.find("a.example.test")->state, ClientState::Inactive);
}

TEST_F(ClientTableTest, KeepsAnUpClientFromBeingNewAndARestartFromBeingUnseen) {
  (void)admit("a.example.test", 1);
  (void)before_.note(admit("b.example.test", 2), start_class("EXIT"));
  restart();
  Session other;
  other.id = other.instance = other.spool = id_of(3);
  EXPECT_EQ(after_.admit(*after_.find("a.example.test"), std::move(other), false),
            Arrival::RestartWithoutExit);
  Session next;
  next.id = next.instance = next.spool = id_of(4);
  EXPECT_EQ(after_.admit(*after_.find("b.example.test"), std::move(next), false),
            Arrival::NewClient);
}

TEST_F(ClientTableTest, FindsTheSilentAgainAndTellsNobodyTwice) {
  (void)admit("a.example.test", 1);
  clock_.advance(seconds{61});
  EXPECT_EQ(before_.find_overdue(seconds{60}).size(), 1U);
  (void)admit("b.example.test", 2);
  restart();
  EXPECT_TRUE(after_.find_overdue(seconds{60}).empty());
  clock_.advance(seconds{61});
  const auto overdue = after_.find_overdue(seconds{60});
  ASSERT_EQ(overdue.size(), 1U);
  EXPECT_EQ(overdue[0]->name(), "b.example.test");
}

TEST_F(ClientTableTest, AContactInTheFutureWasJustNow) {
  Client& client = admit("a.example.test", 1);
  client.last_contact_ns += 1'000'000'000'000'000;
  restart();
  clock_.advance(seconds{60});
  EXPECT_TRUE(after_.find_overdue(seconds{60}).empty());
  clock_.advance(seconds{1});
  EXPECT_EQ(after_.find_overdue(seconds{60}).size(), 1U);
}

TEST_F(ClientTableTest, RefusesEveryCutAndEveryChangedByte) {
  (void)admit("a.example.test", 1);
  const Bytes good = encode_client_table(before_);
  ASSERT_TRUE(decode_client_table(good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(decode_client_table(ByteView{good}.first(i))) << i;
    Bytes changed = good;
    changed[i] ^= 1;
    EXPECT_FALSE(decode_client_table(changed)) << i;
  }
}

TEST_F(ClientTableTest, RefusesWhatIsSealedButImpossible) {
  const Bytes good = encode_client_table(before_);
  Bytes body = good;
  body.resize(body.size() - std::tuple_size_v<Digest>);
  constexpr std::size_t kCount = 18;
  constexpr std::size_t kState = kCount + 4 + 4 + 14;
  EXPECT_TRUE(decode_client_table(sealed(body)));
  const auto with = [&body](std::size_t at, std::uint8_t value) {
    Bytes changed = body;
    changed[at] = value;
    return sealed(std::move(changed));
  };
  EXPECT_EQ(refusal(with(kState, kClientStates)), Error::Kind::Malformed);
  EXPECT_EQ(refusal(with(kState + 2, 0x80)), Error::Kind::Malformed);  // sign of the last contact
  EXPECT_EQ(refusal(with(kCount, 0xFF)), Error::Kind::Malformed);      // four billion clients
  EXPECT_EQ(refusal(with(16, '2')), Error::Kind::Version);
  Bytes longer = body;
  longer.push_back(0);
  EXPECT_EQ(refusal(sealed(std::move(longer))), Error::Kind::Malformed);
  EXPECT_EQ(refusal({}), Error::Kind::Malformed);
}

TEST_F(ClientTableTest, AnythingThatIsNoFileIsRefusedAtOnceAndNoneIsFine) {
  const testing::Scratch scratch;
  EXPECT_TRUE(restore_clients(after_, scratch / "none"));
  ASSERT_EQ(mkfifo((scratch / "fifo").c_str(), 0600), 0);
  EXPECT_FALSE(restore_clients(after_, scratch / "fifo"));
  ASSERT_EQ(mkdir((scratch / "directory").c_str(), 0700), 0);
  EXPECT_FALSE(restore_clients(after_, scratch / "directory"));
  ASSERT_TRUE(sys::write_file_atomically(scratch / "junk", as_bytes("junk"), 0600));
  EXPECT_FALSE(restore_clients(after_, scratch / "junk"));
}

}  // namespace
}  // namespace samhain::server
