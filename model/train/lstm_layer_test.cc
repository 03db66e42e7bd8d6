#include "model/train/lstm_layer.h"

#include <array>
#include <vector>

#include "gtest/gtest.h"

namespace auspex::model {
namespace {

using torch::Tensor;

// Both layers' states and slopes for the same weights, of one member; theirs is batch first.
struct Pair {
  Tensor ours, theirs;
};

void ExpectClose(const Pair& pair, const char* what) {
  ASSERT_TRUE(pair.ours.defined() && pair.theirs.defined()) << what;
  EXPECT_TRUE(torch::allclose(pair.ours, pair.theirs, /*rtol=*/1e-4, /*atol=*/1e-5))
      << what << " differs by " << (pair.ours - pair.theirs).abs().max().item<float>();
}

// From [features, T, B] to [B, T, features].
Tensor BatchFirst(const Tensor& plane) { return plane.permute({2, 1, 0}); }

// Two members beside each other, each against a layer of LibTorch's with autograd.
TEST(LstmLayerTest, StatesAndGradientsAreLibTorchs) {
  torch::manual_seed(3);
  for (const auto& [inputs, hidden, rows, steps] :
       {std::array<int64_t, 4>{31, 16, 64, 14}, {3, 5, 7, 4}, {2, 1, 1, 1}, {1, 33, 2, 2}}) {
    SCOPED_TRACE(testing::Message() << inputs << " to " << hidden);
    std::vector<torch::nn::LSTM> theirs;
    std::vector<Tensor> ih, hh, bias;
    for (int m = 0; m < 2; ++m) {
      theirs.emplace_back(torch::nn::LSTMOptions(inputs, hidden).batch_first(true));
      const auto parameters = theirs.back()->parameters();
      ih.push_back(3 * parameters[0].detach());  // gates that open and close
      hh.push_back(parameters[1].detach().clone());
      bias.push_back((parameters[2] + parameters[3]).detach());
      const torch::NoGradGuard no_grad;
      parameters[0].mul_(3);
    }
    const Tensor weight_ih = torch::stack(ih).requires_grad_();
    const Tensor weight_hh = torch::stack(hh).requires_grad_();
    const Tensor bias_sum = torch::stack(bias).requires_grad_();
    const Tensor x = torch::randn({2, inputs, steps, rows}).requires_grad_();
    const Tensor slope = torch::randn({2, hidden, steps, rows});
    const Tensor states = LstmLayer(x, weight_ih, weight_hh, bias_sum);
    (states * slope).sum().backward();

    for (int64_t m = 0; m < 2; ++m) {
      const Tensor their_x = BatchFirst(x.detach()[m]).contiguous().requires_grad_();
      auto& layer = theirs[static_cast<size_t>(m)];
      const Tensor their_states = std::get<0>(layer->forward(their_x));
      (their_states * BatchFirst(slope[m])).sum().backward();
      const auto parameters = layer->parameters();
      ExpectClose({BatchFirst(states[m]), their_states}, "states");
      ExpectClose({BatchFirst(x.grad()[m]), their_x.grad()}, "slope by x");
      ExpectClose({weight_ih.grad()[m], parameters[0].grad()}, "slope by weight_ih");
      ExpectClose({weight_hh.grad()[m], parameters[1].grad()}, "slope by weight_hh");
      ExpectClose({bias_sum.grad()[m], parameters[2].grad()}, "slope by the bias");
    }
  }
}

}  // namespace
}  // namespace auspex::model
