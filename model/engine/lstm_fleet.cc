#include "model/engine/lstm_fleet.h"

#include <sys/mman.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/engine/dense_forward.h"
#include "model/engine/lstm_forward.h"
#include "model/engine/packed_dense.h"
#include "model/engine/packed_lstm.h"

namespace auspex::model {
namespace {

// Networks that one thread runs before it looks for more. Only the first of them is not fetched
// ahead.
constexpr size_t kNetworksPerTask = 32;

size_t HeadFloats(const LstmShape& shape) {
  return PaddedOutputs(shape.outputs) * (1 + shape.hidden);
}

PackedDense HeadAt(const LstmShape& shape, const float* block) {
  const size_t outputs = PaddedOutputs(shape.outputs);
  return {.inputs = shape.hidden, .outputs = outputs, .weights = block + outputs, .bias = block};
}

// From LibTorch's order. `block` is HeadFloats, zero before.
void PackHead(const LstmShape& shape, std::span<const float> weight, std::span<const float> bias,
              float* block) {
  const size_t padded = PaddedOutputs(shape.outputs);
  std::copy(bias.begin(), bias.end(), block);
  for (size_t o = 0; o < shape.outputs; ++o) {
    for (size_t i = 0; i < shape.hidden; ++i) {
      block[(1 + i) * padded + o] = weight[o * shape.hidden + i];
    }
  }
}

// Asks for huge pages where the system has them: a fleet is read once from end to end, and fetching
// it ahead need not find a page every 4 KB then. If the system declines, it is only slower.
void AdviseHugePages(float* data, size_t floats) {
  constexpr size_t kPage = size_t{2} << 20;
  void* begin = data;
  size_t bytes = floats * sizeof(float);
  if (std::align(kPage, kPage, begin, bytes) == nullptr) return;
  (void)madvise(begin, bytes / kPage * kPage, MADV_HUGEPAGE);
}

}  // namespace

size_t LstmShape::parameters() const {
  const size_t gates = 4 * hidden;
  return gates * (inputs + hidden + 2) + (layers - 1) * gates * (2 * hidden + 2) +
         outputs * (hidden + 1);
}

struct LstmFleet::Scratch {
  LstmScratch lstm;
  std::vector<PackedLstmLayer> layers;
  AlignedBuffer head;  // [outputs], padded
};

LstmFleet::LstmFleet(const LstmShape& shape, size_t networks, LstmWeights weights)
    : shape_(shape), networks_(networks), weights_(weights) {
  for (size_t layer = 0; layer < shape.layers; ++layer) {
    stride_ += PackedLstmFloats(LayerInputs(layer), shape.hidden, weights);
  }
  stride_ += HeadFloats(shape);
  block_.Fit(networks * stride_);
  AdviseHugePages(block_.data(), networks * stride_);
  std::fill_n(block_.data(), networks * stride_, 0.0F);
}

LstmFleet::~LstmFleet() = default;

absl::Status LstmFleet::SetNetwork(size_t i, std::span<const float> parameters) {
  if (i >= networks_ || parameters.size() != shape_.parameters()) {
    return absl::InvalidArgumentError(absl::StrCat("fleet: network ", i, " of ", networks_,
                                                   " with ", parameters.size(),
                                                   " parameters, must be ", shape_.parameters()));
  }
  const auto take = [&parameters](size_t count) {
    const std::span<const float> part = parameters.first(count);
    parameters = parameters.subspan(count);
    return part;
  };
  float* block = block_.data() + i * stride_;
  std::fill_n(block, stride_, 0.0F);
  const size_t gates = 4 * shape_.hidden;
  for (size_t layer = 0; layer < shape_.layers; ++layer) {
    const size_t inputs = LayerInputs(layer);
    LstmTensors tensors;
    tensors.weight_ih = take(gates * inputs);
    tensors.weight_hh = take(gates * shape_.hidden);
    tensors.bias_ih = take(gates);
    tensors.bias_hh = take(gates);
    PackLstmLayer(inputs, shape_.hidden, weights_, tensors, block);
    block += PackedLstmFloats(inputs, shape_.hidden, weights_);
  }
  const std::span<const float> weight = take(shape_.outputs * shape_.hidden);
  PackHead(shape_, weight, parameters, block);
  return absl::OkStatus();
}

absl::Status LstmFleet::Forward(std::span<const float> windows, size_t steps,
                                const ParallelFor& parallel_for, std::span<float> out) const {
  if (steps == 0 || windows.size() != networks_ * steps * shape_.inputs ||
      out.size() != networks_ * shape_.outputs) {
    return absl::InvalidArgumentError(absl::StrCat(
        "fleet: ", windows.size(), " values of ", networks_, " windows of ", steps, " steps with ",
        shape_.inputs, " inputs, and room for ", out.size(), " outputs"));
  }
  parallel_for((networks_ + kNetworksPerTask - 1) / kNetworksPerTask, [&](size_t task) {
    const size_t begin = task * kNetworksPerTask;
    ForwardRange(windows, steps, begin, std::min(networks_, begin + kNetworksPerTask), out);
  });
  return absl::OkStatus();
}

void LstmFleet::ForwardRange(std::span<const float> windows, size_t steps, size_t begin, size_t end,
                             std::span<float> out) const {
  std::unique_ptr<Scratch> scratch = TakeScratch();
  for (size_t i = begin; i < end; ++i) {
    const float* block = Block(i);
    scratch->layers.clear();
    for (size_t layer = 0; layer < shape_.layers; ++layer) {
      scratch->layers.push_back(LstmLayerAt(LayerInputs(layer), shape_.hidden, weights_, block));
      block += PackedLstmFloats(LayerInputs(layer), shape_.hidden, weights_);
    }
    const NextMemory next{.data = Block(i + 1), .bytes = i + 1 < end ? bytes_per_network() : 0};
    const float* const states =
        LstmForward(scratch->layers, {windows.data() + i * steps * shape_.inputs, shape_.inputs},
                    steps, next, &scratch->lstm);
    const size_t units = scratch->layers.back().units();
    DenseForward(HeadAt(shape_, block), states + (steps - 1) * units, scratch->head.data());
    std::copy_n(scratch->head.data(), shape_.outputs, out.data() + i * shape_.outputs);
  }
  GiveBack(std::move(scratch));
}

std::unique_ptr<LstmFleet::Scratch> LstmFleet::TakeScratch() const {
  {
    absl::MutexLock lock(&mutex_);
    if (!free_.empty()) {
      std::unique_ptr<Scratch> scratch = std::move(free_.back());
      free_.pop_back();
      return scratch;
    }
  }
  auto scratch = std::make_unique<Scratch>();
  scratch->layers.reserve(shape_.layers);
  scratch->head.Fit(PaddedOutputs(shape_.outputs));
  return scratch;
}

void LstmFleet::GiveBack(std::unique_ptr<Scratch> scratch) const {
  absl::MutexLock lock(&mutex_);
  free_.push_back(std::move(scratch));
}

}  // namespace auspex::model
