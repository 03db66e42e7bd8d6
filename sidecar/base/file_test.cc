#include "sidecar/base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace auspex {
namespace {

namespace fs = std::filesystem;

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string directory = ::testing::TempDir() + "file_test.XXXXXX";
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    root_ = directory;
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string root_;
};

TEST_F(FileTest, WritesReplacesAndReadsBack) {
  const std::string path = root_ + "/a";
  const std::string big(200'000, '\0');
  for (const std::string& content : {std::string("one"), big, std::string()}) {
    ASSERT_TRUE(WriteFileAtomically(path, content).ok());
    const auto read = ReadFile(path);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(*read == content);
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), fs::directory_iterator()), 1)
      << "no temporary file may stay";
  EXPECT_EQ(fs::status(path).permissions() & fs::perms::mask, fs::perms(0644));
}

TEST_F(FileTest, ErrorsNameThePath) {
  const std::string missing = root_ + "/no/such";
  const auto read = ReadFile(missing);
  EXPECT_EQ(read.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(read.status().message()), ::testing::HasSubstr(missing));
  const absl::Status written = WriteFileAtomically(missing, "x");
  EXPECT_EQ(written.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(written.message()), ::testing::HasSubstr(missing));
}

TEST_F(FileTest, AFailedReplacementLeavesTheOldAndNoTemporary) {
  const std::string path = root_ + "/taken";
  ASSERT_TRUE(CreateDirectories(path + "/inside").ok());
  EXPECT_FALSE(WriteFileAtomically(path, "x").ok());
  EXPECT_TRUE(fs::is_directory(path + "/inside"));
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), fs::directory_iterator()), 1);
}

TEST_F(FileTest, CreateDirectoriesIsIdempotentAndReportsFiles) {
  EXPECT_TRUE(CreateDirectories(root_ + "/a/b/c").ok());
  EXPECT_TRUE(CreateDirectories(root_ + "/a/b/c").ok());
  ASSERT_TRUE(WriteFileAtomically(root_ + "/file", "").ok());
  const absl::Status status = CreateDirectories(root_ + "/file/below");
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(root_ + "/file/below"));
}

}  // namespace
}  // namespace auspex
