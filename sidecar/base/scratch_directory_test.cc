#include "sidecar/base/scratch_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "sidecar/base/file.h"

namespace auspex {
namespace {

TEST(ScratchDirectory, GoesWithWhatIsInIt) {
  std::string path;
  {
    ScratchDirectory scratch;
    ASSERT_TRUE(scratch.Create().ok());
    path = scratch.File("");
    ASSERT_TRUE(CreateDirectories(scratch.File("a/b")).ok());
    ASSERT_TRUE(WriteFileAtomically(scratch.File("a/b/c"), "text").ok());
    ASSERT_TRUE(std::filesystem::is_directory(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ScratchDirectory, TwoDoNotMeet) {
  ScratchDirectory one;
  ScratchDirectory two;
  ASSERT_TRUE(one.Create().ok());
  ASSERT_TRUE(two.Create().ok());
  EXPECT_NE(one.File(""), two.File(""));
}

}  // namespace
}  // namespace auspex
