#include "sidecar/registry/rule_directory.h"

#include <gtest/gtest.h>

namespace auspex {
namespace {

TEST(RuleDirectoryTest, EncodesWhatAFileSystemMayNotTake) {
  EXPECT_EQ(DirectoryOfRule("storage_quota-2.1"), "storage_quota-2.1");
  EXPECT_EQ(DirectoryOfRule("a/b"), "a%2Fb");
  EXPECT_EQ(DirectoryOfRule(".."), "%2E.");
  EXPECT_EQ(DirectoryOfRule("100%"), "100%25");
  EXPECT_EQ(DirectoryOfRule(std::string_view("\0", 1)), "%00");
}

TEST(RuleDirectoryTest, ComesBackExactly) {
  for (const std::string rule :
       {"storage", ".hidden", "..", "a b/c", "%2F", "\xe5\xad\x98\xe5\x82\xa8"}) {
    EXPECT_EQ(RuleOfDirectory(DirectoryOfRule(rule)), rule);
  }
}

TEST(RuleDirectoryTest, RefusesForeignDirectories) {
  for (const char* directory : {"", "a%", "a%2", "a%zz", "%41", "lost found", "%2f"}) {
    EXPECT_EQ(RuleOfDirectory(directory), std::nullopt) << directory;
  }
}

}  // namespace
}  // namespace auspex
