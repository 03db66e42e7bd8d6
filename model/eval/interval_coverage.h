// How wide intervals should have been, from truths that no fit has seen. A network knows what it
// has learned from better than what comes, and its intervals are too narrow by as much.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace auspex::model {

// Counts truths by how far the outer quantiles of their forecasts must be moved away from the
// median to hold them. A plain value, small: one is kept for every candidate of an aggregate.
class IntervalCoverage {
 public:
  // `quantiles` are ascending, of at least one level, the median at index `median`, all in the unit
  // of the truth. One that equals `last`, the value at the origin, is "no change": it does not
  // move. Nothing is NaN.
  void Add(float truth, std::span<const float> quantiles, size_t median, float last);
  void Add(const IntervalCoverage& other);

  uint32_t truths() const { return truths_; }
  // The smallest factor on the distance from the median that holds a share `nominal` of the truths,
  // rounded up to a step of 5 %. At least 1: a few days on which narrower intervals would have done
  // are luck more often than not. At most kFactorMax, also when none is enough; 1 before there are
  // kTruthsMin truths.
  double Factor(double nominal) const;

  static constexpr double kFactorMax = 2;
  static constexpr uint32_t kTruthsMin = 100;

 private:
  static constexpr int kSteps = 15;  // 1.05^15 is above 2

  std::array<uint32_t, kSteps + 1> held_{};  // by the first step that holds them; 0: as they are
  uint32_t truths_ = 0;
};

}  // namespace auspex::model
