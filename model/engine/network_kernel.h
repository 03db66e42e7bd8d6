// What differs between the backends that run on the host: the network itself. Features before it
// and the output head after it are common (host_engine.h).
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "model/engine/engine.h"
#include "model/engine/lstm_weights.h"
#include "model/features/features.h"
#include "model/spec/model_spec.h"
#include "model/spec/weights.h"

namespace auspex::model {

// A model that a kernel prepared.
class HostModel : public PreparedModel {
 public:
  HostModel(const ModelSpec& spec, const Weights& weights);
  // NetworkSpec of the one that it was prepared for.
  const ModelSpec& network_spec() const { return spec_; }
  // How much recent errors count in the blend ("decoder.tau").
  float tau() const { return tau_; }

 private:
  ModelSpec spec_;
  float tau_;
};

// What the output head reads of all targets of a window. Borrowed.
struct HeadInputs {
  const WindowFeatures& window;
  const TargetFeatures& targets;
  std::span<const float> long_share;  // [targets]: LongLeadShare of each
  std::span<const float> outputs;     // of NetworkKernel::Run
};

// Memory of one thread, reused between windows. Each kernel has its own kind.
class KernelScratch {
 public:
  virtual ~KernelScratch() = default;
};

// Stateless; thread-safe as long as every thread uses scratch of its own.
class NetworkKernel {
 public:
  virtual ~NetworkKernel() = default;
  virtual std::string_view name() const = 0;
  // REQUIRES: the weights fit the spec.
  virtual std::shared_ptr<const HostModel> Prepare(const ModelSpec& spec,
                                                   const Weights& weights) const = 0;
  // Whether this kernel prepared `model`.
  virtual bool Owns(const PreparedModel& model) const = 0;
  // For models of one NetworkSpec.
  virtual std::unique_ptr<KernelScratch> NewScratch(const ModelSpec& spec) const = 0;

  // Floats from one target's outputs to the next: at least decoder_outputs().
  virtual size_t OutputStride(const ModelSpec& spec) const = 0;
  // Encoder and decoder for one window and all the targets given. `outputs` is
  // [targets][OutputStride], of which the first decoder_outputs() of a target are filled.
  // REQUIRES: Owns(model); scratch is from NewScratch(), of the model's NetworkSpec.
  virtual void Run(const HostModel& model, const WindowFeatures& window,
                   const TargetFeatures& targets, KernelScratch* scratch,
                   std::span<float> outputs) const = 0;
  // The output head (output_head.h) of all targets: quantiles in units of z, [targets][levels].
  virtual void Quantiles(const HostModel& model, const HeadInputs& inputs,
                         std::span<double> quantiles) const = 0;
};

// Plain loops in double precision: the reference.
std::unique_ptr<NetworkKernel> MakeScalarKernel();
// Single precision, in the widest vectors that this machine has; the recurrent weights of lstm
// cells as told.
std::unique_ptr<NetworkKernel> MakeSimdKernel(LstmWeights lstm_weights = LstmWeights::kFloat);

}  // namespace auspex::model
