#include "srp/verifier.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "base/hex.h"
#include "crypto/random.h"
#include "srp/group.h"

namespace samhain::srp {
namespace {

constexpr std::string_view kPassword = "0123456789abcdef";

Verifier example() { return make_verifier("client1.example.test", kPassword, Salt{1, 2, 3}); }

/// The text of the error; empty where the registration is taken.
std::string complaint(std::string_view value) {
  const auto verifier = parse_registration(value);
  if (verifier) return {};
  EXPECT_EQ(verifier.error().kind, Error::Kind::Malformed);
  return verifier.error().what;
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string line_with(std::string_view host, std::string_view salt, std::string_view v) {
  return std::string{host}.append("@").append(salt).append("@").append(v);
}

TEST(Password, IsSixteenToSixtyFourHexDigits) {
  EXPECT_TRUE(check_password(kPassword));
  EXPECT_TRUE(check_password("0123456789ABCDEF0"));
  EXPECT_TRUE(check_password(std::string(64, 'f')));
  EXPECT_FALSE(check_password(""));
  EXPECT_FALSE(check_password("0123456789abcde"));
  EXPECT_FALSE(check_password(std::string(65, 'f')));
  EXPECT_FALSE(check_password("0123456789abcdeg"));
  EXPECT_FALSE(check_password("0123456789abcde\n"));
}

TEST(Password, IsNeverThePlaceholder) {
  EXPECT_FALSE(check_password(kUnsetPassword));
  EXPECT_FALSE(check_password("F7C312AAAA12C3F7"));
  EXPECT_TRUE(check_password("f7c312aaaa12c3f70"));
}

TEST(Registration, CanBeReadBack) {
  const Verifier verifier = example();
  const std::string line = registration_line(verifier);
  EXPECT_EQ(line.size(), verifier.host.size() + 1 + 32 + 1 + 768);
  const auto parsed = parse_registration(line);
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(parsed->host, verifier.host);
  EXPECT_EQ(parsed->salt, verifier.salt);
  EXPECT_EQ(parsed->v, verifier.v);
}

TEST(Registration, IsTakenInEitherCaseAndBetweenBlanks) {
  const Verifier verifier = example();
  const auto parsed = parse_registration(
      " " + line_with("Client1.EXAMPLE.test", base::hex(verifier.salt), base::hex(verifier.v)) +
      "\t");
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(parsed->host, "client1.example.test");
  EXPECT_EQ(parsed->v, verifier.v);
}

TEST(Registration, TakesNamesAndAddressesOnly) {
  const Verifier verifier = example();
  const std::string salt = base::hex(verifier.salt);
  const std::string v = base::hex(verifier.v);
  for (const char* good : {"a", "192.0.2.9", "2001:db8::9", "my_host-1", "HOSTNAME.example"}) {
    EXPECT_EQ(complaint(line_with(good, salt, v)), "") << good;
  }
  for (const char* bad : {"../etc", "a b", "a\x1b", "h\xc3\xb6st", "a/b", "<a>"}) {
    EXPECT_TRUE(has(complaint(line_with(bad, salt, v)), "host name has the character")) << bad;
  }
  EXPECT_EQ(complaint(line_with(std::string(253, 'a'), salt, v)), "");
  EXPECT_TRUE(has(complaint(line_with(std::string(254, 'a'), salt, v)), "at most 253"));
  EXPECT_TRUE(has(complaint(line_with("", salt, v)), "empty"));
}

TEST(Registration, SaysThatThePlaceholderMustBeReplaced) {
  Verifier verifier = example();
  verifier.host = kHostPlaceholder;
  EXPECT_TRUE(has(complaint(registration_line(verifier)), "HOSTNAME stands where"));
}

TEST(Registration, SaysWhichPartIsWrong) {
  const Verifier verifier = example();
  const std::string salt = base::hex(verifier.salt);
  const std::string v = base::hex(verifier.v);
  EXPECT_TRUE(has(complaint(""), "HOST@SALT@VERIFIER"));
  EXPECT_TRUE(has(complaint("a@b"), "HOST@SALT@VERIFIER"));
  EXPECT_TRUE(has(complaint(line_with("a", salt + "0", v)), "salt has 33 characters"));
  EXPECT_TRUE(has(complaint(line_with("a", "zz" + salt.substr(2), v)), "salt has characters"));
  EXPECT_TRUE(has(complaint(line_with("a", salt, v.substr(1))), "verifier has 767 characters"));
  EXPECT_TRUE(has(complaint(line_with("a", salt, v + "@")), "verifier has 769 characters"));
  EXPECT_TRUE(has(complaint(line_with("a", salt, "x" + v.substr(1))), "verifier has characters"));
}

TEST(Registration, KnowsAnEntryOfProtocol2AndSaysWhatToDo) {
  for (const std::string& old : {line_with("a", std::string(16, 'A'), std::string(256, 'B')),
                                 line_with("a", "00000000", std::string(48, 'C'))}) {
    const std::string text = complaint(old);
    EXPECT_TRUE(has(text, "protocol 2"));
    EXPECT_TRUE(has(text, "yule -P"));
  }
}

TEST(Registration, RefusesAVerifierThatProvesNothing) {
  const std::string salt(32, '1');
  const crypto::BigNumber number{BN_dup(group_3072().prime.get())};
  const auto digits = [&] { return base::hex(crypto::to_bytes(*number, kNumberSize)); };
  EXPECT_TRUE(has(complaint(line_with("a", salt, std::string(768, '0'))), "out of range"));
  EXPECT_TRUE(has(complaint(line_with("a", salt, std::string(767, '0') + "1")), "out of range"));
  EXPECT_TRUE(has(complaint(line_with("a", salt, std::string(768, 'f'))), "out of range"));
  EXPECT_TRUE(has(complaint(line_with("a", salt, digits())), "out of range"));
  ASSERT_EQ(BN_sub_word(number.get(), 1), 1);
  EXPECT_TRUE(has(complaint(line_with("a", salt, digits())), "out of range"));
  ASSERT_EQ(BN_sub_word(number.get(), 1), 1);
  EXPECT_EQ(complaint(line_with("a", salt, digits())), "");
  EXPECT_EQ(complaint(line_with("a", salt, std::string(767, '0') + "2")), "");
}

TEST(Registration, RefusesRandomBytesAndAnyChangeOfLength) {
  std::mt19937 random{7};
  const Verifier verifier = example();
  const std::string good = registration_line(verifier);
  for (int i = 0; i < 2'000; ++i) {
    std::string bytes(random() % 900, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    EXPECT_NE(complaint(bytes), "");
    std::string shorter = good;
    shorter.erase(random() % good.size(), 1);
    const auto parsed = parse_registration(shorter);
    // One character of the host may be missing, nothing else.
    if (parsed) {
      EXPECT_EQ(parsed->host.size(), verifier.host.size() - 1);
    }
  }
}

TEST(Verifier, DependsOnPasswordAndSaltAndKeepsTheHostAsItIs) {
  const Salt salt = crypto::random_array<16>();
  const Verifier verifier = make_verifier(kHostPlaceholder, kPassword, salt);
  EXPECT_EQ(verifier.host, "HOSTNAME");
  EXPECT_EQ(verifier.v, make_verifier("b", "0123456789ABCDEF", salt).v);
  EXPECT_NE(verifier.v, make_verifier("a", "0123456789abcdee", salt).v);
  EXPECT_NE(verifier.v, make_verifier("a", kPassword, Salt{}).v);
}

}  // namespace
}  // namespace samhain::srp
