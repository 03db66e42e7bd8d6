#include "model/spec/members.h"

#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace auspex::model {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsNan;
using ::testing::Not;
using ::testing::SizeIs;

ModelSpec ThreeMembers() { return {.hidden = 3, .decoder_width = 4, .members = 3}; }

TEST(MembersTest, EachHasTheTensorsOfOneNetwork) {
  const std::vector<TensorShape> network = TensorShapes(MemberSpec(ThreeMembers()));
  const std::vector<TensorShape> model = TensorShapes(ThreeMembers());
  ASSERT_THAT(model, SizeIs(3 * network.size()));
  for (size_t i = 0; i < network.size(); ++i) {
    EXPECT_EQ(model[i].name, "member.0." + network[i].name);
    EXPECT_EQ(model[2 * network.size() + i].name, "member.2." + network[i].name);
    EXPECT_EQ(model[network.size() + i].shape, network[i].shape);
  }
}

TEST(MembersTest, SplitAndJoinedAreTheSame) {
  const ModelSpec spec = ThreeMembers();
  const Weights weights = UntrainedWeights(spec);
  std::vector<Weights> members;
  for (int m = 0; m < 3; ++m) {
    members.push_back(MemberWeights(spec, weights, m));
    EXPECT_TRUE(CheckWeights(MemberSpec(spec), members.back()).ok());
  }
  EXPECT_THAT(JoinMembers(members).values(), ElementsAreArray(weights.values()));
}

TEST(MembersTest, AMemberKeepsTheWeightsAlive) {
  const ModelSpec spec = ThreeMembers();
  Weights weights = UntrainedWeights(spec);
  const std::vector<float> values(weights.values().begin(), weights.values().end());
  const Weights last = MemberWeights(spec, weights, 2);
  weights = Weights();
  EXPECT_THAT(last.values(), ElementsAreArray(std::span(values).last(last.values().size())));
}

TEST(MembersTest, StartApartAndTheFirstAsOneAlone) {
  const ModelSpec spec = ThreeMembers();
  const Weights weights = UntrainedWeights(spec);
  const auto member = [&](int m) { return MemberWeights(spec, weights, m).values(); };
  EXPECT_THAT(member(0), ElementsAreArray(UntrainedWeights(MemberSpec(spec)).values()));
  EXPECT_THAT(member(1), Not(ElementsAreArray(member(0))));
  EXPECT_THAT(member(2), Not(ElementsAreArray(member(1))));
}

TEST(MembersTest, MedianIsOfEachValueByItself) {
  const std::vector<float> values = {1, 9, -4,  //
                                     2, 7, -6,  //
                                     3, 8, -5};
  std::vector<float> medians(3);
  MedianOfMembers(values, medians);
  EXPECT_THAT(medians, ElementsAre(2, 8, -5));
  std::vector<float> alone(9);
  MedianOfMembers(values, alone);
  EXPECT_THAT(alone, ElementsAreArray(values));
}

TEST(MembersTest, MedianOfNothingKnownIsUnknown) {
  const std::vector<float> values(10, std::numeric_limits<float>::quiet_NaN());
  std::vector<float> medians(2);
  MedianOfMembers(values, medians);
  EXPECT_THAT(medians, Each(IsNan()));
}

}  // namespace
}  // namespace auspex::model
