// Several networks that forecast together: each answers by itself, and what is published is, of
// every quantile of every target, the median of their answers. Networks that differ in nothing but
// how they were drawn err differently; the median keeps what they agree on, "no change" and the
// order of quantiles among it.
#pragma once

#include <cstddef>
#include <span>

#include "model/spec/model_spec.h"
#include "model/spec/weights.h"

namespace auspex::model {

// The spec of each member: `spec` with one member.
ModelSpec MemberSpec(ModelSpec spec);

// The weights of one member, 0..spec.members - 1: a view. REQUIRES: `weights` fit the spec.
Weights MemberWeights(const ModelSpec& spec, const Weights& weights, int member);

// The weights of the members, in this order, as those of one model.
Weights JoinMembers(std::span<const Weights> members);

// medians[i] is the median of values[member * n + i] over the members, n = medians.size().
// REQUIRES: values.size() is an odd multiple of n, of at most kMembersMax.
void MedianOfMembers(std::span<const float> values, std::span<float> medians);

}  // namespace auspex::model
