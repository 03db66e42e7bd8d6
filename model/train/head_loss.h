// The loss of a batch with its gradient, computed in one pass over the decoder's outputs: what
// model/engine/output_head.h makes of them, the pinball loss of its quantiles, and the cross
// entropy of its two chances around the last value. As separate tensor operations these would take
// several times as long as the layers.
#pragma once

#include <span>
#include <vector>

#include "model/spec/model_spec.h"
#include "model/train/planes.h"

namespace auspex::model {

// The targets of one member's batch: B windows with K targets each, which are the columns of every
// plane, window by window. Borrowed.
struct HeadBatch {
  std::span<const float> backtest_logs;  // [B, kBacktestLogs]
  std::span<const float> weight;         // [B]: how much each of a window's targets counts
  ConstPlane candidates;                 // [kCandidates][B * K]
  std::span<const float> long_share;     // [B * K]: LongLeadShare of the target's lead
  std::span<const float> z;              // [B * K]: the truth, NaN = missing
};

// Stateless; thread-safe.
class HeadLoss {
 public:
  explicit HeadLoss(const ModelSpec& spec);

  // The sum over the targets that are there, by the weights. `outputs` is
  // [decoder_outputs()][B * K]; its gradient goes to `gradient`, of the same shape, that of tau to
  // `tau_gradient`.
  double Compute(const HeadBatch& batch, ConstPlane outputs, float tau, Plane gradient,
                 float* tau_gradient) const;

 private:
  const std::vector<float> levels_;
  const size_t median_;
};

}  // namespace auspex::model
