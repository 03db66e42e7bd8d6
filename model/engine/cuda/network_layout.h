// Where the weights of a network lie in device memory. Plain values, which kernels take by value.
#pragma once

#include <vector>

#include "model/spec/network_io.h"

namespace auspex::model {

struct ModelSpec;
class Weights;

// Outputs of a layer are padded to this with zero weights: what one thread computes at once.
inline constexpr int kOutputsPerThread = 8;

// One dense layer, transposed: weights are [inputs][outputs], so that neighbouring threads, which
// compute neighbouring outputs, read neighbouring floats. Offsets are in floats from the start of
// the network, multiples of 4.
struct DenseLayout {
  int inputs = 0;
  int outputs = 0;  // padded
  int weights = 0;
  int bias = 0;  // [outputs]
  bool operator==(const DenseLayout&) const = default;
};

// One recurrent layer. The rows of both parts are the gates, in the order of model/spec/weights.h.
struct RecurrentLayout {
  DenseLayout input;
  DenseLayout recurrent;  // inputs padded to a multiple of 4 with zero weights
  bool operator==(const RecurrentLayout&) const = default;
};

// What a norm scales and shifts by, [hidden] each.
struct NormLayout {
  int scale = 0;
  int shift = 0;
  bool operator==(const NormLayout&) const = default;
};

struct TransformerLayerLayout {
  NormLayout norm1;
  DenseLayout projections;  // outputs: queries, keys, values
  DenseLayout out;
  NormLayout norm2;
  DenseLayout linear1;
  DenseLayout linear2;
  bool operator==(const TransformerLayerLayout&) const = default;
};

struct TransformerLayout {
  int heads = 0;
  float norm_epsilon = 0;
  DenseLayout embedding;
  int position = 0;  // [patches][hidden]
  TransformerLayerLayout layer[kLayersMax] = {};
  NormLayout norm;
  bool operator==(const TransformerLayout&) const = default;
};

struct NetworkLayout {
  Cell cell = Cell::kNone;
  int hidden = 0;
  int layers = 0;           // 0 without an encoder
  int gates = 0;            // gate rows of a recurrent layer
  int encoder_outputs = 0;  // hidden, or 0 without an encoder
  int patches = 0;
  int patch_inputs = 0;
  int window_features = 0;
  int target_features = 0;
  int targets = 0;
  int levels = 0;  // quantile levels
  int median = 0;  // position of 0.5
  double level[kLevelsMax] = {};

  RecurrentLayout layer[kLayersMax] = {};  // of an LSTM or a GRU
  TransformerLayout transformer;
  DenseLayout window;  // inputs: encoder's output, window features
  // The layers that run per target lie back to back from decoder_begin to the end of the biases.
  DenseLayout target;  // without a bias: window's holds it
  DenseLayout hidden_layer;
  DenseLayout output;
  int decoder_begin = 0;
  int decoder_floats = 0;
  int tau = 0;
  int floats = 0;  // all of it

  bool operator==(const NetworkLayout&) const = default;
};

// REQUIRES: spec.Validate() is OK.
NetworkLayout LayoutOf(const ModelSpec& spec);

// The weights in that layout: layout.floats of them. REQUIRES: the weights fit the spec.
std::vector<float> PackWeights(const ModelSpec& spec, const Weights& weights,
                               const NetworkLayout& layout);

}  // namespace auspex::model
