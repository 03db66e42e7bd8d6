#include <memory>

#include "model/engine/network_kernel.h"
#include "model/engine/packed_network.h"
#include "model/engine/simd_forward.h"
#include "model/engine/simd_head.h"

namespace auspex::model {
namespace {

class SimdModel final : public HostModel {
 public:
  SimdModel(const ModelSpec& spec, const Weights& weights)
      : HostModel(spec, weights), network_(spec, weights) {}
  const PackedNetwork& network() const { return network_; }

 private:
  PackedNetwork network_;
};

struct SimdScratch final : KernelScratch {
  SimdBuffers buffers;
};

class SimdKernel final : public NetworkKernel {
 public:
  std::string_view name() const override { return "cpu"; }

  std::shared_ptr<const HostModel> Prepare(const ModelSpec& spec,
                                           const Weights& weights) const override {
    return std::make_shared<const SimdModel>(spec, weights);
  }

  bool Owns(const PreparedModel& model) const override {
    return dynamic_cast<const SimdModel*>(&model) != nullptr;
  }

  std::unique_ptr<KernelScratch> NewScratch() const override {
    return std::make_unique<SimdScratch>();
  }

  size_t OutputStride(const ModelSpec& spec) const override {
    return PaddedOutputs(static_cast<size_t>(spec.decoder_outputs()));
  }

  void Run(const HostModel& model, const WindowFeatures& window, const TargetFeatures& targets,
           KernelScratch* scratch, std::span<float> outputs) const override {
    const PackedNetwork& network = static_cast<const SimdModel&>(model).network();
    SimdBuffers& buffers = static_cast<SimdScratch*>(scratch)->buffers;
    buffers.Fit(network);
    SimdForward(network, window, targets, &buffers, outputs);
  }

  void Quantiles(const HostModel& model, const HeadInputs& inputs,
                 std::span<double> quantiles) const override {
    SimdHead(model, inputs, OutputStride(model.network_spec()), quantiles);
  }
};

}  // namespace

std::unique_ptr<NetworkKernel> MakeSimdKernel() { return std::make_unique<SimdKernel>(); }

}  // namespace auspex::model
