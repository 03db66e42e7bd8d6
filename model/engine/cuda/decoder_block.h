// The decoder and the output head for a tile of one item's targets, by one block.
#pragma once

#include <cmath>
#include <limits>

#include "model/engine/cuda/block.h"
#include "model/engine/cuda/dense_block.h"
#include "model/engine/cuda/fleet_plan.h"

namespace auspex::model {

// The output head of one target (model/engine/output_head.h), in double precision like the host's.
class HeadOfTarget {
 public:
  // The decoder's output j is at outputs[j * stride].
  AUSPEX_DEVICE HeadOfTarget(const FleetPlan& plan, const float* record, int target,
                             const float* outputs, int stride)
      : plan_(plan),
        header_(*reinterpret_cast<const RecordHeader*>(record)),
        logs_(record + plan.record.window + kShapeFeatures),
        candidates_(record + plan.record.candidates + target * kCandidates),
        horizons_(record[plan.record.features + target * plan.network.target_features +
                         kFeatureHorizons]),
        outputs_(outputs),
        stride_(stride) {}

  // Writes the levels of the target, ascending.
  AUSPEX_DEVICE void Publish(float* out) const {
    const NetworkLayout& network = plan_.network;
    const double below = Sigmoid(Output(kOutputBelow));
    const double up_to = Sigmoid(Output(kOutputBelow) + Softplus(Output(kOutputStay)));
    const double exact = Mix() + Output(kOutputCorrection) * Sigmoid(Output(kOutputGate));
    const double z = Stay(exact, below, up_to, network.level[network.median]);
    const double median = Median(z);
    Write(median, out[network.median]);
    double quantile = exact;
    for (int i = network.median - 1; i >= 0; --i) {
      quantile -= Softplus(Output(kOutputSpreads + i));
      Write(median + header_.scale * (Stay(quantile, below, up_to, network.level[i]) - z), out[i]);
    }
    quantile = exact;
    for (int i = network.median + 1; i < network.levels; ++i) {
      quantile += Softplus(Output(kOutputSpreads + i - 1));
      Write(median + header_.scale * (Stay(quantile, below, up_to, network.level[i]) - z), out[i]);
    }
  }

 private:
  AUSPEX_DEVICE static double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
  AUSPEX_DEVICE static double Softplus(double x) {
    return (x > 0 ? x : 0) + std::log1p(std::exp(-std::fabs(x)));
  }

  AUSPEX_DEVICE double Output(int j) const { return outputs_[j * stride_]; }

  // LongLeadShare of model/features/features.h.
  AUSPEX_DEVICE double LongShare() const {
    const float share = std::log(24 * horizons_) / std::log(12.0F);
    return share < 0 ? 0.0F : share > 1 ? 1.0F : share;
  }

  AUSPEX_DEVICE double Logit(int j, double share, double tau) const {
    const double log = logs_[j] + share * (logs_[kCandidates + j] - logs_[j]);
    return Output(j) - tau * log;
  }

  // The candidates, mixed by the softmax of their logits. Logits are computed twice: twenty of them
  // would not stay in registers.
  AUSPEX_DEVICE double Mix() const {
    const double share = LongShare();
    const double tau = header_.weights[plan_.network.tau];
    double highest = Logit(0, share, tau);
    for (int j = 1; j < kCandidates; ++j) {
      const double logit = Logit(j, share, tau);
      if (logit > highest) highest = logit;
    }
    double sum = 0;
    double weights = 0;
    for (int j = 0; j < kCandidates; ++j) {
      const double weight = std::exp(Logit(j, share, tau) - highest);
      weights += weight;
      sum += weight * candidates_[j];
    }
    return sum / weights;
  }

  // The quantile of a level where the last value has a probability of its own.
  AUSPEX_DEVICE double Stay(double quantile, double below, double up_to, double level) const {
    if (up_to - below < kStayMin) return quantile;
    const double last = candidates_[kCandidateLast];
    if (level < below) return quantile < last ? quantile : last;
    if (level > up_to) return quantile > last ? quantile : last;
    return last;
  }

  // The blended median, in units of the series.
  AUSPEX_DEVICE double Median(double z) const {
    const double naive = candidates_[kCandidateSeasonalNaive];
    return header_.network * (header_.level + header_.scale * z) +
           header_.seasonal_naive * (header_.level + header_.scale * naive) +
           header_.last_weight * header_.last;
  }

  AUSPEX_DEVICE void Write(double value, float& out) const {
    constexpr double kMax = 3.4028234663852886e38;  // the largest float
    if (header_.non_negative != 0 && value < 0) value = 0;
    out = static_cast<float>(value < -kMax ? -kMax : value > kMax ? kMax : value);
  }

  const FleetPlan& plan_;
  const RecordHeader& header_;
  const float* logs_;
  const float* candidates_;
  float horizons_;
  const float* outputs_;
  int stride_;
};

// Inputs of the targets from `first` on, transposed: [target_inputs][tile]; zero beyond the last.
template <class Block>
AUSPEX_DEVICE void LoadTargets(Block& block, const FleetPlan& plan, const float* record, int first,
                               float* x) {
  const int tile = plan.decoder.tile;
  const int width = plan.network.target_features;
  block.Each([&](int thread) {
    for (int t = thread; t < tile; t += block.threads()) {
      const int target = first + t;
      const bool exists = target < plan.network.targets;
      const float* candidates = record + plan.record.candidates + target * kCandidates;
      const float* features = record + plan.record.features + target * width;
      for (int j = 0; j < kCandidates; j += 4) {
        const Four z = exists ? LoadFour(candidates + j) : Four{{0, 0, 0, 0}};
        AUSPEX_UNROLL
        for (int i = 0; i < 4; ++i) x[(j + i) * tile + t] = std::asinh(z.v[i]);
      }
      for (int j = 0; j < width; ++j) {
        x[(kCandidates + j) * tile + t] = exists ? features[j] : 0.0F;
      }
    }
  });
}

// The answer for an item without any value.
inline constexpr float kNoForecast = std::numeric_limits<float>::quiet_NaN();

template <class Block>
AUSPEX_DEVICE void FillNoForecast(Block& block, int floats, float* out) {
  block.Each([&](int thread) {
    for (int i = thread; i < floats; i += block.threads()) out[i] = kNoForecast;
  });
}

// Tile `index` of one item: from its record and what EncodeItem left at `state` to its part of
// [targets][levels] at `out`.
template <class Block>
AUSPEX_DEVICE void DecodeTile(Block& block, const FleetPlan& plan, const float* record,
                              const float* state, int index, float* out) {
  const NetworkLayout& network = plan.network;
  const int tile = plan.decoder.tile;
  const int first = index * tile;
  const int left = network.targets - first;
  const int count = left < tile ? left : tile;
  out += first * network.levels;
  const float* weights = reinterpret_cast<const RecordHeader*>(record)->weights;
  if (weights == nullptr) {
    FillNoForecast(block, count * network.levels, out);
    return;
  }
  weights += network.decoder_begin;
  if (plan.decoder.weights_shared) {
    float* const copy = block.shared() + plan.decoder.weights;
    CopyFloats(block, weights, network.decoder_floats, copy);
    weights = copy;
  }
  const auto at = [&](int offset) { return weights + (offset - network.decoder_begin); };
  float* const a = block.shared() + plan.decoder.first;
  float* const b = block.shared() + plan.decoder.second;
  LoadTargets(block, plan, record, first, a);
  const DenseLayout& hidden = network.hidden_layer;
  const DenseLayout& output = network.output;
  DenseColumns<true>(block, network.target, at(network.target.weights), state, {a, tile}, tile, b);
  DenseColumns<true>(block, hidden, at(hidden.weights), at(hidden.bias), {b, tile}, tile, a);
  DenseColumns<false>(block, output, at(output.weights), at(output.bias), {a, tile}, tile, b);
  block.Each([&](int thread) {
    for (int t = thread; t < count; t += block.threads()) {
      HeadOfTarget(plan, record, first + t, b + t, tile).Publish(out + t * network.levels);
    }
  });
}

}  // namespace auspex::model
