// The engine's transformer against one that is put together from LibTorch's own modules, for the
// same weights.
#include <torch/torch.h>

#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "model/engine/packed_network.h"
#include "model/engine/transformer_forward.h"
#include "model/testing/close.h"

namespace auspex::model {
namespace {

Weights RandomWeights(const ModelSpec& spec, std::mt19937& random) {
  std::normal_distribution<float> normal(0, 0.3F);
  std::vector<float> values(static_cast<size_t>(ParameterCount(spec)));
  for (float& value : values) value = normal(random);
  return Weights::FromVector(std::move(values));
}

// Gives LibTorch's modules the weights of the tensors that bear their names.
class WeightLoader {
 public:
  WeightLoader(const ModelSpec& spec, const Weights& weights) : spec_(spec), weights_(weights) {}

  void Load(const std::string& name, torch::nn::Module& module) const {
    for (const auto& parameter : module.named_parameters()) {
      parameter.value().copy_(Tensor(name + parameter.key()).view_as(parameter.value()));
    }
  }
  torch::Tensor Tensor(const std::string& name) const {
    const std::span<const float> values = TensorValues(spec_, weights_, name);
    return torch::tensor(at::ArrayRef<float>(values.data(), values.size()));
  }

 private:
  const ModelSpec& spec_;
  const Weights& weights_;
};

// One layer on [T, hidden].
torch::Tensor Layer(const ModelSpec& spec, const WeightLoader& loader, const std::string& name,
                    torch::Tensor x) {
  torch::nn::MultiheadAttention attention(spec.hidden, spec.heads());
  torch::nn::LayerNorm norm1(torch::nn::LayerNormOptions({spec.hidden}));
  torch::nn::LayerNorm norm2(torch::nn::LayerNormOptions({spec.hidden}));
  torch::nn::Linear linear1(spec.hidden, spec.feed_forward());
  torch::nn::Linear linear2(spec.feed_forward(), spec.hidden);
  loader.Load(name + "self_attn.", *attention);
  loader.Load(name + "norm1.", *norm1);
  loader.Load(name + "norm2.", *norm2);
  loader.Load(name + "linear1.", *linear1);
  loader.Load(name + "linear2.", *linear2);
  const torch::Tensor normed = norm1->forward(x).unsqueeze(1);  // [T, one window, hidden]
  x = x + std::get<0>(attention->forward(normed, normed, normed)).squeeze(1);
  return x + linear2->forward(torch::relu(linear1->forward(norm2->forward(x))));
}

// The newest row of LibTorch's answer for `x`, [T, patch_inputs].
torch::Tensor Encode(const ModelSpec& spec, const Weights& weights, torch::Tensor x) {
  const WeightLoader loader(spec, weights);
  torch::nn::Linear embedding(spec.patch_inputs(), spec.hidden);
  torch::nn::LayerNorm norm(torch::nn::LayerNormOptions({spec.hidden}));
  loader.Load("encoder.embedding.", *embedding);
  loader.Load("encoder.norm.", *norm);
  x = embedding->forward(x) + loader.Tensor("encoder.position").view({spec.patches(), spec.hidden});
  for (int i = 0; i < spec.layers; ++i) {
    x = Layer(spec, loader, "encoder.layers." + std::to_string(i) + ".", x);
  }
  return norm->forward(x)[spec.patches() - 1].contiguous();
}

TEST(TransformerAgreementTest, EngineAnswersAsLibTorch) {
  torch::manual_seed(1);
  std::mt19937 random(1);
  const torch::NoGradGuard no_grad;
  for (const auto& [hidden, layers, context_steps] : {std::tuple{16, 1, 4032},
                                                      {16, 2, 4032},
                                                      {32, 1, 4032},
                                                      {13, 3, 2000},
                                                      {50, 2, 288},
                                                      {2, 1, 600},
                                                      {256, 1, 4032}}) {
    const ModelSpec spec{.cell = Cell::kTransformer,
                         .hidden = hidden,
                         .layers = layers,
                         .context_steps = context_steps};
    const Weights weights = RandomWeights(spec, random);
    const torch::Tensor x = torch::randn({spec.patches(), spec.patch_inputs()});
    const torch::Tensor expected = Encode(spec, weights, x);

    PackedNetwork network(spec);
    network.Pack(weights);
    TransformerScratch scratch;
    const float* const actual = TransformerForward(
        network.transformer(), {x.data_ptr<float>(), network.patch_inputs()}, &scratch);
    const auto size = static_cast<size_t>(hidden);
    EXPECT_EQ(Difference({actual, size}, {expected.data_ptr<float>(), size},
                         {.absolute = 1e-5, .relative = 1e-5}),
              "")
        << hidden << "x" << layers;
  }
}

}  // namespace
}  // namespace auspex::model
