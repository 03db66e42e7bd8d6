// How the forecasts of one spec run on one device: where everything lies, in which memory, and how
// many threads work on it. Plain values, which kernels take by value.
#pragma once

#include <cstddef>
#include <optional>

#include "model/engine/cuda/network_layout.h"

namespace auspex::model {

// What a record begins with. Besides the features, all that the device must know of an item.
struct RecordHeader {
  const float* weights =
      nullptr;       // device memory; null: the context has no value, the answer is NaN
  double level = 0;  // of the window, as in WindowFeatures
  double scale = 1;
  double last = 0;
  double network = 1;  // the blend
  double seasonal_naive = 0;
  double last_weight = 0;
  int non_negative = 0;
};

// One item as it is uploaded: header, then features. Offsets are in floats from the record's start;
// all but `features` are multiples of 4.
struct RecordLayout {
  int window = 0;      // [window_features]
  int patches = 0;     // [patches][patch_inputs]
  int candidates = 0;  // [targets][kCandidates], z
  int features = 0;    // [targets][target_features]
  int floats = 0;      // all of it
  bool operator==(const RecordLayout&) const = default;
};

// The encoder: a block per item. Offsets are in floats into the block's shared memory.
struct EncoderPlan {
  // Every thread holds the recurrent weights of one gate row in registers: of up to this many
  // hidden units (16, 32 or 64). 0: more units; the weights are read from shared or device memory.
  int register_units = 0;
  int threads = 0;
  int columns = 0;     // patches, padded
  int step_block = 0;  // steps whose products with the inputs are computed together
  bool recurrent_shared = false;
  int inputs = 0;       // [patch_inputs][columns]
  int sequence = 0;     // [hidden][columns]: hidden states of a layer, inputs of the next
  int gates = 0;        // [gates, padded][step_block]
  int activations = 0;  // [gates, padded]
  int hidden = 0;       // [hidden, padded]: the state, and at last the encoder's output
  int cell = 0;         // [hidden, padded]
  int recurrent = 0;    // one layer's recurrent weights
  // Of a transformer (TransformerMemory).
  int rows = 0;    // [hidden, padded][columns]
  int normed = 0;  // [hidden, padded][columns]
  int wide = 0;    // [3 * hidden, padded][columns]
  int scores = 0;  // [heads][patches][patches]
  int shared_floats = 0;
  bool operator==(const EncoderPlan&) const = default;
};

// The decoder and the output head: a block per item and tile of targets.
struct DecoderPlan {
  int threads = 0;
  int tile = 0;   // targets of one block, a multiple of 4
  int tiles = 0;  // of one item
  bool weights_shared = false;
  int first = 0;   // [target_inputs or width][tile]
  int second = 0;  // [width or outputs][tile]
  int weights = 0;
  int shared_floats = 0;
  bool operator==(const DecoderPlan&) const = default;
};

struct FleetPlan {
  NetworkLayout network;
  RecordLayout record;
  EncoderPlan encoder;
  DecoderPlan decoder;
  int state_floats = 0;   // of one item: what its targets share
  int output_floats = 0;  // of one item
  bool operator==(const FleetPlan&) const = default;
};

// None when even the smallest plan needs more shared memory per block. REQUIRES: spec.Validate() is
// OK.
std::optional<FleetPlan> PlanFleet(const ModelSpec& spec, size_t shared_bytes_max);

// One run over some items: records go to the device, forecasts come back. Borrows the memory.
struct FleetPass {
  FleetPlan plan;
  int items = 0;
  const float* host_records = nullptr;
  float* device_records = nullptr;
  float* device_states = nullptr;  // [items][plan.state_floats]
  float* device_outputs = nullptr;
  float* host_outputs = nullptr;  // [items][targets][levels]

  size_t record_bytes() const { return Bytes(plan.record.floats); }
  size_t output_bytes() const { return Bytes(plan.output_floats); }
  bool operator==(const FleetPass&) const = default;

 private:
  size_t Bytes(int floats_of_item) const {
    return static_cast<size_t>(items) * static_cast<size_t>(floats_of_item) * sizeof(float);
  }
};

}  // namespace auspex::model
