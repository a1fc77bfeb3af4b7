#include "policy/file_types.h"

#include <gtest/gtest.h>

#include "policy/file_magic.h"

namespace samhain::policy {
namespace {

/// A file that has the bytes of a pattern, and else what no pattern wants.
std::string file_with(const Magic& magic) {
  std::string head(std::max({magic.offset + magic.bytes.size(),
                             magic.more_offset + magic.more.size(), std::size_t{64}}),
                   '\x07');
  head.replace(magic.offset, magic.bytes.size(), magic.bytes);
  head.replace(magic.more_offset, magic.more.size(), magic.more);
  return head;
}
std::string problem_of(FileTypes& types, std::string_view value) {
  const auto added = types.add(value);
  return added ? "" : added.error().what;
}

TEST(FileTypesTest, FindsEachOfItsOwn) {
  const FileTypes types;
  for (const Magic& magic : kMagic) {
    EXPECT_EQ(types.type_of(file_with(magic)), magic.type) << "at " << magic.offset;
    EXPECT_LE(magic.type.size(), 31U);
    EXPECT_LE(magic.offset + magic.bytes.size(), kHeadSize);
  }
  EXPECT_GE(known_types().size(), 150U);
}

TEST(FileTypesTest, HasANameForAllElse) {
  const FileTypes types;
  EXPECT_EQ(types.type_of(""), "FILE:UNKNOWN:UNKNOWN");
  EXPECT_EQ(types.type_of("plain text\n"), "FILE:TEXT:ASCII");
  EXPECT_EQ(types.type_of("plain \x01 text\n"), "FILE:BINARY:UNKNOWN");
  EXPECT_EQ(types.type_of("\x7f\x45L"), "FILE:BINARY:UNKNOWN");                  // too short
  EXPECT_EQ(types.type_of(std::string("\x7f") + "ELF"), "EXECUTABLE:UNIX:ELF");  // just enough
}

TEST(FileTypesTest, AGroupStandsForWhatIsInIt) {
  EXPECT_TRUE(is_of_type("IMAGE:BITMAP:PNG", "IMAGE:BITMAP:PNG"));
  EXPECT_TRUE(is_of_type("IMAGE:BITMAP:PNG", "IMAGE:BITMAP"));
  EXPECT_TRUE(is_of_type("IMAGE:BITMAP:PNG", "IMAGE"));
  EXPECT_FALSE(is_of_type("IMAGE:BITMAP:PNG", "IMAG"));
  EXPECT_FALSE(is_of_type("IMAGE:BITMAP:PNG", "IMAGE:BITMAP:PN"));
  EXPECT_FALSE(is_of_type("IMAGE:BITMAP:PNG", "image"));
}

TEST(FileTypesTest, TakesTypesOfTheConfiguration) {
  FileTypes types;
  EXPECT_EQ(problem_of(types, "4:1:6:DATA:OWN:BLOB:Our blob:a:=00=3Dbc"), "");
  EXPECT_EQ(types.type_of(std::string("....a:\0=bc", 10)), "DATA:OWN:BLOB");
  // Every type of ours before it.
  EXPECT_EQ(problem_of(types, "0:0:5:FILE:TEXT:ABCDE:abcde:abcde"), "");
  EXPECT_EQ(types.type_of("abcde"), "FILE:TEXT:ABCDE");
}

TEST(FileTypesTest, SaysWhichPatternComesFirst) {
  FileTypes types;
  EXPECT_TRUE(
      problem_of(types, "0:1:6:MY:OWN:ELF:Elf:=7FELF=01").starts_with("the bytes are not as many"));
  const std::string text = problem_of(types, "0:1:5:MY:OWN:ELF:Elf:=7FELF=01");
  EXPECT_TRUE(text.ends_with("; leave it out, or give bytes that differ")) << text;
  EXPECT_NE(text.find("(MY:OWN:ELF) override by earlier pattern 1 (EXECUTABLE:UNIX:ELF)"),
            std::string::npos);
  EXPECT_EQ(problem_of(types, "2:0:2:A:B:C:name:xy"), "");
  EXPECT_NE(problem_of(types, "1:0:4:A:B:D:name:wxyz"), "");
  EXPECT_EQ(problem_of(types, "2:0:2:A:B:D:name:xz"), "");
}

TEST(FileTypesTest, RefusesWhatIsNoType) {
  FileTypes types;
  for (const char* value : {"", "0:1:4:A:B:C:name", "x:1:4:A:B:C:n:abcd", "0:2:4:A:B:C:n:abcd",
                            "0:1:0:A:B:C:n:", "0:1:4:A::C:n:abcd", "0:1:4:A:B:C::abcd",
                            "0:1:3:A:B:C:n:abcd", "0:1:2:A:B:C:n:a=0", "0:1:2:A:B:C:n:a=-1",
                            "3072:1:1:A:B:C:n:a", "18446744073709551615:1:4:A:B:C:n:abcd",
                            "0:1:4:AAAAAAAAAAAAAAAA:BBBBBBBBBBBBB:CC:n:abcd"}) {
    EXPECT_NE(problem_of(types, value).find("; "), std::string::npos) << value;
  }
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(problem_of(types, "7:0:2:A:B:C:n:q" + std::string(1, static_cast<char>('a' + i))),
              "");
  }
  EXPECT_TRUE(problem_of(types, "7:0:2:A:B:C:n:zz").starts_with("too many types"));
}

}  // namespace
}  // namespace samhain::policy
