#include "tests/bench/training/libtorch_peer.h"

#include <torch/torch.h>

#include <cmath>
#include <functional>
#include <map>
#include <numbers>
#include <numeric>
#include <string>

#include "model/spec/weights.h"
#include "model/train/batch_sampler.h"
#include "tests/bench/training/plain_loss.h"

namespace auspex {
namespace {

using model::Batch;
using torch::Tensor;
using Parameters = std::map<std::string, Tensor>;  // by the names of model/spec/weights.h

torch::optim::AdamW Optimizer(const TrainingSet& set, const std::vector<Tensor>& parameters) {
  return torch::optim::AdamW(parameters, torch::optim::AdamWOptions(set.settings().learning_rate)
                                             .weight_decay(set.settings().weight_decay));
}

// Linear warm-up, then a cosine.
void SetRate(const TrainingSet& set, int iteration, torch::optim::AdamW* optimizer) {
  const model::FitOptions& options = set.options();
  double rate = set.settings().learning_rate;
  if (iteration < options.warmup_iterations) {
    rate *= static_cast<double>(iteration + 1) / options.warmup_iterations;
  } else {
    const double done = static_cast<double>(iteration - options.warmup_iterations) /
                        std::max(1, set.iterations() - options.warmup_iterations);
    const double cosine = (1 + std::cos(std::numbers::pi * done)) / 2;
    rate *= options.final_rate + (1 - options.final_rate) * cosine;
  }
  static_cast<torch::optim::AdamWOptions&>(optimizer->param_groups()[0].options()).lr(rate);
}

// The training itself, the same for both: `losses` gives [M] for a batch, `clip` limits gradients.
LossCurve Train(const TrainingSet& set, const NetworkStack& stack,
                const std::vector<Tensor>& parameters,
                const std::function<Tensor(const Batch&)>& losses,
                const std::function<void()>& clip) {
  const model::PoolTensors pool(set.spec(), stack.pool);
  model::BatchSampler sampler(set.spec(), pool, set.options(), stack.members);
  std::vector<size_t> all(stack.members.size());
  std::iota(all.begin(), all.end(), size_t{0});
  torch::optim::AdamW optimizer = Optimizer(set, parameters);
  LossCurve curve;
  for (int iteration = 0; iteration < set.iterations(); ++iteration) {
    const Batch batch = sampler.Next(all);
    optimizer.zero_grad();
    const Tensor loss = losses(batch);
    loss.sum().backward();
    clip();
    SetRate(set, iteration, &optimizer);
    optimizer.step();
    curve.push_back(loss.mean().item<double>());
  }
  return curve;
}

// One network of LibTorch's own modules.
struct Network : torch::nn::Module {
  explicit Network(const model::ModelSpec& spec) {
    encoder = register_module(
        "encoder", torch::nn::LSTM(torch::nn::LSTMOptions(spec.patch_inputs(), spec.hidden)
                                       .num_layers(spec.layers)
                                       .batch_first(true)));
    window = register_module("window", torch::nn::Linear(spec.window_inputs(), spec.decoder_width));
    target = register_module("target", torch::nn::Linear(spec.target_inputs(), spec.decoder_width));
    hidden = register_module("hidden", torch::nn::Linear(spec.decoder_width, spec.decoder_width));
    output =
        register_module("output", torch::nn::Linear(spec.decoder_width, spec.decoder_outputs()));
    tau = register_parameter("tau", torch::ones({1}));
  }

  // Parameters come in the order of model/spec/weights.h.
  void Load(std::span<const float> values) {
    const torch::NoGradGuard no_grad;
    std::vector<Tensor> tensors;
    for (const auto& part : {encoder->parameters(), window->parameters(), target->parameters(),
                             hidden->parameters(), output->parameters()}) {
      tensors.insert(tensors.end(), part.begin(), part.end());
    }
    tensors.push_back(tau);
    for (Tensor& tensor : tensors) {
      const auto count = static_cast<size_t>(tensor.numel());
      std::copy_n(values.data(), count, tensor.data_ptr<float>());
      values = values.subspan(count);
    }
  }

  // [B, K, outputs] of the batch's only member.
  Tensor Forward(const model::NetworkInput& input) {
    Tensor last = std::get<0>(encoder->forward(input.patches[0])).select(1, -1);
    if (input.dropout_mask.defined()) last = last * input.dropout_mask[0];
    const Tensor shared = window->forward(torch::cat({last, input.window[0]}, 1));
    const Tensor a = torch::relu(shared.unsqueeze(1) + target->forward(input.targets[0]));
    return output->forward(torch::relu(hidden->forward(a)));
  }

  torch::nn::LSTM encoder{nullptr};
  torch::nn::Linear window{nullptr}, target{nullptr}, hidden{nullptr}, output{nullptr};
  Tensor tau;
};

// The tensors of all networks of a stack, [M, shape...]; vectors as [M, 1, size].
Parameters StackWeights(const TrainingSet& set, const NetworkStack& stack) {
  Parameters parameters;
  for (const model::TensorShape& tensor : model::TensorShapes(set.spec())) {
    std::vector<int64_t> shape = tensor.shape;
    if (shape.size() == 1) shape.insert(shape.begin(), 1);
    std::vector<Tensor> members;
    for (const model::FitMember& member : stack.members) {
      const auto values = model::TensorValues(set.spec(), member.start, tensor.name);
      members.push_back(torch::empty(shape));
      std::copy(values.begin(), values.end(), members.back().data_ptr<float>());
    }
    parameters[tensor.name] = torch::stack(members).requires_grad_();
  }
  return parameters;
}

Tensor Linear(const Parameters& parameters, const std::string& layer, const Tensor& x) {
  return torch::baddbmm(parameters.at(layer + ".bias"), x,
                        parameters.at(layer + ".weight").transpose(1, 2));
}

// The newest hidden state, [M, B, hidden].
Tensor Encode(const Parameters& parameters, const model::ModelSpec& spec, const Tensor& patches) {
  const int64_t members = patches.size(0), windows = patches.size(1), steps = patches.size(2);
  const int64_t width = spec.hidden;
  Tensor x = patches.transpose(1, 2);  // [M, T, B, inputs]
  for (int layer = 0; layer < spec.layers; ++layer) {
    const auto of = [&](const std::string& name) {
      return parameters.at("encoder." + name + "_l" + std::to_string(layer));
    };
    const Tensor from_x = torch::baddbmm(of("bias_ih") + of("bias_hh"),
                                         x.reshape({members, steps * windows, x.size(3)}),
                                         of("weight_ih").transpose(1, 2))
                              .view({members, steps, windows, 4 * width});
    const Tensor recurrent = of("weight_hh").transpose(1, 2);
    Tensor h = torch::zeros({members, windows, width});
    Tensor c = torch::zeros({members, windows, width});
    std::vector<Tensor> states;
    for (int64_t t = 0; t < steps; ++t) {
      const auto gates = torch::baddbmm(from_x.select(1, t), h, recurrent).chunk(4, 2);
      c = torch::sigmoid(gates[1]) * c + torch::sigmoid(gates[0]) * torch::tanh(gates[2]);
      h = torch::sigmoid(gates[3]) * torch::tanh(c);
      states.push_back(h);
    }
    x = torch::stack(states, 1);
  }
  return x.select(1, steps - 1);
}

// [M, B, K, outputs].
Tensor Forward(const Parameters& parameters, const model::ModelSpec& spec,
               const model::NetworkInput& input) {
  const int64_t members = input.targets.size(0), windows = input.targets.size(1);
  const int64_t targets = input.targets.size(2);
  Tensor last = Encode(parameters, spec, input.patches);
  if (input.dropout_mask.defined()) last = last * input.dropout_mask;
  const Tensor shared =
      Linear(parameters, "decoder.window", torch::cat({last, input.window}, 2)).unsqueeze(2);
  const Tensor of_target = Linear(parameters, "decoder.target", input.targets.flatten(1, 2))
                               .view({members, windows, targets, spec.decoder_width});
  const Tensor a = torch::relu(shared + of_target).flatten(1, 2);
  return Linear(parameters, "decoder.output", torch::relu(Linear(parameters, "decoder.hidden", a)))
      .view({members, windows, targets, spec.decoder_outputs()});
}

// Limits the norm of every network's gradient.
void ClipEach(const std::vector<Tensor>& parameters, double limit) {
  const torch::NoGradGuard no_grad;
  Tensor squares;
  for (const Tensor& parameter : parameters) {
    const Tensor square = parameter.grad().square().flatten(1).sum(1);
    squares = squares.defined() ? squares + square : square;
  }
  const Tensor scale = (limit / (squares.sqrt() + 1e-6)).clamp_max(1);
  for (const Tensor& parameter : parameters) parameter.grad().mul_(scale.view({-1, 1, 1}));
}

}  // namespace

LossCurve TrainModules(const TrainingSet& set, const NetworkStack& stack) {
  torch::set_num_threads(1);
  Network network(set.spec());
  network.Load(stack.members.front().start.values());
  const std::vector<Tensor> parameters = network.parameters();
  return Train(
      set, stack, parameters,
      [&](const Batch& batch) {
        return PlainLoss(set.spec().quantiles, batch, network.Forward(batch.input).unsqueeze(0),
                         network.tau);
      },
      [&] { torch::nn::utils::clip_grad_norm_(parameters, set.options().gradient_clip); });
}

LossCurve TrainStacked(const TrainingSet& set, const NetworkStack& stack) {
  torch::set_num_threads(1);
  const Parameters parameters = StackWeights(set, stack);
  std::vector<Tensor> tensors;
  for (const auto& [name, tensor] : parameters) tensors.push_back(tensor);
  return Train(
      set, stack, tensors,
      [&](const Batch& batch) {
        return PlainLoss(set.spec().quantiles, batch, Forward(parameters, set.spec(), batch.input),
                         parameters.at("decoder.tau").flatten());
      },
      [&] { ClipEach(tensors, set.options().gradient_clip); });
}

}  // namespace auspex
