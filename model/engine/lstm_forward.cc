#include "model/engine/lstm_forward.h"

#include <algorithm>

// Tiles below are arrays of vectors, which vectors of unknown size do not allow.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/engine/lstm_forward.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
#include "model/engine/dense-inl.h"
#include "model/engine/lstm_cell-inl.h"
// clang-format on

#ifndef AUSPEX_MODEL_ENGINE_LSTM_FORWARD_ONCE
#define AUSPEX_MODEL_ENGINE_LSTM_FORWARD_ONCE
namespace auspex::model {

// Steps whose input products are computed together: few enough for the second-level cache.
inline constexpr size_t kLstmStepBlock = 48;

// Fetches memory in equal portions, small ones: many requests at once would hold up the kernel's
// own.
class Prefetcher {
 public:
  Prefetcher(NextMemory next, size_t portions)
      : begin_(static_cast<const char*>(next.data)),
        end_(begin_ + next.bytes),
        portion_((next.bytes / portions + kLine) / kLine * kLine) {}

  void Advance() {
    const char* const stop = begin_ + std::min<size_t>(portion_, end_ - begin_);
    for (; begin_ < stop; begin_ += kLine) __builtin_prefetch(begin_, /*rw=*/0, /*locality=*/2);
    begin_ = stop;
  }

 private:
  static constexpr size_t kLine = 64;

  const char* begin_;
  const char* end_;
  size_t portion_;
};

}  // namespace auspex::model
#endif  // AUSPEX_MODEL_ENGINE_LSTM_FORWARD_ONCE

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

// Units that are computed together: two vectors, whose eight sums (four gates each) keep the
// multipliers busy.
inline constexpr size_t kGroupVectors = 2;
inline constexpr size_t kLanes = hn::MaxLanes(Floats());
inline constexpr size_t kGroupUnits = kGroupVectors * kLanes;
inline constexpr bool kWholeTiles = kLanes == kLstmTileUnits;  // a vector is a tile

// Whether an update is done between rows of the next product. x86 before AVX-512 has sixteen
// registers, of which the product takes nine: the update's state would go to memory and back, and
// the processor finds enough to do by itself in what comes before and after.
inline constexpr bool kUpdatesBetweenRows = !HWY_ARCH_X86 || kWholeTiles;

// Inputs of a row of recurrent weights.
template <LstmWeights kWeights>
inline constexpr size_t kRowInputs = kWeights == LstmWeights::kFloat ? 1 : 2;

// Portions of the next memory that are fetched during an update.
inline constexpr size_t kFetches = 5;
static_assert(kCellPhases % kFetches == 0);

// The units whose sums are complete and whose cell update is still to be done.
struct PendingUnits {
  HWY_INLINE PendingUnits() {}

  CellConstants<Floats> constants;
  size_t vectors = 0;  // 0: none
  HWY_ALIGN float sums[4][kGroupUnits];
  float* cell = nullptr;
  float* hidden = nullptr;  // where the new hidden state goes
};

// Updates the pending units, which are kVectors vectors, with between() before every phase and
// kFetches portions fetched meanwhile.
template <size_t kVectors, class Between>
HWY_INLINE void Update(const PendingUnits& pending, Prefetcher* prefetcher,
                       const Between& between) {
  const CellRows rows{.sums = pending.sums[0],
                      .stride = kGroupUnits,
                      .cell = pending.cell,
                      .hidden = pending.hidden};
  RunPhases<kVectors>(pending.constants, rows, [&](auto phase) {
    if constexpr (phase() % (kCellPhases / kFetches) == 0) prefetcher->Advance();
    between();
  });
}

// The update of the pending units, if there are any, with nothing but fetching meanwhile.
HWY_INLINE void Finish(const PendingUnits& pending, Prefetcher* prefetcher) {
  if (pending.vectors == kGroupVectors) {
    Update<kGroupVectors>(pending, prefetcher, [] {});
  } else if (kWholeTiles && pending.vectors == 1) {
    Update<1>(pending, prefetcher, [] {});
  }
}

// The bfloat16 in the lower half of every lane, as floats.
HWY_INLINE Vector LowerHalves(Vector words) {
  const hn::RebindToUnsigned<Floats> du;
  return hn::BitCast(Floats(), hn::ShiftLeft<16>(hn::BitCast(du, words)));
}

// The next row of recurrent weights and the hidden states that it belongs to.
struct RowCursor {
  const float* weights;
  const float* previous;
  size_t second;        // floats from the first vector of units to the second
  ptrdiff_t direction;  // 1 or -1
};

// The sums of the four gates of kVectors vectors of units, in registers.
template <size_t kVectors>
class GateSums {
 public:
  // `gates` is where the gates of the first unit begin; each further vector's are `second` floats
  // on.
  HWY_INLINE GateSums(const float* gates, size_t second) {
    for (size_t gate = 0; gate < 4; ++gate) {
      for (size_t v = 0; v < kVectors; ++v) {
        sums_[gate][v] = hn::Load(Floats(), gates + gate * kLstmTileUnits + v * second);
      }
    }
  }

  // Adds the products of `count` rows, the next ones.
  template <LstmWeights kWeights>
  HWY_INLINE void Add(RowCursor* rows, size_t count) {
    constexpr auto kInputs = static_cast<ptrdiff_t>(kRowInputs<kWeights>);
    for (size_t k = 0; k < count; ++k) {
      const Vector input = hn::Set(Floats(), rows->previous[0]);
      const Vector other = hn::Set(Floats(), rows->previous[kInputs - 1]);
      for (size_t gate = 0; gate < 4; ++gate) {
        for (size_t v = 0; v < kVectors; ++v) {
          const Vector row =
              hn::Load(Floats(), rows->weights + gate * kLstmTileUnits + v * rows->second);
          sums_[gate][v] = hn::MulAdd(input, row, sums_[gate][v]);
          if constexpr (kWeights == LstmWeights::kBfloat16) {
            sums_[gate][v] = hn::MulAdd(other, LowerHalves(row), sums_[gate][v]);
          }
        }
      }
      rows->previous += rows->direction * kInputs;
      rows->weights += rows->direction * static_cast<ptrdiff_t>(kLstmTileGates);
    }
  }

  HWY_INLINE void Store(float (*sums)[kGroupUnits]) const {
    for (size_t gate = 0; gate < 4; ++gate) {
      for (size_t v = 0; v < kVectors; ++v) {
        hn::Store(sums_[gate][v], Floats(), sums[gate] + v * kLanes);
      }
    }
  }

 private:
  Vector sums_[4][kVectors];
};

// What a step reads and writes besides the weights.
struct StepRows {
  const float* gates;     // sums of bias and inputs
  const float* previous;  // hidden state before; null at the first step
  float* cell;
  float* hidden;  // the new hidden state
};

// The first of `count` rows, in this direction, of the units from `unit` on.
template <LstmWeights kWeights>
HWY_INLINE RowCursor FirstRow(const PackedLstmLayer& layer, size_t unit, const StepRows& rows,
                              ptrdiff_t direction, size_t count) {
  const size_t tile_weights = layer.recurrent_rows() * kLstmTileGates;
  const float* const unit_weights =
      layer.recurrent + unit / kLstmTileUnits * tile_weights + unit % kLstmTileUnits;
  const size_t first = direction > 0 || count == 0 ? 0 : count - 1;
  return {.weights = unit_weights + first * kLstmTileGates,
          .previous = rows.previous + first * kRowInputs<kWeights>,
          .second = kWholeTiles ? tile_weights : kLanes,
          .direction = direction};
}

// The sums of kVectors vectors of units from `unit` on, and meanwhile the update of the pending
// ones, of which the previous hidden state may still lack the last. Leaves the new ones pending.
template <size_t kVectors, LstmWeights kWeights>
HWY_INLINE void RunGroup(const PackedLstmLayer& layer, size_t unit, const StepRows& rows,
                         ptrdiff_t direction, Prefetcher* prefetcher, PendingUnits* pending) {
  GateSums<kVectors> sums(
      rows.gates + unit / kLstmTileUnits * kLstmTileGates + unit % kLstmTileUnits,
      kWholeTiles ? kLstmTileGates : kLanes);
  const size_t count = rows.previous == nullptr ? 0 : layer.recurrent_rows();
  RowCursor cursor = FirstRow<kWeights>(layer, unit, rows, direction, count);
  // Pending units of the previous step come last in this direction.
  const bool late = pending->hidden < rows.hidden;
  const size_t ready = count - std::min(count, late ? kGroupUnits / kRowInputs<kWeights> : 0);
  // Rows between two phases of the update. A number that is known here makes one long piece of code
  // without branches, through which the processor sees far ahead; with this one, what is ready of
  // 64 units when half of them are late is enough for an update.
  constexpr size_t kPart = 2 / kRowInputs<kWeights>;
  constexpr size_t kMeanwhile = kCellPhases * kPart;
  size_t done = 0;
  if (kUpdatesBetweenRows && pending->vectors == kGroupVectors && ready >= kMeanwhile) {
    // The rows that come last are those that the first-level cache has lost: the update is best
    // done while they are on their way.
    if (!late) done = count - kMeanwhile;
    sums.template Add<kWeights>(&cursor, done);
    Update<kGroupVectors>(*pending, prefetcher,
                          [&] { sums.template Add<kWeights>(&cursor, kPart); });
    done += kMeanwhile;
  } else {
    Finish(*pending, prefetcher);
  }
  sums.template Add<kWeights>(&cursor, count - done);
  sums.Store(pending->sums);
  pending->vectors = kVectors;
  pending->cell = rows.cell + unit;
  pending->hidden = rows.hidden + unit;
}

// One step of one layer, all but the update of the last units. Even steps go through the groups
// forwards and through the weights of each backwards, odd steps the exact other way round: each
// begins with the weights that the one before read last, and with the units that are ready.
template <LstmWeights kWeights>
HWY_INLINE void Step(const PackedLstmLayer& layer, const StepRows& rows, bool even,
                     Prefetcher* prefetcher, PendingUnits* pending) {
  const size_t units = layer.units();
  const size_t grouped = units / kGroupUnits * kGroupUnits;
  if (even) {
    for (size_t unit = 0; unit < grouped; unit += kGroupUnits) {
      RunGroup<kGroupVectors, kWeights>(layer, unit, rows, -1, prefetcher, pending);
    }
    if (grouped < units) RunGroup<1, kWeights>(layer, grouped, rows, -1, prefetcher, pending);
  } else {
    if (grouped < units) RunGroup<1, kWeights>(layer, grouped, rows, 1, prefetcher, pending);
    for (size_t unit = grouped; unit > 0; unit -= kGroupUnits) {
      RunGroup<kGroupVectors, kWeights>(layer, unit - kGroupUnits, rows, 1, prefetcher, pending);
    }
  }
}

// Runs one layer over the sequence `x`, which may be where the hidden states go.
template <LstmWeights kWeights>
void RunLayer(const PackedLstmLayer& layer, ConstRows x, size_t steps, Prefetcher* prefetcher,
              LstmScratch* scratch) {
  const size_t units = layer.units();
  const size_t gates = 4 * units;
  std::fill_n(scratch->cell.data(), units, 0.0F);
  PendingUnits pending;
  for (size_t first = 0; first < steps; first += kLstmStepBlock) {
    const size_t block = std::min(kLstmStepBlock, steps - first);
    for (size_t t = 0; t < layer.tiles(); ++t) {
      const PackedDense inputs{.inputs = layer.inputs,
                               .outputs = kLstmTileGates,
                               .weights = layer.input + t * layer.inputs * kLstmTileGates};
      Dense<Activation::kNone>(inputs, {layer.bias + t * kLstmTileGates, 0},
                               {x.data + first * x.stride, x.stride}, block,
                               {scratch->gates.data() + t * kLstmTileGates, gates});
    }
    for (size_t s = first; s < first + block; ++s) {
      float* const hidden = scratch->sequence.data() + s * units;
      Step<kWeights>(layer,
                     {.gates = scratch->gates.data() + (s - first) * gates,
                      .previous = s == 0 ? nullptr : hidden - units,
                      .cell = scratch->cell.data(),
                      .hidden = hidden},
                     s % 2 == 0, prefetcher, &pending);
    }
  }
  Finish(pending, prefetcher);
}

void Layers(std::span<const PackedLstmLayer> layers, ConstRows x, size_t steps, NextMemory next,
            LstmScratch* scratch) {
  const size_t groups = (layers.front().units() + kGroupUnits - 1) / kGroupUnits;
  Prefetcher prefetcher(next, layers.size() * steps * groups * kFetches);
  for (const PackedLstmLayer& layer : layers) {
    if (layer.weights == LstmWeights::kFloat) {
      RunLayer<LstmWeights::kFloat>(layer, x, steps, &prefetcher, scratch);
    } else {
      RunLayer<LstmWeights::kBfloat16>(layer, x, steps, &prefetcher, scratch);
    }
    x = {scratch->sequence.data(), layer.units()};
  }
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {

HWY_EXPORT(Layers);

const float* LstmForward(std::span<const PackedLstmLayer> layers, ConstRows x, size_t steps,
                         NextMemory next, LstmScratch* scratch) {
  const size_t units = layers.front().units();
  scratch->gates.Fit(std::min(steps, kLstmStepBlock) * 4 * units);
  scratch->cell.Fit(units);
  scratch->sequence.Fit(steps * units);
  HWY_DYNAMIC_DISPATCH(Layers)(layers, x, steps, next, scratch);
  return scratch->sequence.data();
}

}  // namespace auspex::model
#endif  // HWY_ONCE
