// From the decoder's outputs for one target to its quantiles: the part of the network that all
// backends on the host share.
#pragma once

#include <span>

#include "model/features/features.h"
#include "model/spec/blend.h"
#include "model/spec/model_spec.h"

namespace auspex::model {

// What the head reads of one target besides the decoder's outputs. Borrowed.
struct TargetInputs {
  std::span<const float> backtest_logs;  // [kBacktestLogs]
  std::span<const float> candidates;     // [kCandidates]
  double long_share = 0;                 // LongLeadShare of the target's lead
};
TargetInputs TargetInputsAt(const WindowFeatures& window, const TargetFeatures& targets, size_t t);

// Where the last value has a probability of its own ("no change": it lies between the chances of a
// value below the last and of one up to it), the quantile of every level that falls into it becomes
// exactly that value; the others stay on their side of it.
void PutAtLast(double last, double below, double up_to, std::span<const double> levels,
               std::span<double> quantiles);

class OutputHead {
 public:
  // Borrows the spec's quantile levels.
  OutputHead(const ModelSpec& spec, double tau);

  // Quantiles in units of z, ascending: the median is the mix of the candidates by
  // softmax(logits - tau * backtest_logs) plus the damped correction; the others lie a cumulated
  // softplus away from it; those whose level falls into the probability of "no change" are exactly
  // the last value. `outputs` are the decoder_outputs() of the target.
  void Quantiles(const TargetInputs& target, std::span<const float> outputs,
                 std::span<double> quantiles) const;
  void Quantiles(const TargetInputs& target, std::span<const double> outputs,
                 std::span<double> quantiles) const;

  // What is published for those quantiles, in units of the series: the blended median, the spreads
  // around it, nothing below zero where the context never is, nothing beyond what a float holds.
  void Publish(const WindowFeatures& window, const Blend& blend, std::span<const float> candidates,
               std::span<const double> quantiles, std::span<float> out) const;

 private:
  template <typename T>
  void FillQuantiles(const TargetInputs& target, std::span<const T> outputs,
                     std::span<double> quantiles) const;

  std::span<const double> levels_;
  size_t median_;
  double tau_;
};

}  // namespace auspex::model
