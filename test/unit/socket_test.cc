#include "sys/socket.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "sys/resolve.h"

namespace samhain::sys {
namespace {

std::uint16_t port_of(int fd) {
  sockaddr_storage raw{};
  socklen_t size = sizeof raw;
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&raw), &size), 0);
  return Address::from(reinterpret_cast<const sockaddr*>(&raw), size)->port();
}

bool becomes(int fd, short event) {
  pollfd waiting{fd, event, 0};
  return poll(&waiting, 1, 10'000) == 1;
}

TEST(Address, ReadsNumbersOfBothFamilies) {
  EXPECT_EQ(Address::parse("127.0.0.1", 7)->text(), "127.0.0.1");
  EXPECT_EQ(Address::parse("127.0.0.1", 7)->port(), 7);
  EXPECT_EQ(Address::parse("0:0::1", 0)->text(), "::1");
  EXPECT_EQ(Address::parse("::1", 0)->with_port(9).port(), 9);
  EXPECT_FALSE(Address::parse("localhost", 1));
  EXPECT_FALSE(Address::parse("1.2.3", 1));
  EXPECT_FALSE(Address::parse("", 1));
}

TEST(Address, TakesAnIpv4AddressOutOfItsIpv6Clothes) {
  const auto address = Address::parse("::ffff:10.1.2.3", 80);
  EXPECT_EQ(address->family(), AF_INET);
  EXPECT_EQ(address->text(), "10.1.2.3");
  EXPECT_EQ(address->port(), 80);
}

TEST(Address, RefusesAnAddressThatIsCutOffOrOfAnotherFamily) {
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  EXPECT_FALSE(Address::from(reinterpret_cast<const sockaddr*>(&six), sizeof(sockaddr_in)));
  six.sin6_family = AF_UNIX;
  EXPECT_FALSE(Address::from(reinterpret_cast<const sockaddr*>(&six), sizeof six));
}

TEST(Tcp, ConnectsAndKnowsThePeer) {
  const auto listeners = listen_tcp(Address::parse("127.0.0.1", 0), 0);
  ASSERT_TRUE(listeners) << listeners.error().text();
  ASSERT_EQ(listeners->size(), 1U);
  const int listener = listeners->front().get();
  const auto from = Address::parse("127.0.0.2", 0);
  const auto client = begin_connect(*Address::parse("127.0.0.1", port_of(listener)), from);
  ASSERT_TRUE(client) << client.error().text();
  ASSERT_TRUE(becomes(client->get(), POLLOUT));
  EXPECT_TRUE(connect_result(client->get()));
  ASSERT_TRUE(becomes(listener, POLLIN));
  const UniqueFd accepted{accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
  const auto peer = peer_of(accepted.get());
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->text(), "127.0.0.2");
  EXPECT_EQ(peer_of(client->get())->port(), port_of(listener));
}

TEST(Tcp, TellsThatNobodyListens) {
  std::uint16_t port = 0;
  {
    const auto listeners = listen_tcp(Address::parse("127.0.0.1", 0), 0);
    port = port_of(listeners->front().get());
  }
  const auto client = begin_connect(*Address::parse("127.0.0.1", port), std::nullopt);
  if (!client) {
    EXPECT_EQ(client.error().sys_errno, ECONNREFUSED);
    return;
  }
  ASSERT_TRUE(becomes(client->get(), POLLOUT));
  const auto result = connect_result(client->get());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().sys_errno, ECONNREFUSED);
}

TEST(Tcp, ListensOnBothFamiliesAtOnePort) {
  const auto listeners = listen_tcp(std::nullopt, 0);
  ASSERT_TRUE(listeners) << listeners.error().text();
  ASSERT_GE(listeners->size(), 1U);
  for (const UniqueFd& listener : *listeners) {
    EXPECT_EQ(port_of(listener.get()), port_of(listeners->front().get()));
  }
}

TEST(Tcp, APortInUseIsAnErrorThatNamesAddressAndPort) {
  const auto first = listen_tcp(std::nullopt, 0);
  ASSERT_TRUE(first);
  const std::uint16_t port = port_of(first->front().get());
  const auto second = listen_tcp(std::nullopt, port);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().sys_errno, EADDRINUSE);
  EXPECT_NE(second.error().what.find("port " + std::to_string(port)), std::string::npos);
  EXPECT_NE(second.error().what.find("address "), std::string::npos);
}

class UnixSocket : public ::testing::Test {
 protected:
  UnixSocket() {
    std::string name = std::filesystem::temp_directory_path() / "socket_testXXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name + "/s";
  }
  ~UnixSocket() override {
    std::filesystem::remove_all(std::filesystem::path{path_}.parent_path());
  }
  UnixSocket(const UnixSocket&) = delete;
  UnixSocket& operator=(const UnixSocket&) = delete;
  std::string path_;
};

TEST_F(UnixSocket, ListensWithItsModeAndKnowsThePeer) {
  const auto listener = listen_unix(path_, 0620);
  ASSERT_TRUE(listener) << listener.error().text();
  struct stat facts {};
  ASSERT_EQ(stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0620U);
  const auto client = connect_unix(path_);
  ASSERT_TRUE(client);
  const UniqueFd accepted{accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC)};
  const auto uid = peer_uid(accepted.get());
  ASSERT_TRUE(uid);
  EXPECT_EQ(*uid, geteuid());
}

TEST_F(UnixSocket, ReplacesOneThatADeadProcessLeft) {
  { ASSERT_TRUE(listen_unix(path_, 0600)); }
  EXPECT_TRUE(listen_unix(path_, 0600));
}

TEST_F(UnixSocket, LeavesOneAloneWhereSomebodyAnswers) {
  const auto first = listen_unix(path_, 0600);
  ASSERT_TRUE(first);
  const auto second = listen_unix(path_, 0600);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Error::Kind::Busy);
  EXPECT_TRUE(connect_unix(path_));
}

TEST_F(UnixSocket, LeavesAFileAloneThatIsNoSocket) {
  std::filesystem::create_directory(path_);
  const auto listener = listen_unix(path_, 0600);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().kind, Error::Kind::Busy);
  EXPECT_TRUE(std::filesystem::is_directory(path_));
}

TEST_F(UnixSocket, RefusesAPathThatIsTooLong) {
  const auto listener = listen_unix(std::string(sizeof(sockaddr_un::sun_path), 'x'), 0600);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().kind, Error::Kind::Limit);
}

TEST(Resolve, FindsTheAddressesOfANumber) {
  const auto addresses = addresses_of("127.0.0.1", 99);
  ASSERT_TRUE(addresses);
  EXPECT_EQ(addresses->front().text(), "127.0.0.1");
  EXPECT_EQ(addresses->front().port(), 99);
}

TEST(Resolve, TellsThatANameIsNone) {
  const auto addresses = addresses_of("not a name", 99);
  ASSERT_FALSE(addresses);
  EXPECT_EQ(addresses.error().kind, Error::Kind::Missing);
}

TEST(Resolve, TheOwnNameHasADotOrIsANumber) {
  const std::string name = own_name();
  EXPECT_TRUE(name.find('.') != std::string::npos || Address::parse(name, 0)) << name;
}

}  // namespace
}  // namespace samhain::sys
