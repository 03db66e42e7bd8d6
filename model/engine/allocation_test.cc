// The cpu backend must not touch the heap per item once it is warm: a fleet is forecast every few
// minutes for months. Counts every allocation of this test program.
#include <atomic>
#include <cstdlib>
#include <new>
#include <random>

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

TEST(AllocationTest, ForecastsOfAWarmEngineDoNotAllocatePerItem) {
  const ModelSpec spec{.step_ms = 900'000, .horizon_steps = 40, .context_steps = 1000};
  std::mt19937 random(4);
  auto engine = *CreateEngine("cpu", SerialFor());
  const auto model = *engine->Prepare(spec, RandomWeights(spec, random));
  const std::vector<float> context = RandomContext(spec, random);
  const std::vector<ForecastItem> items(
      100, {.model = model.get(), .context = context, .origin_ms = kOriginMs});
  std::vector<float> out(items.size() * 40 * 3);

  const auto allocations_of = [&](size_t count) {
    const int64_t before = allocations;
    EXPECT_TRUE(
        engine->Forecast(spec, std::span(items).first(count), std::span(out).first(count * 40 * 3))
            .ok());
    return allocations - before;
  };
  EXPECT_GT(allocations_of(1), 10) << "the first forecast makes the working memory";
  EXPECT_EQ(allocations_of(100), allocations_of(1));
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
