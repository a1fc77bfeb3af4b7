#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "baseline/baseline.h"
#include "baseline/layout.h"
#include "crypto/digest.h"
#include "unit/scratch.h"

namespace samhain::baseline {
namespace {

using testing::append_file;
using testing::read_file;
using testing::Scratch;
using testing::write_file;

class BaselineTrustTest : public ::testing::Test {
 protected:
  Scratch scratch_;
  std::string path_ = scratch_ / "samhain_file";
  crypto::SigningSeed key_ = crypto::make_signing_seed();
  std::string good_;

  void SetUp() override {
    auto writer = Writer::create(path_);
    ASSERT_TRUE(writer);
    Entry entry;
    entry.facts.name = "passwd";
    entry.facts.mode = 0100644;
    ASSERT_TRUE((*writer)->add("/etc", entry));
    ASSERT_TRUE((*writer)->commit(key_));
    good_ = read_file(path_);
    ASSERT_GT(good_.size(), kTrailerSize);
  }
  void replace(const std::string& content) {
    write_file(path_, content);
    ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  }
  Error::Kind refusal() {
    const auto reader = Reader::open(path_, key_);
    EXPECT_FALSE(reader);
    return reader ? Error::Kind::Busy : reader.error().kind;
  }
};

TEST_F(BaselineTrustTest, OpensWhatItSigned) {
  replace(good_);
  const auto reader = Reader::open(path_, key_);
  ASSERT_TRUE(reader) << reader.error().text();
  EXPECT_EQ((*reader)->size(), 1U);
}

TEST_F(BaselineTrustTest, RefusesAChangeOfOneBitAnywhere) {
  for (std::size_t at = 0; at < good_.size(); at += 1) {
    std::string bad = good_;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    replace(bad);
    const Error::Kind kind = refusal();
    EXPECT_TRUE(kind == Error::Kind::Refused || kind == Error::Kind::Malformed ||
                kind == Error::Kind::Version)
        << at;
  }
}

TEST_F(BaselineTrustTest, RefusesAFileThatIsCutOrLonger) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kTrailerSize - 1, kTrailerSize,
                                 good_.size() / 2, good_.size() - 1}) {
    replace(good_.substr(0, size));
    EXPECT_EQ(refusal(), Error::Kind::Malformed) << size;
  }
  replace(good_ + "x");
  EXPECT_EQ(refusal(), Error::Kind::Malformed);
  // Pages inserted before the trailer: it is whole, but not of this size.
  replace(good_.substr(0, good_.size() - kTrailerSize) + std::string(8192, '\0') +
          good_.substr(good_.size() - kTrailerSize));
  EXPECT_EQ(refusal(), Error::Kind::Malformed);
}

TEST_F(BaselineTrustTest, RefusesANewerFormatByName) {
  std::string newer = good_;
  newer[newer.size() - 17] = static_cast<char>(kFormat + 1);  // the last byte of the format
  replace(newer);
  EXPECT_EQ(refusal(), Error::Kind::Version);
  // A newer version may well have a longer trailer: only the last 20 bytes are promised.
  replace("new" + newer.substr(newer.size() - 20));
  EXPECT_EQ(refusal(), Error::Kind::Version);
}

TEST_F(BaselineTrustTest, RefusesWhatAnotherKeySigned) {
  const auto reader = Reader::open(path_, crypto::make_signing_seed());
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().kind, Error::Kind::Refused);
}

TEST_F(BaselineTrustTest, SaysThatThereIsNone) {
  ASSERT_EQ(unlink(path_.c_str()), 0);
  EXPECT_EQ(refusal(), Error::Kind::Missing);
}

TEST_F(BaselineTrustTest, RefusesAFileThatOthersMayWriteOrASymlink) {
  ASSERT_EQ(chmod(path_.c_str(), 0602), 0);
  EXPECT_EQ(refusal(), Error::Kind::Refused);
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  ASSERT_EQ(rename(path_.c_str(), (scratch_ / "elsewhere").c_str()), 0);
  ASSERT_EQ(symlink((scratch_ / "elsewhere").c_str(), path_.c_str()), 0);
  EXPECT_EQ(refusal(), Error::Kind::Refused);
}

TEST_F(BaselineTrustTest, RefusesADirectoryThatAllMayWrite) {
  ASSERT_EQ(chmod(scratch_.path().c_str(), 0777), 0);
  EXPECT_EQ(refusal(), Error::Kind::Refused);
  ASSERT_EQ(chmod(scratch_.path().c_str(), 0755), 0);
  EXPECT_TRUE(Reader::open(path_, key_));
}

TEST_F(BaselineTrustTest, TakesTheDirectoryOfATrustedUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  constexpr uid_t kOther = 12'345;
  ASSERT_EQ(chown(scratch_.path().c_str(), kOther, 0), 0);
  EXPECT_EQ(refusal(), Error::Kind::Refused);
  const std::array<uid_t, 1> trusted{kOther};
  EXPECT_TRUE(Reader::open(path_, key_, trusted));
}

TEST_F(BaselineTrustTest, RefusesAFifoWithoutWaitingForIt) {
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(refusal(), Error::Kind::Refused);
}

/// The signature is good, the content is none: that is said, the program lives on.
TEST_F(BaselineTrustTest, SaysThatSignedRubbishIsNoBaseline) {
  const std::string body(8192, 'x');
  Trailer trailer;
  trailer.format = kFormat;
  trailer.body_size = body.size();
  const Bytes message = signed_message(kFormat, body.size(), crypto::sha256(as_bytes(body)));
  trailer.signature = crypto::sign(key_, message);
  replace(body + std::string{as_text(encode(trailer))});
  EXPECT_EQ(refusal(), Error::Kind::Malformed);
}

TEST_F(BaselineTrustTest, NoticesWhatChangesWhileItIsInUse) {
  const auto reader = Reader::open(path_, key_);
  ASSERT_TRUE(reader) << reader.error().text();
  const UniqueFd fd(open(path_.c_str(), O_WRONLY | O_CLOEXEC));
  const std::size_t at = good_.find("passwd");
  ASSERT_EQ(pwrite(fd.get(), "shadow", 6, static_cast<off_t>(at)), 6);
  const auto entries = (*reader)->directory("/etc");
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().kind, Error::Kind::Refused);
}

TEST_F(BaselineTrustTest, RefusesAnOlderFormatAndSaysWhatToDo) {
  std::string older = good_;
  older[older.size() - 17] = static_cast<char>(kFormat - 1);
  replace(older);
  const auto reader = Reader::open(path_, key_);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().kind, Error::Kind::Version);
  EXPECT_NE(reader.error().text().find("samhain -t init"), std::string::npos);
}

/// Another key signed it, but somebody whom the caller believes stands for these bytes.
TEST_F(BaselineTrustTest, ReadsWhatIsVouchedForWithoutItsSignature) {
  std::string bad = good_;
  bad[bad.size() - kTrailerSize] ^= 1;
  replace(bad);
  EXPECT_EQ(refusal(), Error::Kind::Refused);
  const auto reader = Reader::open_vouched(UniqueFd(open(path_.c_str(), O_RDONLY | O_CLOEXEC)));
  ASSERT_TRUE(reader) << reader.error().text();
  EXPECT_TRUE((*(*reader)->find("/etc", "passwd")).has_value());
}

TEST_F(BaselineTrustTest, RefusesRubbishAlsoWhenItIsVouchedFor) {
  for (const std::string& rubbish : {std::string{}, std::string(5'000, 'x'), good_.substr(1)}) {
    replace(rubbish);
    const auto reader = Reader::open_vouched(UniqueFd(open(path_.c_str(), O_RDONLY | O_CLOEXEC)));
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().kind, Error::Kind::Malformed);
  }
}

}  // namespace
}  // namespace samhain::baseline
