#include "model/train/network.h"

#include <algorithm>
#include <vector>

namespace auspex::model {
namespace {

using torch::indexing::Slice;

torch::Tensor Columns(const torch::Tensor& rows, int64_t begin, int64_t end) {
  return rows.index({torch::indexing::Ellipsis, Slice(begin, end)});
}

}  // namespace

Network::Network(const ModelSpec& spec) : spec_(spec) {
  const int64_t width = spec.decoder_width;
  if (spec.cell == Cell::kLstm) {
    lstm_ = register_module("encoder",
                            torch::nn::LSTM(torch::nn::LSTMOptions(spec.patch_inputs(), spec.hidden)
                                                .num_layers(spec.layers)
                                                .batch_first(true)));
  }
  if (spec.cell == Cell::kGru) {
    gru_ = register_module("encoder",
                           torch::nn::GRU(torch::nn::GRUOptions(spec.patch_inputs(), spec.hidden)
                                              .num_layers(spec.layers)
                                              .batch_first(true)));
  }
  auto decoder = register_module("decoder", std::make_shared<torch::nn::Module>());
  window_ = decoder->register_module("window", torch::nn::Linear(spec.window_inputs(), width));
  target_ = decoder->register_module("target", torch::nn::Linear(kTargetInputs, width));
  hidden_ = decoder->register_module("hidden", torch::nn::Linear(width, width));
  output_ = decoder->register_module("output", torch::nn::Linear(width, spec.decoder_outputs()));
  tau_ = decoder->register_parameter("tau", torch::ones({1}));
}

torch::Tensor Network::Encode(const NetworkInput& input) {
  const torch::Tensor states = gru_.is_empty()  // [B, T, hidden]
                                   ? std::get<0>(lstm_->forward(input.patches))
                                   : std::get<0>(gru_->forward(input.patches));
  const torch::Tensor last = states.select(1, states.size(1) - 1);
  return input.dropout_mask.defined() ? last * input.dropout_mask : last;
}

torch::Tensor Network::Forward(const NetworkInput& input) {
  torch::Tensor shared = input.window;
  if (spec_.cell != Cell::kNone) shared = torch::cat({Encode(input), input.window}, 1);
  const torch::Tensor target = torch::cat({input.candidates.asinh(), input.features}, 2);
  torch::Tensor a = torch::relu(window_->forward(shared).unsqueeze(1) + target_->forward(target));
  a = torch::relu(hidden_->forward(a));
  const torch::Tensor out = output_->forward(a);

  const torch::Tensor recent_errors = Columns(input.window, kShapeFeatures, kWindowFeatures);
  const torch::Tensor logits = Columns(out, 0, kCandidates) - (tau_ * recent_errors).unsqueeze(1);
  const torch::Tensor blend = (torch::softmax(logits, 2) * input.candidates).sum(2, true);
  const torch::Tensor correction = Columns(out, kOutputCorrection, kOutputCorrection + 1) *
                                   torch::sigmoid(Columns(out, kOutputGate, kOutputGate + 1));
  return Quantiles(blend + correction,
                   torch::softplus(Columns(out, kOutputSpreads, spec_.decoder_outputs())));
}

// Spreads add up from the median outwards, so quantiles never cross.
torch::Tensor Network::Quantiles(const torch::Tensor& median, const torch::Tensor& spreads) const {
  const int64_t below = spec_.median_index();
  const int64_t levels = static_cast<int64_t>(spec_.quantiles.size());
  std::vector<torch::Tensor> parts;
  if (below > 0) {
    const torch::Tensor outwards = Columns(spreads, 0, below).flip(2).cumsum(2);
    parts.push_back(median - outwards.flip(2));
  }
  parts.push_back(median);
  if (below < levels - 1) parts.push_back(median + Columns(spreads, below, levels - 1).cumsum(2));
  return torch::cat(parts, 2);
}

void Network::Import(const Weights& weights) {
  const torch::NoGradGuard no_grad;
  const auto parameters = named_parameters();
  const float* next = weights.values().data();
  for (const TensorShape& tensor : TensorShapes(spec_)) {
    torch::Tensor parameter = parameters[tensor.name];
    TORCH_CHECK(parameter.sizes().vec() == tensor.shape, tensor.name, " has another shape");
    std::copy_n(next, tensor.elements(), parameter.data_ptr<float>());
    next += tensor.elements();
  }
}

Weights Network::Export() const {
  const auto parameters = named_parameters();
  std::vector<float> values;
  values.reserve(static_cast<size_t>(ParameterCount(spec_)));
  for (const TensorShape& tensor : TensorShapes(spec_)) {
    const torch::Tensor& parameter = parameters[tensor.name];
    const float* begin = parameter.data_ptr<float>();
    values.insert(values.end(), begin, begin + tensor.elements());
  }
  return Weights::FromVector(std::move(values));
}

}  // namespace auspex::model
