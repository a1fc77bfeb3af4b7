#include "scan/facts_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "scan/requests.h"

namespace samhain::scan {
namespace {

ContentDigest digest_of(DigestKind kind, std::uint8_t byte) {
  ContentDigest digest{.kind = kind};
  std::ranges::fill(digest.span(), byte);
  return digest;
}

FileFacts full_facts() {
  FileFacts facts;
  facts.name = "na\nme\xff";
  facts.mode = 0120777;
  facts.uid = 0xFFFFFFFE;
  facts.gid = 3;
  facts.links = 4;
  facts.flags = 0x80000000;
  facts.inode = 0xFFFFFFFFFFFFFFFF;
  facts.device = 6;
  facts.rdevice = 7;
  facts.size = 8;
  facts.atime = {-9, 1};
  facts.mtime = {10, 2};
  facts.ctime = {11, 3};
  facts.target = "../target";
  facts.btime = {12, 4};
  facts.digest = digest_of(DigestKind::Sha256, 12);
  facts.second_digest = digest_of(DigestKind::Sha512, 13);
  facts.prefix_digest = digest_of(DigestKind::Md5, 14);
  facts.extended =
      std::make_shared<const ExtendedFacts>(ExtendedFacts{.acl = "a",
                                                          .capabilities = "",
                                                          .selinux = "s",
                                                          .xattrs = "x=\n",
                                                          .content = std::string(9'000, '\0'),
                                                          .oversize = 15});
  facts.failed_stage = Stage::Unstable;
  facts.failed_errno = -14;
  return facts;
}

bool is_same(const FileFacts& a, const FileFacts& b) {
  if ((a.extended == nullptr) != (b.extended == nullptr)) return false;
  if (a.extended && *a.extended != *b.extended) return false;
  return a.name == b.name && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid &&
         a.links == b.links && a.flags == b.flags && a.inode == b.inode && a.device == b.device &&
         a.rdevice == b.rdevice && a.size == b.size && a.atime == b.atime && a.mtime == b.mtime &&
         a.ctime == b.ctime && a.btime == b.btime && a.target == b.target && a.digest == b.digest &&
         a.second_digest == b.second_digest && a.prefix_digest == b.prefix_digest &&
         a.failed_stage == b.failed_stage && a.failed_errno == b.failed_errno;
}

TEST(FactsCodecTest, GivesBackWhatItTook) {
  Bytes bytes;
  FileFacts plain;
  plain.name = "p";
  append_facts(full_facts(), bytes);
  append_facts(plain, bytes);
  ByteView input = bytes;
  FileFacts facts;
  ASSERT_TRUE(take_facts(input, facts));
  EXPECT_TRUE(is_same(facts, full_facts()));
  // The same object again: nothing of the last one stays behind.
  ASSERT_TRUE(take_facts(input, facts));
  EXPECT_TRUE(is_same(facts, plain));
  EXPECT_TRUE(input.empty());
}

TEST(FactsCodecTest, RefusesEveryCut) {
  Bytes bytes;
  append_facts(full_facts(), bytes);
  for (std::size_t size = 0; size < bytes.size(); size += size < 600 ? 1 : 97) {
    ByteView input = ByteView(bytes).first(size);
    FileFacts facts;
    EXPECT_FALSE(take_facts(input, facts)) << size;
  }
}

TEST(FactsCodecTest, RefusesNamesThatNoDirectoryHolds) {
  for (const std::string& name : {std::string(), std::string("a/b"), std::string("a\0b", 3),
                                  std::string(".."), std::string(kMaxName + 1, 'n')}) {
    FileFacts facts;
    facts.name = name;
    Bytes bytes;
    append_facts(facts, bytes);
    ByteView input = bytes;
    EXPECT_FALSE(take_facts(input, facts)) << name.size();
  }
  EXPECT_TRUE(is_good_name(std::string(kMaxName, 'n')));
  EXPECT_TRUE(is_good_name("."));
}

TEST(FactsCodecTest, NeverReadsPastWhatItWasGiven) {
  Bytes bytes;
  append_facts(full_facts(), bytes);
  // Each byte of the block set to its worst; sanitizers watch.
  for (std::size_t at = 0; at < 104; ++at) {
    Bytes bad = bytes;
    bad[at] = 0xFF;
    ByteView input = bad;
    FileFacts facts;
    (void)take_facts(input, facts);
  }
}

TEST(RequestsTest, GiveBackAnOrder) {
  Request request;
  request.number = 7;
  request.is_careful = true;
  request.skipped = {"hung"};
  request.order.directory = "/var/log";
  request.order.trusted_depth = 1;
  request.order.lists = true;
  request.order.inode = 5;
  request.order.prefix_size = 6;
  request.order.attributes = policy::AttributeSet(0x123);
  request.order.names.push_back(
      {.name = "syslog", .attributes = policy::AttributeSet(0x456), .prefix_size = 99, .type = 8});
  const Bytes bytes = encode(request);
  const auto back = decode_request(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->number, 7U);
  EXPECT_TRUE(back->is_careful);
  EXPECT_EQ(back->skipped, request.skipped);
  EXPECT_EQ(back->order.directory, "/var/log");
  EXPECT_EQ(back->order.trusted_depth, 1U);
  EXPECT_TRUE(back->order.lists);
  EXPECT_EQ(back->order.inode, 5U);
  EXPECT_EQ(back->order.prefix_size, 6U);
  EXPECT_EQ(back->order.attributes.bits(), 0x123U);
  ASSERT_EQ(back->order.names.size(), 1U);
  EXPECT_EQ(back->order.names[0].name, "syslog");
  EXPECT_EQ(back->order.names[0].attributes.bits(), 0x456U);
  EXPECT_EQ(back->order.names[0].prefix_size, 99U);
  EXPECT_EQ(back->order.names[0].type, 8);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_request(ByteView(bytes).first(size))) << size;
  }
}

TEST(RequestsTest, GiveBackAReply) {
  ReplyWriter writer;
  writer.add(full_facts());
  writer.add_rest("left", 8);
  const ByteView view = writer.finish(
      3, {.is_last = true, .failed_stage = Stage::Opendir, .failed_errno = 13, .bytes_read = 99});
  const Bytes bytes(view.begin(), view.end());
  const auto reply = decode_reply(bytes);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->number, 3U);
  EXPECT_TRUE(reply->answer.is_last);
  EXPECT_EQ(reply->answer.failed_stage, Stage::Opendir);
  EXPECT_EQ(reply->answer.failed_errno, 13);
  EXPECT_EQ(reply->answer.bytes_read, 99U);
  ASSERT_EQ(reply->answer.facts.size(), 1U);
  EXPECT_TRUE(is_same(reply->answer.facts[0], full_facts()));
  ASSERT_EQ(reply->answer.rest.size(), 1U);
  EXPECT_EQ(reply->answer.rest[0].name, "left");
  EXPECT_EQ(reply->answer.rest[0].type, 8);
  // Begun anew: nothing is left over for the next.
  EXPECT_EQ(decode_reply(writer.finish(4, {}))->answer.facts.size(), 0U);
}

TEST(RequestsTest, RefuseAReplyThatPromisesMoreThanItHas) {
  ReplyWriter writer;
  writer.add(full_facts());
  const ByteView view = writer.finish(3, {});
  Bytes bytes(view.begin(), view.end());
  bytes[18] = 0xFF;  // the count of facts: four billion
  EXPECT_FALSE(decode_reply(bytes));
  EXPECT_FALSE(decode_reply(ByteView(bytes).first(21)));
  bytes[4 + 1] = 99;  // a stage that does not exist
  EXPECT_FALSE(decode_reply(bytes));
}

TEST(RequestsTest, GiveBackABegin) {
  EXPECT_EQ(decode_begin(encode_begin(9, "f"))->name, "f");
  EXPECT_EQ(decode_begin(encode_begin(9, ""))->number, 9U);
  EXPECT_FALSE(decode_begin(encode_begin(9, "a/b")));
}

}  // namespace
}  // namespace samhain::scan
