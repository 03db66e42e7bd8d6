#include "sidecar/aggregate/group_accumulator.h"

namespace auspex {

void GroupAccumulator::Add(Aggregate function, double value) {
  ++count_;
  switch (function) {
    case Aggregate::kSum:
      total_.Add(value);
      break;
    case Aggregate::kAvg:
      total_.Add(value * kMeanScale);
      break;
    case Aggregate::kMin:
      if (Replaces(value < total_.Total())) total_ = CompensatedSum(value);
      break;
    case Aggregate::kMax:
      if (Replaces(value > total_.Total())) total_ = CompensatedSum(value);
      break;
    case Aggregate::kCount:
      break;
  }
}

bool GroupAccumulator::Replaces(bool better) const {
  return better || count_ == 1 || IsMissing(total_.Total());
}

double GroupAccumulator::Value(Aggregate function) const {
  if (count_ == 0) return Missing();
  switch (function) {
    case Aggregate::kSum:
    case Aggregate::kMin:
    case Aggregate::kMax:
      return total_.Total();
    case Aggregate::kAvg:
      return total_.Total() / static_cast<double>(count_) / kMeanScale;
    case Aggregate::kCount:
      return static_cast<double>(count_);
  }
  return Missing();
}

}  // namespace auspex
