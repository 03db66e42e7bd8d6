#include "model/train/network.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/train/batch_sampler.h"
#include "model/train/decoder_loss.h"
#include "model/train/lstm_layer.h"

namespace auspex::model {
namespace {

torch::Tensor Columns(const torch::Tensor& rows, int64_t begin, int64_t end) {
  return rows.narrow(-1, begin, end - begin);
}

// x * weight' + bias of every member: x [M, rows, inputs], weight [M, outputs, inputs].
torch::Tensor Linear(const torch::Tensor& weight, const torch::Tensor& bias,
                     const torch::Tensor& x) {
  return torch::baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2));
}

// One GRU layer (gate order r, z, n, as LibTorch's): `x` is [M, T, B, inputs], the result
// [M, T, B, hidden]. Left to autograd.
torch::Tensor GruLayer(const torch::Tensor& weight_ih, const torch::Tensor& weight_hh,
                       const torch::Tensor& bias_ih, const torch::Tensor& bias_hh,
                       const torch::Tensor& x) {
  const int64_t members = x.size(0), steps = x.size(1), windows = x.size(2);
  const int64_t hidden = weight_hh.size(2);
  const torch::Tensor inputs = x.reshape({members, steps * windows, x.size(3)});
  const std::vector<torch::Tensor> gates_of =
      Linear(weight_ih, bias_ih, inputs).view({members, steps, windows, 3 * hidden}).unbind(1);
  torch::Tensor h = torch::zeros({members, windows, hidden});
  std::vector<torch::Tensor> states;
  for (const torch::Tensor& from_input : gates_of) {
    const torch::Tensor from_state = Linear(weight_hh, bias_hh, h);
    const torch::Tensor opened =
        torch::sigmoid(Columns(from_input, 0, 2 * hidden) + Columns(from_state, 0, 2 * hidden));
    const torch::Tensor candidate = torch::tanh(
        torch::addcmul(Columns(from_input, 2 * hidden, 3 * hidden), Columns(opened, 0, hidden),
                       Columns(from_state, 2 * hidden, 3 * hidden)));
    h = candidate + Columns(opened, hidden, 2 * hidden) * (h - candidate);
    states.push_back(h);
  }
  return torch::stack(states, 1);
}

// The tensors of one transformer layer, or of all, [M, shape...], by what is left of their names.
class NamedTensors {
 public:
  NamedTensors(const std::map<std::string, torch::Tensor>& tensors, std::string prefix)
      : tensors_(tensors), prefix_(std::move(prefix)) {}

  const torch::Tensor& operator[](const char* name) const { return tensors_.at(prefix_ + name); }
  NamedTensors Layer(int layer) const {
    return {tensors_, absl::StrCat(prefix_, "layers.", layer, ".")};
  }

  // x * weight' + bias: x [M, B, T, inputs].
  torch::Tensor Project(const char* weight, const char* bias, const torch::Tensor& x) const {
    return Linear((*this)[weight], (*this)[bias], x.flatten(1, 2))
        .unflatten(1, {x.size(1), x.size(2)});
  }
  torch::Tensor Normalize(const char* scale, const char* shift, const torch::Tensor& x) const {
    const torch::Tensor normal = torch::layer_norm(x, {x.size(3)}, {}, {}, kNormEpsilon);
    return torch::addcmul((*this)[shift].unsqueeze(1).unsqueeze(1), normal,
                          (*this)[scale].unsqueeze(1).unsqueeze(1));
  }

 private:
  const std::map<std::string, torch::Tensor>& tensors_;
  std::string prefix_;
};

// What the heads gather from the rows of `x` for those from `first` on; x is [M, B, T, hidden].
torch::Tensor Attention(const NamedTensors& layer, int heads, const torch::Tensor& x,
                        int64_t first) {
  const torch::Tensor projected =
      layer.Project("self_attn.in_proj_weight", "self_attn.in_proj_bias", x);
  const std::vector<torch::Tensor> parts = projected.chunk(3, 3);
  const auto by_head = [&](const torch::Tensor& rows) {  // [M, B, heads, rows, size]
    return rows.unflatten(3, {heads, rows.size(3) / heads}).transpose(2, 3);
  };
  const torch::Tensor queries = by_head(parts[0].narrow(2, first, x.size(2) - first));
  const torch::Tensor scores = torch::matmul(queries, by_head(parts[1]).transpose(3, 4)) /
                               std::sqrt(static_cast<double>(queries.size(4)));
  const torch::Tensor gathered = torch::matmul(torch::softmax(scores, 4), by_head(parts[2]));
  return layer.Project("self_attn.out_proj.weight", "self_attn.out_proj.bias",
                       gathered.transpose(2, 3).flatten(3, 4));
}

// The last layer is computed for the newest patch alone.
torch::Tensor EncodeByTransformer(const ModelSpec& spec,
                                  const std::map<std::string, torch::Tensor>& tensors,
                                  const torch::Tensor& patches) {
  const NamedTensors encoder(tensors, "encoder.");
  torch::Tensor x = encoder.Project("embedding.weight", "embedding.bias", patches) +
                    encoder["position"].unsqueeze(1);
  for (int i = 0; i < spec.layers; ++i) {
    const NamedTensors layer = encoder.Layer(i);
    const int64_t first = i + 1 < spec.layers ? 0 : x.size(2) - 1;
    const torch::Tensor normed = layer.Normalize("norm1.weight", "norm1.bias", x);
    x = x.narrow(2, first, x.size(2) - first) + Attention(layer, spec.heads(), normed, first);
    const torch::Tensor inner = torch::relu(layer.Project(
        "linear1.weight", "linear1.bias", layer.Normalize("norm2.weight", "norm2.bias", x)));
    x = x + layer.Project("linear2.weight", "linear2.bias", inner);
  }
  return encoder.Normalize("norm.weight", "norm.bias", x).select(2, 0);
}

torch::Tensor EncodeByGru(const ModelSpec& spec,
                          const std::map<std::string, torch::Tensor>& tensors,
                          const torch::Tensor& patches) {
  // Time first, so that the rows of one step lie together.
  torch::Tensor x = patches.transpose(1, 2).contiguous();
  for (int layer = 0; layer < spec.layers; ++layer) {
    const auto of = [&](const char* name) { return tensors.at(absl::StrCat(name, layer)); };
    x = GruLayer(of("encoder.weight_ih_l"), of("encoder.weight_hh_l"), of("encoder.bias_ih_l"),
                 of("encoder.bias_hh_l"), x);
  }
  return x.select(1, x.size(1) - 1);
}

torch::Tensor EncodeByLstm(const ModelSpec& spec,
                           const std::map<std::string, torch::Tensor>& tensors,
                           const torch::Tensor& patches) {
  torch::Tensor x = patches.permute({0, 3, 2, 1}).contiguous();  // [M, inputs, T, B]
  for (int layer = 0; layer < spec.layers; ++layer) {
    const auto of = [&](const char* name) { return tensors.at(absl::StrCat(name, layer)); };
    x = LstmLayer(x, of("encoder.weight_ih_l"), of("encoder.weight_hh_l"),
                  of("encoder.bias_ih_l") + of("encoder.bias_hh_l"));
  }
  return x.select(2, x.size(2) - 1).transpose(1, 2);
}

}  // namespace

torch::Tensor StackParameters(const ModelSpec& spec, std::span<const Weights> members) {
  const int64_t count = ParameterCount(spec);
  torch::Tensor parameters = torch::empty({static_cast<int64_t>(members.size()), count});
  float* next = parameters.data_ptr<float>();
  for (const Weights& member : members) {
    TORCH_CHECK(static_cast<int64_t>(member.values().size()) == count, "weights of another spec");
    next = std::copy(member.values().begin(), member.values().end(), next);
  }
  return parameters;
}

Weights ExportMember(const torch::Tensor& parameters, int64_t member) {
  const torch::Tensor row = parameters[member].detach().contiguous();
  const float* begin = row.data_ptr<float>();
  return Weights::FromVector(std::vector<float>(begin, begin + row.numel()));
}

Network::Tensors Network::Split(const torch::Tensor& parameters) const {
  const std::vector<TensorShape> shapes = TensorShapes(spec_);
  std::vector<int64_t> sizes;
  for (const TensorShape& tensor : shapes) sizes.push_back(tensor.elements());
  const std::vector<torch::Tensor> parts = parameters.split_with_sizes(sizes, 1);
  Tensors tensors;
  for (size_t i = 0; i < shapes.size(); ++i) {
    std::vector<int64_t> shape = shapes[i].shape;
    shape.insert(shape.begin(), parameters.size(0));
    tensors[shapes[i].name] = parts[i].reshape(shape);
  }
  return tensors;
}

// The encoder's output at the newest patch, [M, B, hidden].
torch::Tensor Network::Encode(const Tensors& tensors, const torch::Tensor& patches) const {
  if (spec_.cell == Cell::kTransformer) return EncodeByTransformer(spec_, tensors, patches);
  return spec_.cell == Cell::kGru ? EncodeByGru(spec_, tensors, patches)
                                  : EncodeByLstm(spec_, tensors, patches);
}

// What all targets of a window share of the decoder's first layer, [M, B, width].
torch::Tensor Network::OfWindow(const Tensors& tensors, const NetworkInput& input) const {
  torch::Tensor shared = input.window;
  if (spec_.encoder_outputs() > 0) {
    torch::Tensor encoded = Encode(tensors, input.patches);
    if (input.dropout_mask.defined()) encoded = encoded * input.dropout_mask;
    shared = torch::cat({encoded, shared}, 2);
  }
  return Linear(tensors.at("decoder.window.weight"),
                tensors.at("decoder.window.bias") + tensors.at("decoder.target.bias"), shared);
}

torch::Tensor Network::Loss(const torch::Tensor& parameters, const Batch& batch) const {
  const Tensors tensors = Split(parameters);
  return DecoderLoss({.of_window = OfWindow(tensors, batch.input),
                      .target_weight = tensors.at("decoder.target.weight"),
                      .hidden_weight = tensors.at("decoder.hidden.weight"),
                      .hidden_bias = tensors.at("decoder.hidden.bias"),
                      .output_weight = tensors.at("decoder.output.weight"),
                      .output_bias = tensors.at("decoder.output.bias"),
                      .tau = tensors.at("decoder.tau")},
                     batch, head_);
}

torch::Tensor Network::Forward(const torch::Tensor& parameters, const NetworkInput& input) const {
  const Tensors tensors = Split(parameters);
  const int64_t members = input.window.size(0), windows = input.window.size(1);
  const int64_t targets = input.targets.size(2), width = spec_.decoder_width;
  const auto dense = [&](const char* layer, const torch::Tensor& x) {
    return Linear(tensors.at(absl::StrCat("decoder.", layer, ".weight")),
                  tensors.at(absl::StrCat("decoder.", layer, ".bias")), x);
  };
  const torch::Tensor of_target =
      torch::bmm(input.targets.view({members, windows * targets, spec_.target_inputs()}),
                 tensors.at("decoder.target.weight").transpose(1, 2));
  torch::Tensor a = torch::relu(OfWindow(tensors, input).unsqueeze(2) +
                                of_target.view({members, windows, targets, width}));
  a = torch::relu(dense("hidden", a.view({members, windows * targets, width})));
  return dense("output", a).view({members, windows, targets, spec_.decoder_outputs()});
}

}  // namespace auspex::model
