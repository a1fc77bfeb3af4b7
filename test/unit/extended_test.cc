#include "scan/extended.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zlib.h>

#include "base/hex.h"
#include "samhain/handle.h"
#include "scan/measure.h"
#include "unit/scratch.h"

namespace samhain::scan {
namespace {

using policy::Attribute;
using policy::AttributeSet;
using samhain::testing::make_directory;
using samhain::testing::Scratch;
using samhain::testing::write_file;

AttributeSet set_of(std::initializer_list<Attribute> attributes) {
  AttributeSet set;
  for (const Attribute attribute : attributes) set.add(attribute);
  return set;
}

Bytes bytes_of(std::string_view digits) {
  const auto bytes = base::unhex(digits);
  EXPECT_TRUE(bytes);
  return bytes.value_or(Bytes{});
}

TEST(ExtendedTest, TellsAnAccessControlListAsAclDoes) {
  EXPECT_EQ(acl_text(0100754), "u::rwx,g::r-x,o::r--");
  // As setfacl -m u:7:r,g:8:rx made it: version, then tag, permissions and id of each entry.
  const Bytes list = bytes_of(
      "02000000"
      "01000600ffffffff"
      "0200040007000000"
      "04000400ffffffff"
      "0800050008000000"
      "10000500ffffffff"
      "20000000ffffffff");
  EXPECT_EQ(acl_text(list), "u::rw-,u:7:r--,g::r--,g:8:r-x,m::r-x,o::---");
}

TEST(ExtendedTest, RefusesAListThatIsNone) {
  for (const std::string_view digits :
       {"", "0200", "03000000", "0200000001000600ffffff", "0200000003000600ffffffff"}) {
    EXPECT_EQ(acl_text(bytes_of(digits)), "malformed") << digits;
  }
}

TEST(ExtendedTest, TellsCapabilitiesAsGetcapDoes) {
  EXPECT_EQ(capabilities_text(bytes_of("0100000200300000000000000000000000000000")),
            "cap_net_admin,cap_net_raw=ep");
  EXPECT_EQ(capabilities_text(bytes_of("0000000200300000002000000000000000000000")),
            "cap_net_admin=p cap_net_raw=ip");
  EXPECT_EQ(capabilities_text(bytes_of("000000030000000000000000010000000000000064000000")),
            "cap_mac_override=p [rootid=100]");
  EXPECT_EQ(capabilities_text(bytes_of("01")), "malformed");
}

class ExtendedFilesTest : public ::testing::Test {
 protected:
  Scratch scratch_;
  UniqueFd directory_{open(scratch_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  Measure measure_{{.before_content = [](std::uint64_t) {},
                    .on_progress = [](std::size_t) { return std::chrono::nanoseconds{}; }},
                   std::chrono::seconds(120)};

  // A measurer may change its directory; the tests after these start from this one.
  UniqueFd before_{open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  void TearDown() override { ASSERT_EQ(fchdir(before_.get()), 0); }

  FileFacts measure(const std::string& name, AttributeSet attributes) {
    FileFacts facts;
    measure_.measure(directory_.get(), {.name = name, .attributes = attributes}, facts);
    EXPECT_EQ(facts.failed_stage, Stage::None);
    return facts;
  }
  /// False where the file system has no such attributes.
  bool set(const std::string& name, const char* attribute, std::string_view value) {
    return lsetxattr((scratch_ / name).c_str(), attribute, value.data(), value.size(), 0) == 0;
  }
};

TEST_F(ExtendedFilesTest, AsksForNothingThatIsNotWatched) {
  write_file(scratch_ / "f", "content");
  EXPECT_EQ(measure("f", set_of({Attribute::Checksum, Attribute::Mode})).extended, nullptr);
}

TEST_F(ExtendedFilesTest, ReadsAttributesSortedAndLongOnesByTheirDigest) {
  write_file(scratch_ / "f", "content");
  if (!set("f", "user.b", "short") || !set("f", "user.a", "with blank") ||
      !set("f", "user.c", std::string(100, 'x'))) {
    GTEST_SKIP() << "no extended attributes here";
  }
  const FileFacts facts = measure("f", set_of({Attribute::Xattrs}));
  ASSERT_NE(facts.extended, nullptr);
  EXPECT_EQ(facts.extended->xattrs,
            "user.a=sha256:" + base::hex(crypto::sha256(as_bytes("with blank"))) +
                " user.b=short user.c=sha256:" +
                base::hex(crypto::sha256(as_bytes(std::string(100, 'x')))));
  EXPECT_TRUE(facts.extended->acl.empty());
}

TEST_F(ExtendedFilesTest, HasAnAccessListAlsoWhereTheModeIsAll) {
  write_file(scratch_ / "f", "content");
  ASSERT_EQ(chmod((scratch_ / "f").c_str(), 0640), 0);
  EXPECT_EQ(measure("f", set_of({Attribute::Acl})).extended->acl,
            "acl_access:u::rw-,g::r--,o::---");
}

TEST_F(ExtendedFilesTest, ReadsTheDefaultListOfADirectory) {
  make_directory(scratch_ / "d");
  const Bytes list = bytes_of("0200000001000700ffffffff04000500ffffffff20000000ffffffff");
  if (!set("d", "system.posix_acl_default", as_text(list))) GTEST_SKIP() << "no lists here";
  ASSERT_EQ(chmod((scratch_ / "d").c_str(), 0755), 0);
  EXPECT_EQ(measure("d", set_of({Attribute::Acl})).extended->acl,
            "acl_access:u::rwx,g::r-x,o::r-x,acl_default:u::rwx,g::r-x,o::---");
}

/// The original reads a symlink's list through the link.
TEST_F(ExtendedFilesTest, TellsOfASymlinkItselfAndNotOfItsTarget) {
  write_file(scratch_ / "target", "content");
  ASSERT_EQ(symlink("target", (scratch_ / "link").c_str()), 0);
  const bool has_attributes = set("target", "user.a", "1");
  const FileFacts facts = measure("link", set_of({Attribute::Acl, Attribute::Xattrs}));
  ASSERT_NE(facts.extended, nullptr);
  EXPECT_EQ(facts.extended->acl, "");
  EXPECT_EQ(facts.extended->xattrs, "");
  EXPECT_EQ(facts.target, "target");
  if (geteuid() != 0 || !has_attributes) return;
  if (!set("link", "trusted.a", "of the link")) return;
  EXPECT_NE(measure("link", set_of({Attribute::Xattrs})).extended->xattrs.find("trusted.a="),
            std::string::npos);
}

TEST_F(ExtendedFilesTest, ReadsCapabilities) {
  write_file(scratch_ / "f", "content");
  const Bytes value = bytes_of("0100000200300000000000000000000000000000");
  if (!set("f", "security.capability", as_text(value))) GTEST_SKIP() << "only root can";
  EXPECT_EQ(measure("f", set_of({Attribute::Capabilities})).extended->capabilities,
            "cap_net_admin,cap_net_raw=ep");
}

TEST_F(ExtendedFilesTest, KeepsTheContentOfATextAndSaysWhenItIsTooLarge) {
  const std::string text(5'000, 't');
  write_file(scratch_ / "text", text);
  const AttributeSet attributes = set_of({Attribute::Content, Attribute::Checksum});
  const FileFacts kept = measure("text", attributes);
  ASSERT_NE(kept.extended, nullptr);
  std::string content(text.size(), '\0');
  uLongf size = content.size();
  ASSERT_EQ(uncompress(reinterpret_cast<Bytef*>(content.data()), &size,
                       as_bytes(kept.extended->content).data(), kept.extended->content.size()),
            Z_OK);
  EXPECT_EQ(content, text);

  std::string noise;
  for (unsigned i = 0; noise.size() < 20'000; ++i) {
    noise += as_text(crypto::sha256(as_bytes(std::to_string(i))));
  }
  write_file(scratch_ / "noise", noise);
  const FileFacts large = measure("noise", attributes);
  EXPECT_TRUE(large.extended->content.empty());
  EXPECT_GT(large.extended->oversize, 9'200U);
  write_file(scratch_ / "huge", std::string(92'000, 'h'));
  EXPECT_EQ(measure("huge", attributes).extended->oversize, 92'000U);
}

TEST_F(ExtendedFilesTest, MakesTwoDigestsOfOneReading) {
  write_file(scratch_ / "f", "abc");
  measure_.use(DigestKind::Sha512, DigestKind::Blake2b);
  const FileFacts facts = measure("f", set_of({Attribute::Checksum}));
  // FIPS 180-2 appendix C.1 and RFC 7693 appendix A.
  EXPECT_EQ(base::hex(facts.digest.view()).substr(0, 32), "ddaf35a193617abacc417349ae204131");
  EXPECT_EQ(base::hex(facts.second_digest.view()).substr(0, 32),
            "ba80a53f981c4d0d6a2797b69f12f6e9");
}

TEST_F(ExtendedFilesTest, KnowsTheTimeOfBirthWhereThereIsOne) {
  write_file(scratch_ / "f", "content");
  const FileFacts facts = measure("f", set_of({Attribute::Birth}));
  if (facts.btime == Timestamp{}) GTEST_SKIP() << "the file system does not know";
  EXPECT_LE(facts.btime.seconds, facts.ctime.seconds);
  EXPECT_GE(facts.btime.seconds, facts.ctime.seconds - 60);
}

}  // namespace
}  // namespace samhain::scan
