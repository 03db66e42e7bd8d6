#include <memory>
#include <span>
#include <string_view>

#include "model/engine/network_kernel.h"
#include "model/engine/packed_network.h"
#include "model/engine/simd_forward.h"
#include "model/engine/simd_head.h"

namespace auspex::model {
namespace {

// The weights as they were given, mapped from a file as a rule. Packed ones would take as much
// memory again, and thousands of models have weights of their own.
class SimdModel final : public HostModel {
 public:
  SimdModel(const ModelSpec& spec, const Weights& weights)
      : HostModel(spec, weights), weights_(weights) {}
  const Weights& weights() const { return weights_; }

 private:
  const Weights weights_;
};

class SimdScratch final : public KernelScratch {
 public:
  SimdScratch(const ModelSpec& spec, LstmWeights lstm_weights) : network_(spec, lstm_weights) {
    buffers.Fit(network_);
  }

  // These weights, packed. Those of the call before, such as a base that many aggregates share, are
  // at hand.
  const PackedNetwork& Packed(const Weights& weights) {
    if (weights.values().data() != packed_.values().data()) {
      network_.Pack(weights);
      packed_ = weights;
    }
    return network_;
  }

  SimdBuffers buffers;

 private:
  PackedNetwork network_;
  Weights packed_;  // what is in network_; holding it, its address cannot become another's
};

class SimdKernel final : public NetworkKernel {
 public:
  explicit SimdKernel(LstmWeights lstm_weights) : lstm_weights_(lstm_weights) {}

  std::string_view name() const override {
    return lstm_weights_ == LstmWeights::kFloat ? "cpu" : "cpu-bfloat16";
  }

  std::shared_ptr<const HostModel> Prepare(const ModelSpec& spec,
                                           const Weights& weights) const override {
    return std::make_shared<const SimdModel>(spec, weights);
  }

  bool Owns(const PreparedModel& model) const override {
    return dynamic_cast<const SimdModel*>(&model) != nullptr;
  }

  std::unique_ptr<KernelScratch> NewScratch(const ModelSpec& spec) const override {
    return std::make_unique<SimdScratch>(spec, lstm_weights_);
  }

  size_t OutputStride(const ModelSpec& spec) const override {
    return PaddedOutputs(static_cast<size_t>(spec.decoder_outputs()));
  }

  void Run(const HostModel& model, const WindowFeatures& window, const TargetFeatures& targets,
           KernelScratch* scratch, std::span<float> outputs) const override {
    auto* const simd = static_cast<SimdScratch*>(scratch);
    const PackedNetwork& network = simd->Packed(static_cast<const SimdModel&>(model).weights());
    SimdForward(network, window, targets, &simd->buffers, outputs);
  }

  void Quantiles(const HostModel& model, const HeadInputs& inputs,
                 std::span<double> quantiles) const override {
    SimdHead(model, inputs, OutputStride(model.network_spec()), quantiles);
  }

 private:
  const LstmWeights lstm_weights_;
};

}  // namespace

std::unique_ptr<NetworkKernel> MakeSimdKernel(LstmWeights lstm_weights) {
  return std::make_unique<SimdKernel>(lstm_weights);
}

}  // namespace auspex::model
