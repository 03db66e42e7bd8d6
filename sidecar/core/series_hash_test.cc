#include "sidecar/core/series_hash.h"

#include <gtest/gtest.h>

namespace auspex {
namespace {

TEST(SeriesHashTest, TellsTextBoundariesAndOrderApart) {
  const SeriesHasher hasher;
  std::string scratch;
  const LabelView ab[] = {{"a", "bc"}, {"d", "e"}};
  const LabelView shifted[] = {{"ab", "c"}, {"d", "e"}};
  const LabelView reversed[] = {{"d", "e"}, {"a", "bc"}};
  const SeriesHash hash = hasher.Labels(ab, scratch);
  EXPECT_EQ(hash, hasher.Labels(ab, scratch));
  EXPECT_EQ(hash, hasher.Labels(LabelSet({{"d", "e"}, {"a", "bc"}}), scratch));
  EXPECT_FALSE(hash == hasher.Labels(shifted, scratch));
  EXPECT_FALSE(hash == hasher.Labels(reversed, scratch));
}

TEST(SeriesHashTest, EveryHasherHasASecretOfItsOwn) {
  const SeriesHasher a, b;
  // The three ways in which XXH3 treats inputs by their size.
  for (const size_t size : {8, 200, 1000}) {
    const std::string bytes(size, 'x');
    EXPECT_EQ(a.WireLabels(bytes), a.WireLabels(bytes));
    EXPECT_FALSE(a.WireLabels(bytes) == b.WireLabels(bytes)) << size;
  }
}

TEST(SeriesHashTest, WireBytesAreNeverTakenForTexts) {
  const SeriesHasher hasher;
  std::string scratch;
  const SeriesHash texts = hasher.Labels(LabelSet({{"a", "b"}}), scratch);
  EXPECT_FALSE(texts == hasher.WireLabels(std::string_view(scratch).substr(1)));
}

}  // namespace
}  // namespace auspex
