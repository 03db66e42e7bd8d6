#include "model/engine/cuda/fleet_plan.h"

#include <algorithm>

#include "model/engine/cuda/placer.h"
#include "model/spec/model_spec.h"

namespace auspex::model {
namespace {

constexpr int kColumnPad = 16;
constexpr int kAnyUnitsThreads = 256;
constexpr int kWindowThreads = 64;  // of the encoder's block where there is no encoder
// A transformer of up to so many units has about a task of four columns for each of these threads.
constexpr int kFewUnits = 32;
constexpr int kFewUnitsThreads = 64;
constexpr int kDecoderThreads = 128;

size_t Bytes(int floats) { return static_cast<size_t>(floats) * sizeof(float); }

RecordLayout PlanRecord(const NetworkLayout& network) {
  RecordLayout record;
  Placer placer;
  placer.Take(sizeof(RecordHeader) / sizeof(float));
  record.window = placer.Take(network.window_features);
  record.patches = placer.Take(network.patches * network.patch_inputs);
  record.candidates = placer.Take(network.targets * kCandidates);
  record.features = placer.Take(network.targets * network.target_features);
  record.floats = placer.used();
  return record;
}

// Of an LSTM, a GRU, or where there is no encoder.
EncoderPlan PlaceRecurrent(const NetworkLayout& network, int step_block, bool recurrent_shared) {
  EncoderPlan plan;
  plan.columns = RoundUp(network.patches, kColumnPad);
  plan.step_block = step_block;
  for (int units : {64, 32, 16}) {
    if (network.hidden <= units) plan.register_units = units;
  }
  if (network.layers == 0) plan.register_units = 0;
  plan.threads = plan.register_units > 0 ? 4 * plan.register_units : kAnyUnitsThreads;
  if (network.layers == 0) plan.threads = kWindowThreads;
  plan.recurrent_shared = recurrent_shared;

  const int layers = std::min(network.layers, 1);  // without one, its memory is not needed
  const int gates = RoundUp(network.gates, kOutputsPerThread);
  // Threads with weights in registers read as many hidden states as they have weights.
  const int hidden = RoundUp(std::max(network.hidden, plan.register_units), 4);
  Placer placer;
  plan.inputs = placer.Take(layers * network.patch_inputs * plan.columns);
  plan.sequence = placer.Take(layers * network.hidden * plan.columns);
  plan.gates = placer.Take(layers * gates * step_block);
  plan.activations = placer.Take(layers * gates);
  plan.hidden = placer.Take(layers * hidden);
  plan.cell = placer.Take(layers * hidden);
  plan.recurrent = placer.Take(recurrent_shared ? RoundUp(network.hidden, 4) * gates : 0);
  plan.shared_floats = placer.used();
  return plan;
}

EncoderPlan PlaceTransformer(const NetworkLayout& network) {
  EncoderPlan plan;
  plan.columns = RoundUp(network.patches, 4);
  plan.threads = network.hidden <= kFewUnits ? kFewUnitsThreads : kAnyUnitsThreads;
  const auto rows = [&](int units) { return RoundUp(units, kOutputsPerThread) * plan.columns; };
  Placer placer;
  plan.inputs = placer.Take(network.patch_inputs * plan.columns);
  plan.rows = placer.Take(rows(network.hidden));
  plan.normed = placer.Take(rows(network.hidden));
  plan.wide = placer.Take(rows(3 * network.hidden));
  plan.scores = placer.Take(network.transformer.heads * network.patches * network.patches);
  plan.hidden = placer.Take(network.hidden);
  plan.shared_floats = placer.used();
  return plan;
}

std::optional<EncoderPlan> PlanEncoder(const NetworkLayout& network, size_t shared_bytes_max) {
  if (network.cell == Cell::kTransformer) {
    const EncoderPlan plan = PlaceTransformer(network);
    if (Bytes(plan.shared_floats) <= shared_bytes_max) return plan;
    return std::nullopt;
  }
  const bool in_registers = PlaceRecurrent(network, 4, false).register_units > 0;
  for (bool recurrent_shared : {true, false}) {
    if (recurrent_shared && (in_registers || network.layers == 0)) continue;
    for (int step_block : {kColumnPad, 4}) {
      const EncoderPlan plan = PlaceRecurrent(network, step_block, recurrent_shared);
      if (Bytes(plan.shared_floats) <= shared_bytes_max) return plan;
    }
  }
  return std::nullopt;
}

DecoderPlan PlaceDecoder(const NetworkLayout& network, int tile, bool weights_shared) {
  DecoderPlan plan;
  plan.threads = kDecoderThreads;
  plan.tile = tile;
  plan.tiles = (network.targets + tile - 1) / tile;
  plan.weights_shared = weights_shared;
  const int width = network.hidden_layer.outputs;
  Placer placer;
  plan.first = placer.Take(std::max(network.target.inputs, width) * tile);
  plan.second = placer.Take(std::max(network.output.outputs, width) * tile);
  plan.weights = placer.Take(weights_shared ? network.decoder_floats : 0);
  plan.shared_floats = placer.used();
  return plan;
}

// The largest tile, weights in shared memory if possible; rather two blocks on a multiprocessor
// than a larger tile, because a block alone waits at every barrier.
std::optional<DecoderPlan> PlanDecoder(const NetworkLayout& network, size_t shared_bytes_max) {
  for (size_t budget : {shared_bytes_max / 2, shared_bytes_max}) {
    for (bool weights_shared : {true, false}) {
      for (int tile : {128, 64, 32, 16, 8, 4}) {
        if (weights_shared && tile < 32) continue;
        const DecoderPlan plan = PlaceDecoder(network, tile, weights_shared);
        if (Bytes(plan.shared_floats) <= budget) return plan;
      }
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<FleetPlan> PlanFleet(const ModelSpec& spec, size_t shared_bytes_max) {
  FleetPlan plan;
  plan.network = LayoutOf(spec);
  plan.record = PlanRecord(plan.network);
  const auto encoder = PlanEncoder(plan.network, shared_bytes_max);
  const auto decoder = PlanDecoder(plan.network, shared_bytes_max);
  if (!encoder || !decoder) return std::nullopt;
  plan.encoder = *encoder;
  plan.decoder = *decoder;
  plan.state_floats = plan.network.window.outputs;
  plan.output_floats = plan.network.targets * plan.network.levels;
  return plan;
}

}  // namespace auspex::model
