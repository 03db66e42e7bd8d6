// The aggregate functions: the values of an aggregate's members at one step become one value.
#pragma once

#include <cstdint>

#include "sidecar/aggregate/compensated_sum.h"
#include "sidecar/core/aggregation_rule.h"
#include "sidecar/core/sample.h"

namespace auspex {

// Folds the members of one aggregate at one step, in any order. 24 bytes, a plain value; which
// function it folds is given with each call, so that a matrix of them stays small.
//
// As in PromQL, min and max prefer every other value to NaN, sum and avg become NaN with any NaN
// member, and count counts NaN members.
class GroupAccumulator {
 public:
  // REQUIRES: the same function in every call. A member without a value must not be added.
  void Add(Aggregate function, double value);

  // The aggregate's value. Missing() when no member was added, and also when PromQL's answer is
  // NaN: a value that is not a number tells a forecast nothing, and history keeps the two alike.
  double Value(Aggregate function) const;

 private:
  // Whether the value just counted becomes the extreme, given that it compares better.
  bool Replaces(bool better) const;

  CompensatedSum total_;  // the sum; for avg scaled by kMeanScale; for min and max the extreme
  uint64_t count_ = 0;
};

}  // namespace auspex
