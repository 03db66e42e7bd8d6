// From the decoder's outputs for one target to its quantiles: the part of the network that all
// backends on the host share.
#pragma once

#include <span>

#include "model/features/features.h"
#include "model/spec/blend.h"
#include "model/spec/model_spec.h"

namespace auspex::model {

class OutputHead {
 public:
  // Keeps no reference to `spec`.
  OutputHead(const ModelSpec& spec, double tau);

  // Quantiles in units of z, ascending: the median is the mix of the candidates by
  // softmax(logits - tau * recent_errors) plus the damped correction; the others lie a cumulated
  // softplus away from it. Sizes: recent_errors and candidates kCandidates, outputs
  // decoder_outputs, quantiles as the spec's.
  void Quantiles(std::span<const float> recent_errors, std::span<const float> candidates,
                 std::span<const float> outputs, std::span<double> quantiles) const;
  void Quantiles(std::span<const float> recent_errors, std::span<const float> candidates,
                 std::span<const double> outputs, std::span<double> quantiles) const;

  // What is published for those quantiles, in units of the series: the blended median (exactly the
  // last value where a steplike series is forecast to stay within 0.15 scales of it), the spreads
  // around it, nothing below zero where the context never is, nothing beyond what a float holds.
  void Publish(const WindowFeatures& window, const Blend& blend, std::span<const float> candidates,
               std::span<const double> quantiles, std::span<float> out) const;

 private:
  size_t median_;
  double tau_;
};

}  // namespace auspex::model
