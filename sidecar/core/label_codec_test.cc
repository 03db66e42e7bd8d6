#include "sidecar/core/label_codec.h"

#include <gtest/gtest.h>

namespace auspex {
namespace {

TEST(LabelCodec, RoundTripLeavesTheRest) {
  const LabelSet labels({{"a", "1"}, {"b", std::string("\0\n\"", 3)}});
  std::string bytes;
  EncodeLabels(labels, &bytes);
  bytes += "rest";
  std::string_view view = bytes;
  LabelSet read;
  ASSERT_TRUE(DecodeLabels(&view, &read));
  EXPECT_EQ(read, labels);
  EXPECT_EQ(view, "rest");
}

TEST(LabelCodec, TruncatedBytesAreRefused) {
  std::string bytes;
  EncodeLabels(LabelSet({{"name", "value"}}), &bytes);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    std::string_view view(bytes.data(), cut);
    LabelSet read;
    EXPECT_FALSE(DecodeLabels(&view, &read)) << cut;
  }
}

}  // namespace
}  // namespace auspex
