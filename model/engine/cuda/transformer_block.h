// The transformer of one item, by one block: all patches at once, which are the columns of every
// matrix here. model/engine/network_reference.cc has the formulas.
#pragma once

#include <cmath>

#include "model/engine/cuda/block.h"
#include "model/engine/cuda/dense_block.h"
#include "model/engine/cuda/fleet_plan.h"

namespace auspex::model {

// All but the weights is shared memory; sizes as in EncoderPlan. Unit u of a patch's column c is at
// [u * columns + c] of rows, normed and wide.
struct TransformerMemory {
  const float* weights;  // of the network, in device memory
  float* rows;           // what layers add to
  float* normed;         // rows, normalised; then what the heads gather; then the layer's last sums
  float* wide;           // queries, keys and values; then sums; then the feed-forward part's inside
  float* scores;         // [heads][patches][patches]: of each query with all keys
};

// One column: mean 0 and variance 1 over the units, then scaled and shifted. Writes every
// `stride`-th float from `y` on.
AUSPEX_DEVICE void NormalizeColumn(const NormLayout& norm, const float* weights, int units,
                                   float epsilon, const float* x, int stride, float* y) {
  float sum = 0;
  for (int u = 0; u < units; ++u) sum += x[u * stride];
  const float mean = sum / static_cast<float>(units);
  float squares = 0;
  for (int u = 0; u < units; ++u) {
    const float off = x[u * stride] - mean;
    squares = std::fma(off, off, squares);
  }
  const float inverse = 1.0F / std::sqrt(squares / static_cast<float>(units) + epsilon);
  for (int u = 0; u < units; ++u) {
    y[u * stride] = std::fma((x[u * stride] - mean) * inverse, weights[norm.scale + u],
                             weights[norm.shift + u]);
  }
}

// Borrows all that it is given. Padding columns are computed along, as if they were patches of
// zero, and read by no patch.
template <class Block>
class Transformer {
 public:
  AUSPEX_DEVICE Transformer(Block& block, const FleetPlan& plan, const TransformerMemory& memory)
      : block_(block),
        network_(plan.network),
        memory_(memory),
        units_(plan.network.hidden),
        columns_(plan.encoder.columns),
        patches_(plan.network.patches) {}

  // `x` is [patch_inputs][columns]; writes the newest patch's `hidden` units.
  AUSPEX_DEVICE void Run(const float* x, float* hidden) {
    const TransformerLayout& layout = network_.transformer;
    Multiply<false>(layout.embedding, x, memory_.rows);
    AddPosition();
    for (int n = 0; n < network_.layers; ++n) RunLayer(layout.layer[n]);
    block_.Each([&](int thread) {
      if (thread > 0) return;
      NormalizeColumn(layout.norm, memory_.weights, units_, layout.norm_epsilon,
                      memory_.rows + patches_ - 1, columns_, memory_.normed);
      for (int u = 0; u < units_; ++u) hidden[u] = memory_.normed[u * columns_];
    });
  }

 private:
  template <bool kRelu>
  AUSPEX_DEVICE void Multiply(const DenseLayout& dense, const float* x, float* y) {
    DenseColumns<kRelu>(block_, dense, memory_.weights + dense.weights,
                        memory_.weights + dense.bias, {x, columns_}, columns_, y);
  }

  AUSPEX_DEVICE void AddPosition() {
    const float* const position = memory_.weights + network_.transformer.position;
    block_.Each([&](int thread) {
      for (int i = thread; i < units_ * patches_; i += block_.threads()) {
        memory_.rows[i % units_ * columns_ + i / units_] += position[i];
      }
    });
  }

  AUSPEX_DEVICE void RunLayer(const TransformerLayerLayout& layer) {
    Normalize(layer.norm1);
    Multiply<false>(layer.projections, memory_.normed, memory_.wide);
    Score();
    Weigh();
    Gather();
    Multiply<false>(layer.out, memory_.normed, memory_.wide);
    Add(memory_.wide);
    Normalize(layer.norm2);
    Multiply<true>(layer.linear1, memory_.normed, memory_.wide);
    Multiply<false>(layer.linear2, memory_.wide, memory_.normed);
    Add(memory_.normed);
  }

  AUSPEX_DEVICE void Normalize(const NormLayout& norm) {
    block_.Each([&](int thread) {
      for (int c = thread; c < columns_; c += block_.threads()) {
        NormalizeColumn(norm, memory_.weights, units_, network_.transformer.norm_epsilon,
                        memory_.rows + c, columns_, memory_.normed + c);
      }
    });
  }

  // Products of all queries with all keys, of every head.
  AUSPEX_DEVICE void Score() {
    const int size = units_ / network_.transformer.heads;
    const float factor = 1.0F / std::sqrt(static_cast<float>(size));
    const float* const queries = memory_.wide;
    const float* const keys = memory_.wide + units_ * columns_;
    const int count = network_.transformer.heads * patches_ * patches_;
    block_.Each([&](int thread) {
      for (int i = thread; i < count; i += block_.threads()) {
        const int first = i / (patches_ * patches_) * size;
        const float* q = queries + first * columns_ + i / patches_ % patches_;
        const float* k = keys + first * columns_ + i % patches_;
        float sum = 0;
        for (int u = 0; u < size; ++u) sum = std::fma(q[u * columns_], k[u * columns_], sum);
        memory_.scores[i] = factor * sum;
      }
    });
  }

  // Scores become weights of sum 1.
  AUSPEX_DEVICE void Weigh() {
    block_.Each([&](int thread) {
      const int rows = network_.transformer.heads * patches_;
      for (int row = thread; row < rows; row += block_.threads()) {
        float* const scores = memory_.scores + row * patches_;
        float highest = scores[0];
        for (int t = 1; t < patches_; ++t) highest = scores[t] > highest ? scores[t] : highest;
        float sum = 0;
        for (int t = 0; t < patches_; ++t) sum += scores[t] = std::exp(scores[t] - highest);
        for (int t = 0; t < patches_; ++t) scores[t] /= sum;
      }
    });
  }

  // The weighted values, in place of the normalised rows. Columns behind the patches stay.
  AUSPEX_DEVICE void Gather() {
    const int size = units_ / network_.transformer.heads;
    const float* const values = memory_.wide + 2 * units_ * columns_;
    block_.Each([&](int thread) {
      for (int i = thread; i < units_ * patches_; i += block_.threads()) {
        const int u = i / patches_;
        const int query = i % patches_;
        const float* const weights = memory_.scores + (u / size * patches_ + query) * patches_;
        const float* const value = values + u * columns_;
        float sum = 0;
        for (int t = 0; t < patches_; ++t) sum = std::fma(weights[t], value[t], sum);
        memory_.normed[u * columns_ + query] = sum;
      }
    });
  }

  AUSPEX_DEVICE void Add(const float* sums) {
    block_.Each([&](int thread) {
      for (int i = thread; i < units_ * columns_; i += block_.threads()) memory_.rows[i] += sums[i];
    });
  }

  Block& block_;
  const NetworkLayout& network_;
  const TransformerMemory memory_;
  const int units_;
  const int columns_;
  const int patches_;
};

}  // namespace auspex::model
