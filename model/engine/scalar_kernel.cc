#include <algorithm>

#include "model/engine/network_kernel.h"
#include "model/engine/network_reference.h"
#include "model/engine/output_head.h"

namespace auspex::model {
namespace {

class ScalarModel final : public HostModel {
 public:
  ScalarModel(const ModelSpec& spec, const Weights& weights)
      : HostModel(spec, weights), weights_(weights) {}
  const Weights& weights() const { return weights_; }

 private:
  Weights weights_;
};

class ScalarKernel final : public NetworkKernel {
 public:
  std::string_view name() const override { return "scalar"; }

  std::shared_ptr<const HostModel> Prepare(const ModelSpec& spec,
                                           const Weights& weights) const override {
    return std::make_shared<const ScalarModel>(spec, weights);
  }

  bool Owns(const PreparedModel& model) const override {
    return dynamic_cast<const ScalarModel*>(&model) != nullptr;
  }

  std::unique_ptr<KernelScratch> NewScratch(const ModelSpec& /*spec*/) const override {
    return std::make_unique<KernelScratch>();
  }

  size_t OutputStride(const ModelSpec& spec) const override {
    return static_cast<size_t>(spec.decoder_outputs());
  }

  void Run(const HostModel& model, const WindowFeatures& window, const TargetFeatures& targets,
           KernelScratch* /*scratch*/, std::span<float> outputs) const override {
    const auto& scalar = static_cast<const ScalarModel&>(model);
    const std::vector<double> exact =
        DecoderOutputs(scalar.network_spec(), scalar.weights(), window, targets);
    std::transform(exact.begin(), exact.end(), outputs.begin(),
                   [](double value) { return static_cast<float>(value); });
  }

  void Quantiles(const HostModel& model, const HeadInputs& inputs,
                 std::span<double> quantiles) const override {
    const ModelSpec& spec = model.network_spec();
    const OutputHead head(spec, model.tau());
    const size_t stride = OutputStride(spec);
    const size_t levels = spec.quantiles.size();
    for (size_t t = 0; t < inputs.long_share.size(); ++t) {
      head.Quantiles(TargetInputsAt(inputs.window, inputs.targets, t),
                     inputs.outputs.subspan(t * stride, stride),
                     quantiles.subspan(t * levels, levels));
    }
  }
};

}  // namespace

std::unique_ptr<NetworkKernel> MakeScalarKernel() { return std::make_unique<ScalarKernel>(); }

}  // namespace auspex::model
