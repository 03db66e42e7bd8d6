// The engine's LSTM against LibTorch's, for the same weights.
#include <torch/torch.h>

#include <array>
#include <vector>

#include "gtest/gtest.h"
#include "model/engine/lstm_fleet.h"
#include "model/testing/close.h"

namespace auspex::model {
namespace {

void Append(const torch::Tensor& tensor, std::vector<float>* values) {
  const torch::Tensor flat = tensor.detach().contiguous();
  const float* const begin = flat.data_ptr<float>();
  values->insert(values->end(), begin, begin + flat.numel());
}

TEST(LstmAgreementTest, FleetAnswersAsLibTorch) {
  torch::manual_seed(1);
  const torch::NoGradGuard no_grad;
  for (const auto& [inputs, hidden, layers, steps] :
       {std::array<int64_t, 4>{8, 64, 2, 96}, {8, 32, 1, 24}, {3, 45, 3, 50}, {1, 1, 1, 1}}) {
    const LstmShape shape{.inputs = static_cast<size_t>(inputs),
                          .hidden = static_cast<size_t>(hidden),
                          .layers = static_cast<size_t>(layers),
                          .outputs = 72};
    torch::nn::LSTM lstm(
        torch::nn::LSTMOptions(inputs, hidden).num_layers(layers).batch_first(true));
    torch::nn::Linear head(hidden, 72);
    const torch::Tensor x = torch::randn({1, steps, inputs});
    std::vector<float> expected;
    Append(head->forward(std::get<0>(lstm->forward(x)).select(1, steps - 1)), &expected);

    std::vector<float> parameters;
    for (const torch::Tensor& tensor : lstm->parameters()) Append(tensor, &parameters);
    for (const torch::Tensor& tensor : head->parameters()) Append(tensor, &parameters);
    LstmFleet fleet(shape, 1);
    ASSERT_TRUE(fleet.SetNetwork(0, parameters).ok());
    std::vector<float> window;
    Append(x, &window);
    std::vector<float> actual(72);
    ASSERT_TRUE(fleet.Forward(window, static_cast<size_t>(steps), SerialFor(), actual).ok());
    EXPECT_EQ(Difference(actual, expected, {.absolute = 1e-6}), "") << hidden << "x" << layers;
  }
}

}  // namespace
}  // namespace auspex::model
