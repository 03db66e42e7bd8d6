#include "model/spec/members.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace auspex::model {

ModelSpec MemberSpec(ModelSpec spec) {
  spec.members = 1;
  return spec;
}

Weights MemberWeights(const ModelSpec& spec, const Weights& weights, int member) {
  const size_t count = weights.values().size() / static_cast<size_t>(spec.members);
  return weights.Part(static_cast<size_t>(member) * count, count);
}

Weights JoinMembers(std::span<const Weights> members) {
  if (members.size() == 1) return members.front();
  std::vector<float> values;
  for (const Weights& member : members) {
    values.insert(values.end(), member.values().begin(), member.values().end());
  }
  return Weights::FromVector(std::move(values));
}

void MedianOfMembers(std::span<const float> values, std::span<float> medians) {
  const size_t n = medians.size();
  const size_t members = n == 0 ? 0 : values.size() / n;
  std::array<float, kMembersMax> answers;
  for (size_t i = 0; i < n; ++i) {
    for (size_t m = 0; m < members; ++m) answers[m] = values[m * n + i];
    const auto middle = answers.begin() + members / 2;
    std::nth_element(answers.begin(), middle, answers.begin() + members);
    medians[i] = *middle;
  }
}

}  // namespace auspex::model
