// A fleet of plain LSTM networks, each with its own weights: an LSTM of some layers and a linear
// head on its newest hidden state. All of them run in one call, one window each. This is the bare
// capability that the forecasts of engine.h are built on (the same kernel, lstm_forward.h), for
// measuring it against others and for networks without our features and decoder.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "model/engine/aligned_buffer.h"
#include "model/engine/engine.h"
#include "model/engine/lstm_weights.h"

namespace auspex::model {

// All are at least 1.
struct LstmShape {
  size_t inputs = 0;
  size_t hidden = 0;
  size_t layers = 1;
  size_t outputs = 0;

  // Parameters of one network.
  size_t parameters() const;
};

// Forward() is thread-safe as long as no SetNetwork() runs.
class LstmFleet {
 public:
  // Every network computes zero until it is set. With `weights` other than floats, outputs differ
  // by up to about 2e-4 for trained weights.
  LstmFleet(const LstmShape& shape, size_t networks, LstmWeights weights = LstmWeights::kFloat);
  ~LstmFleet();

  const LstmShape& shape() const { return shape_; }
  size_t size() const { return networks_; }
  // Bytes of one network's weights as packed.
  size_t bytes_per_network() const { return stride_ * sizeof(float); }

  // Gives network `i` its parameters, in LibTorch's order: per layer weight_ih [4*hidden, inputs],
  // weight_hh [4*hidden, hidden], bias_ih and bias_hh [4*hidden], gates i, f, g, o; then the head's
  // weight [outputs, hidden] and bias [outputs]. Copies them. InvalidArgument when there is no such
  // network, or when the number of parameters is wrong.
  absl::Status SetNetwork(size_t i, std::span<const float> parameters);

  // windows is [size()][steps][inputs], oldest step first; out becomes [size()][outputs].
  // InvalidArgument when a size does not fit. Does not allocate once it has run.
  absl::Status Forward(std::span<const float> windows, size_t steps,
                       const ParallelFor& parallel_for, std::span<float> out) const;

 private:
  struct Scratch;

  size_t LayerInputs(size_t layer) const { return layer == 0 ? shape_.inputs : shape_.hidden; }
  const float* Block(size_t i) const { return block_.data() + i * stride_; }
  void ForwardRange(std::span<const float> windows, size_t steps, size_t begin, size_t end,
                    std::span<float> out) const;
  std::unique_ptr<Scratch> TakeScratch() const;
  void GiveBack(std::unique_ptr<Scratch> scratch) const;

  const LstmShape shape_;
  const size_t networks_;
  const LstmWeights weights_;
  size_t stride_ = 0;  // floats from one network to the next
  AlignedBuffer block_;
  mutable absl::Mutex mutex_;
  mutable std::vector<std::unique_ptr<Scratch>> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace auspex::model
