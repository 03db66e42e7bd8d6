#include "tests/testing/subprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/testing/free_port.h"

namespace auspex {
namespace {

using ::testing::HasSubstr;

TEST(SubprocessTest, RunsWithEnvironmentAndLogsBothStreams) {
  auto child = Subprocess::Start({.args = {"/bin/sh", "-c", "echo out $WORD; echo err >&2; exit 3"},
                                  .env = {{"WORD", "x y"}}});
  ASSERT_TRUE(child.ok()) << child.status();
  const auto status = child->Wait(10 * kSecond);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(*status, 3);
  EXPECT_EQ(child->Log(), "out x y\nerr\n");
}

TEST(SubprocessTest, ReportsTheSignalThatEndedIt) {
  auto child = Subprocess::Start({.args = {"/bin/sleep", "60"}});
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_TRUE(child->Running());
  EXPECT_EQ(child->Wait(1).status().code(), absl::StatusCode::kDeadlineExceeded);
  child->Signal(SIGTERM);
  const auto status = child->Wait(10 * kSecond);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(*status, 128 + SIGTERM);
}

TEST(SubprocessTest, EndsTheChildWithItself) {
  pid_t pid = 0;
  {
    auto child = Subprocess::Start({.args = {"/bin/sleep", "60"}});
    ASSERT_TRUE(child.ok()) << child.status();
    pid = child->pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(SubprocessTest, MissingProgramIsNamedInTheLog) {
  auto child = Subprocess::Start({.args = {"/no/such/program"}});
  ASSERT_TRUE(child.ok()) << child.status();
  const auto status = child->Wait(10 * kSecond);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(*status, 127);
  EXPECT_THAT(child->Log(), HasSubstr("/no/such/program"));
}

TEST(SubprocessTest, WaitingForADeadServerFailsWithItsLog) {
  auto child = Subprocess::Start({.args = {"/bin/sh", "-c", "echo no config; exit 1"}});
  ASSERT_TRUE(child.ok()) << child.status();
  const std::string url = "http://127.0.0.1:" + std::to_string(FreePort()) + "/";
  const absl::Status ready = WaitForHttp200(*child, url, 10 * kSecond);
  EXPECT_EQ(ready.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(ready.message()), HasSubstr("no config"));
}

}  // namespace
}  // namespace auspex
