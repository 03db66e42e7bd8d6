#include "tests/bench/inference/libtorch_peer.h"

#include <torch/torch.h>

#include <cstring>

namespace auspex {
namespace {

torch::Tensor Copy(std::span<const float> values, at::IntArrayRef shape) {
  torch::Tensor tensor = torch::empty(shape);
  std::memcpy(tensor.data_ptr<float>(), values.data(), values.size_bytes());
  return tensor;
}

torch::Tensor View(std::span<const float> values, at::IntArrayRef shape) {
  return torch::from_blob(const_cast<float*>(values.data()), shape);
}

void Append(const torch::Tensor& tensor, std::vector<float>* values) {
  const torch::Tensor flat = tensor.contiguous();
  const float* const begin = flat.data_ptr<float>();
  values->insert(values->end(), begin, begin + flat.numel());
}

struct OneNetwork {
  torch::nn::LSTM lstm;
  torch::nn::Linear head;
};

OneNetwork MakeNetwork(const model::LstmShape& shape, std::span<const float> parameters) {
  const auto inputs = static_cast<int64_t>(shape.inputs);
  const auto hidden = static_cast<int64_t>(shape.hidden);
  OneNetwork network{torch::nn::LSTM(torch::nn::LSTMOptions(inputs, hidden)
                                         .num_layers(static_cast<int64_t>(shape.layers))
                                         .batch_first(true)),
                     torch::nn::Linear(hidden, static_cast<int64_t>(shape.outputs))};
  const auto fill = [&parameters](const std::vector<torch::Tensor>& tensors) {
    for (const torch::Tensor& tensor : tensors) {
      const auto count = static_cast<size_t>(tensor.numel());
      std::memcpy(tensor.data_ptr<float>(), parameters.data(), count * sizeof(float));
      parameters = parameters.subspan(count);
    }
  };
  fill(network.lstm->parameters());
  fill(network.head->parameters());
  network.lstm->eval();
  return network;
}

// Of some networks: leading dimension the networks, weights transposed for x * weight.
struct StackedLayer {
  torch::Tensor weight_ih;  // [networks, inputs, 4 * hidden]
  torch::Tensor weight_hh;  // [networks, hidden, 4 * hidden]; undefined for the head
  torch::Tensor bias;       // [networks, 1, 4 * hidden]
};

torch::Tensor RunLayer(const StackedLayer& layer, const torch::Tensor& x) {
  const int64_t hidden = layer.weight_hh.size(1);
  const torch::Tensor gates_of_x = torch::baddbmm(layer.bias, x, layer.weight_ih);
  torch::Tensor h = torch::zeros({x.size(0), 1, hidden});
  torch::Tensor c = torch::zeros({x.size(0), 1, hidden});
  std::vector<torch::Tensor> states;
  for (int64_t t = 0; t < x.size(1); ++t) {
    const torch::Tensor gates = torch::baddbmm(gates_of_x.narrow(1, t, 1), h, layer.weight_hh);
    const torch::Tensor open = torch::sigmoid(gates.narrow(2, 0, 2 * hidden));  // i, f
    c = open.narrow(2, hidden, hidden) * c +
        open.narrow(2, 0, hidden) * torch::tanh(gates.narrow(2, 2 * hidden, hidden));
    h = torch::sigmoid(gates.narrow(2, 3 * hidden, hidden)) * torch::tanh(c);
    states.push_back(h);
  }
  return torch::cat(states, 1);
}

}  // namespace

struct LibTorchPeer::Tensors {
  std::vector<OneNetwork> networks;
  size_t chunk = 0;
  std::vector<std::vector<StackedLayer>> stacks;  // per chunk: layers, then the head
};

LibTorchPeer::LibTorchPeer(const BenchFleet& fleet)
    : fleet_(fleet), tensors_(std::make_unique<Tensors>()) {
  at::set_num_threads(1);
  const torch::NoGradGuard no_grad;
  for (const std::vector<float>& parameters : fleet.parameters) {
    tensors_->networks.push_back(MakeNetwork(fleet.shape, parameters));
  }
}

LibTorchPeer::~LibTorchPeer() = default;

std::vector<float> LibTorchPeer::OneByOne(size_t begin, size_t end,
                                          std::span<const float> windows) const {
  const c10::InferenceMode inference;
  const size_t window = windows.size() / (end - begin);
  const auto steps = static_cast<int64_t>(window / fleet_.shape.inputs);
  std::vector<float> answers;
  for (size_t i = begin; i < end; ++i) {
    OneNetwork& network = tensors_->networks[i];
    const torch::Tensor x = View(windows.subspan((i - begin) * window, window),
                                 {1, steps, static_cast<int64_t>(fleet_.shape.inputs)});
    const torch::Tensor states = std::get<0>(network.lstm->forward(x));
    Append(network.head->forward(states.select(1, steps - 1)), &answers);
  }
  return answers;
}

void LibTorchPeer::Stack(size_t chunk) {
  const torch::NoGradGuard no_grad;
  tensors_->chunk = chunk;
  tensors_->stacks.clear();
  for (size_t first = 0; first + chunk <= fleet_.parameters.size(); first += chunk) {
    std::vector<std::vector<torch::Tensor>> parts(4 * (fleet_.shape.layers + 1));
    for (size_t i = first; i < first + chunk; ++i) {
      size_t part = 0;
      for (const LayerTensors& layer : SplitParameters(fleet_.shape, fleet_.parameters[i])) {
        const auto rows = static_cast<int64_t>(layer.bias_ih.size());
        parts[part].push_back(
            Copy(layer.weight_ih, {rows, static_cast<int64_t>(layer.inputs)}).t());
        torch::Tensor bias = Copy(layer.bias_ih, {1, rows});
        if (!layer.weight_hh.empty()) {
          parts[part + 1].push_back(Copy(layer.weight_hh, {rows, rows / 4}).t());
          bias += Copy(layer.bias_hh, {1, rows});
        }
        parts[part + 2].push_back(bias);
        part += 4;
      }
    }
    std::vector<StackedLayer> layers;
    for (size_t part = 0; part < parts.size(); part += 4) {
      StackedLayer layer{torch::stack(parts[part]), {}, torch::stack(parts[part + 2])};
      if (!parts[part + 1].empty()) layer.weight_hh = torch::stack(parts[part + 1]);
      layers.push_back(layer);
    }
    tensors_->stacks.push_back(std::move(layers));
  }
}

std::vector<float> LibTorchPeer::Stacked(size_t begin, size_t end,
                                         std::span<const float> windows) const {
  const c10::InferenceMode inference;
  const size_t chunk = tensors_->chunk;
  const size_t window = windows.size() / (end - begin);
  const auto inputs = static_cast<int64_t>(fleet_.shape.inputs);
  const auto steps = static_cast<int64_t>(window) / inputs;
  std::vector<float> answers;
  for (size_t first = begin; first < end; first += chunk) {
    torch::Tensor x = View(windows.subspan((first - begin) * window, chunk * window),
                           {static_cast<int64_t>(chunk), steps, inputs});
    const std::vector<StackedLayer>& layers = tensors_->stacks[first / chunk];
    for (const StackedLayer& layer : layers) {
      if (layer.weight_hh.defined()) {
        x = RunLayer(layer, x);
      } else {
        Append(torch::baddbmm(layer.bias, x.narrow(1, steps - 1, 1), layer.weight_ih), &answers);
      }
    }
  }
  return answers;
}

}  // namespace auspex
