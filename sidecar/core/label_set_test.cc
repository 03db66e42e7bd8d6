#include "sidecar/core/label_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/hash/hash.h"

namespace auspex {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(LabelSetTest, SortsDropsEmptyAndKeepsTheLastOfEqualNames) {
  const LabelSet set({{"b", "1"}, {"a", "x"}, {"c", ""}, {"b", "2"}, {"d", "9"}, {"d", ""}});
  EXPECT_THAT(set.labels(), ElementsAre(Pair("a", "x"), Pair("b", "2")));
}

TEST(LabelSetTest, GetAnswersEmptyForAbsent) {
  const LabelSet set({{"__name__", "up"}, {"job", "node"}});
  EXPECT_EQ(set.Get("job"), "node");
  EXPECT_EQ(set.Get("jo"), "");
  EXPECT_EQ(set.Get("zzz"), "");
  EXPECT_TRUE(set.Has("job"));
  EXPECT_FALSE(set.Has("instance"));
  EXPECT_EQ(set.metric_name(), "up");
}

TEST(LabelSetTest, WithSetsReplacesAndRemoves) {
  const LabelSet set({{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(set.With("c", "3"), LabelSet({{"a", "1"}, {"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(set.With("a", "9"), LabelSet({{"a", "9"}, {"b", "2"}}));
  EXPECT_EQ(set.Without("a"), LabelSet({{"b", "2"}}));
  EXPECT_EQ(set.Without("absent"), set);
}

TEST(LabelSetTest, MergedPrefersTheOther) {
  const LabelSet set({{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(set.Merged(LabelSet({{"b", "x"}, {"c", "y"}})),
            LabelSet({{"a", "1"}, {"b", "x"}, {"c", "y"}}));
}

TEST(LabelSetTest, ToStringIsPromql) {
  EXPECT_EQ(LabelSet().ToString(), "{}");
  EXPECT_EQ(LabelSet({{"__name__", "up"}}).ToString(), "up");
  EXPECT_EQ(LabelSet({{"b", "say \"hi\"\\\n"}, {"__name__", "up"}, {"a", "1"}}).ToString(),
            R"(up{a="1",b="say \"hi\"\\\n"})");
  EXPECT_EQ(LabelSet({{"a", "1"}}).ToString(), R"({a="1"})");
}

TEST(LabelSetTest, HashesAsItCompares) {
  const absl::Hash<LabelSet> hash;
  EXPECT_EQ(hash(LabelSet({{"a", "1"}, {"b", "2"}})), hash(LabelSet({{"b", "2"}, {"a", "1"}})));
  EXPECT_NE(hash(LabelSet({{"a", "bc"}})), hash(LabelSet({{"ab", "c"}})));
}

}  // namespace
}  // namespace auspex
