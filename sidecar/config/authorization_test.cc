#include "sidecar/config/authorization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "sidecar/base/file.h"

namespace auspex {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(AuthorizationTest, OneHeaderOrNone) {
  const std::string path = ::testing::TempDir() + "authorization_test.secret";
  ASSERT_TRUE(WriteFileAtomically(path, "open sesame\n").ok());
  EXPECT_THAT(*AuthorizationHeaders({}), IsEmpty());
  // The example of RFC 7617, section 2.
  EXPECT_THAT(*AuthorizationHeaders({.username = "Aladdin", .password = "open sesame"}),
              ElementsAre(Pair("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")));
  EXPECT_THAT(*AuthorizationHeaders({.username = "Aladdin", .password_file = path}),
              ElementsAre(Pair("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")));
  EXPECT_THAT(*AuthorizationHeaders({.bearer_token_file = path}),
              ElementsAre(Pair("Authorization", "Bearer open sesame")));
  std::remove(path.c_str());
}

TEST(AuthorizationTest, AMissingFileIsAnErrorThatNamesIt) {
  const auto headers = AuthorizationHeaders({.bearer_token_file = "/no/such/token"});
  EXPECT_EQ(headers.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(headers.status().message()), ::testing::HasSubstr("/no/such/token"));
}

}  // namespace
}  // namespace auspex
