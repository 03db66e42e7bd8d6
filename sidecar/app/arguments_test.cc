#include "sidecar/app/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace auspex {
namespace {

using ::testing::ElementsAre;

TEST(ArgumentsTest, AnEmptyValueDoesNotTakeTheNextArgument) {
  const char* const arguments[] = {"auspex", "serve",
                                   "--grpc.listen-address=", "--config.file=a.yml"};
  EXPECT_THAT(WithEmptyValues(arguments),
              ElementsAre("auspex", "serve", "--grpc.listen-address", "", "--config.file=a.yml"));
}

TEST(ArgumentsTest, EverythingElseStaysAsItIs) {
  const char* const arguments[] = {"auspex", "--a=b=", "-c=", "--d", "", "=", "--", "--e="};
  EXPECT_THAT(WithEmptyValues(arguments),
              ElementsAre("auspex", "--a=b=", "-c=", "--d", "", "=", "--", "--e="));
}

}  // namespace
}  // namespace auspex
