// The cpu backend must not touch the heap per item once it is warm: a fleet is forecast every few
// minutes for months. Counts every allocation of this test program.
#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <span>
#include <vector>

#include "gtest/gtest.h"
#include "model/engine/engine.h"
#include "model/engine/lstm_fleet.h"
#include "model/engine/test_data.h"

namespace {

std::atomic<int64_t> allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
// Not inlined: GCC would see free() meet its own operator new.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace auspex::model {
namespace {

// How often a forecast of `count` items allocates.
class AllocationsOfForecasts {
 public:
  explicit AllocationsOfForecasts(Cell cell)
      : spec_{.cell = cell,
              .members = 3,
              .step_ms = 900'000,
              .horizon_steps = 40,
              .context_steps = 1000,
              .covariates = {"a", "b"},
              .special_days = {19'000, 19'001}} {
    std::mt19937 random(4);
    for (auto& model : models_) model = *engine_->Prepare(spec_, RandomWeights(spec_, random));
    for (auto& context : contexts_) context = RandomContext(spec_, random);
    covariates_ = RandomCovariates(spec_, random);
    for (size_t i = 0; i < 100; ++i) {
      items_.push_back({.model = models_[i % models_.size()].get(),
                        .context = contexts_[i % contexts_.size()],
                        .origin_ms = kOriginMs,
                        .covariates = covariates_});
    }
    out_.resize(items_.size() * kValues);
  }

  int64_t operator()(size_t count) {
    const int64_t before = allocations;
    EXPECT_TRUE(engine_
                    ->Forecast(spec_, std::span(items_).first(count),
                               std::span(out_).first(count * kValues))
                    .ok());
    return allocations - before;
  }

 private:
  static constexpr size_t kValues = size_t{40} * 3;  // of one forecast

  const ModelSpec spec_;
  const std::unique_ptr<Engine> engine_ = *CreateEngine("cpu", SerialFor());
  std::array<std::shared_ptr<const PreparedModel>, 2> models_;  // take turns
  std::array<std::vector<float>, 2> contexts_;  // take turns: equal neighbours are described once
  std::vector<float> covariates_;
  std::vector<ForecastItem> items_;
  std::vector<float> out_;
};

TEST(AllocationTest, ForecastsOfAWarmEngineDoNotAllocatePerItem) {
  for (Cell cell : {Cell::kLstm, Cell::kGru, Cell::kTransformer, Cell::kNone}) {
    AllocationsOfForecasts allocations_of(cell);
    EXPECT_GT(allocations_of(1), 10) << "the first forecast makes the working memory";
    EXPECT_EQ(allocations_of(100), allocations_of(1)) << CellName(cell);
  }
}

TEST(AllocationTest, AWarmFleetOfLstmsDoesNotAllocate) {
  std::mt19937 random(5);
  const LstmShape shape{.inputs = 4, .hidden = 20, .layers = 2, .outputs = 7};
  const LstmFleet fleet(shape, 70);
  const std::vector<float> windows(fleet.size() * 30 * shape.inputs, 0.5F);
  std::vector<float> out(fleet.size() * shape.outputs);
  const ParallelFor serial = SerialFor();
  const auto allocations_now = [&] {
    const int64_t before = allocations;
    EXPECT_TRUE(fleet.Forward(windows, 30, serial, out).ok());
    return allocations - before;
  };
  EXPECT_GT(allocations_now(), 2) << "the first call makes the working memory";
  EXPECT_LE(allocations_now(), 1) << "at most the closure of the loop";
}

}  // namespace
}  // namespace auspex::model
