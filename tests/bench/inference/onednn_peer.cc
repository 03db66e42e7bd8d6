#include "tests/bench/inference/onednn_peer.h"

#include <cstring>

#include "oneapi/dnnl/dnnl.hpp"

namespace auspex {
namespace {

using dnnl::memory;

// One primitive serves the same layer of all networks; the weights differ.
struct Layer {
  dnnl::lstm_forward::primitive_desc description;
  dnnl::lstm_forward primitive;
  memory input;   // [steps, 1, inputs]
  memory output;  // [steps, 1, hidden]; the next layer's input
};

struct LayerWeights {
  memory weight_ih;
  memory weight_hh;
  memory bias;
};

class Peer final : public OnednnPeer {
 public:
  Peer(const BenchFleet& fleet, size_t steps)
      : hidden_(static_cast<memory::dim>(fleet.shape.hidden)),
        steps_(static_cast<memory::dim>(steps)),
        window_(steps * fleet.shape.inputs) {
    memory::dim inputs = static_cast<memory::dim>(fleet.shape.inputs);
    for (size_t layer = 0; layer < fleet.shape.layers; ++layer, inputs = hidden_) {
      layers_.push_back(MakeLayer(inputs));
    }
    for (const std::vector<float>& parameters : fleet.parameters) {
      const auto tensors = SplitParameters(fleet.shape, parameters);
      std::vector<LayerWeights> weights;
      for (size_t layer = 0; layer < layers_.size(); ++layer) {
        weights.push_back(Pack(layers_[layer], tensors[layer]));
      }
      networks_.push_back(std::move(weights));
    }
    stream_.wait();
  }

  std::vector<float> Run(size_t begin, size_t end, std::span<const float> windows) override {
    const auto hidden = static_cast<size_t>(hidden_);
    std::vector<float> states((end - begin) * hidden);
    for (size_t i = begin; i < end; ++i) {
      std::memcpy(layers_.front().input.get_data_handle(), windows.data() + (i - begin) * window_,
                  window_ * sizeof(float));
      for (size_t layer = 0; layer < layers_.size(); ++layer) {
        const LayerWeights& weights = networks_[i][layer];
        layers_[layer].primitive.execute(stream_, {{DNNL_ARG_SRC_LAYER, layers_[layer].input},
                                                   {DNNL_ARG_WEIGHTS_LAYER, weights.weight_ih},
                                                   {DNNL_ARG_WEIGHTS_ITER, weights.weight_hh},
                                                   {DNNL_ARG_BIAS, weights.bias},
                                                   {DNNL_ARG_DST_LAYER, layers_[layer].output}});
      }
      stream_.wait();
      const auto* const output = static_cast<const float*>(layers_.back().output.get_data_handle());
      std::memcpy(states.data() + (i - begin) * hidden,
                  output + (static_cast<size_t>(steps_) - 1) * hidden, hidden * sizeof(float));
    }
    return states;
  }

 private:
  Layer MakeLayer(memory::dim inputs) {
    const auto any = [](const memory::dims& dims) {
      return memory::desc(dims, memory::data_type::f32, memory::format_tag::any);
    };
    const auto sequence = [this](memory::dim width) {
      return memory::desc({steps_, 1, width}, memory::data_type::f32, memory::format_tag::tnc);
    };
    const dnnl::lstm_forward::desc operation(
        dnnl::prop_kind::forward_inference, dnnl::rnn_direction::unidirectional_left2right,
        sequence(inputs), memory::desc(), memory::desc(), any({1, 1, inputs, 4, hidden_}),
        any({1, 1, hidden_, 4, hidden_}),
        memory::desc({1, 1, 4, hidden_}, memory::data_type::f32, memory::format_tag::ldgo),
        sequence(hidden_), memory::desc(), memory::desc());
    Layer layer{{operation, engine_}, {}, {}, {}};
    layer.primitive = dnnl::lstm_forward(layer.description);
    layer.input = layers_.empty() ? memory(sequence(inputs), engine_) : layers_.back().output;
    layer.output = memory(sequence(hidden_), engine_);
    return layer;
  }

  // From LibTorch's [4 * hidden, inputs], which oneDNN calls ldgoi; both have the gates i, f, g, o.
  memory Reordered(std::span<const float> weight, memory::dim inputs, const memory::desc& wanted) {
    memory from({{1, 1, inputs, 4, hidden_}, memory::data_type::f32, memory::format_tag::ldgoi},
                engine_, const_cast<float*>(weight.data()));
    memory to(wanted, engine_);
    dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
    return to;
  }

  LayerWeights Pack(const Layer& layer, const LayerTensors& tensors) {
    LayerWeights weights;
    weights.weight_ih = Reordered(tensors.weight_ih, static_cast<memory::dim>(tensors.inputs),
                                  layer.description.weights_layer_desc());
    weights.weight_hh =
        Reordered(tensors.weight_hh, hidden_, layer.description.weights_iter_desc());
    weights.bias = memory(layer.description.bias_desc(), engine_);
    auto* const bias = static_cast<float*>(weights.bias.get_data_handle());
    for (size_t i = 0; i < tensors.bias_ih.size(); ++i) {
      bias[i] = tensors.bias_ih[i] + tensors.bias_hh[i];
    }
    return weights;
  }

  const memory::dim hidden_;
  const memory::dim steps_;
  const size_t window_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::vector<Layer> layers_;
  std::vector<std::vector<LayerWeights>> networks_;
};

}  // namespace

std::unique_ptr<OnednnPeer> OnednnPeer::Make(const BenchFleet& fleet, size_t steps) {
  return std::make_unique<Peer>(fleet, steps);
}

}  // namespace auspex
