#include "sidecar/emit/exposition.h"

#include <gtest/gtest.h>

#include <limits>

namespace auspex {
namespace {

TEST(Exposition, GroupsByNameWithoutTimestamps) {
  const auto series = [](const std::string& name, const std::string& user) {
    return LabelSet({{"__name__", name}, {"user", user}});
  };
  const std::string text = ExpositionText({
      {series("b", "x"), {123, 2.5}},
      {series("a", "quote\"d"), {123, std::numeric_limits<double>::infinity()}},
      {series("b", "y"), {123, 1e13}},
      {series("b", "gone"), {123, StaleMarker()}},
  });
  EXPECT_EQ(text,
            "# TYPE a gauge\n"
            "a{user=\"quote\\\"d\"} +Inf\n"
            "# TYPE b gauge\n"
            "b{user=\"x\"} 2.5\n"
            "b{user=\"y\"} 10000000000000\n");
}

}  // namespace
}  // namespace auspex
