// The engine for devices, on devices that are emulated: every line of it but the CUDA runtime's.
#include "model/engine/cuda/device_engine.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/engine/cuda/device_check.h"
#include "model/engine/cuda/emulated_device.h"
#include "model/engine/test_data.h"
#include "model/testing/close.h"

namespace auspex::model {
namespace {

using ::testing::HasSubstr;

constexpr size_t kHopper = 227 << 10;
const ModelSpec kSpec{.step_ms = 3'600'000, .horizon_steps = 30, .context_steps = 336};
constexpr size_t kValues = 30 * 3;

struct Fallback {
  std::string device;
  size_t items;
  absl::Status why;
};

// A fleet of models with weights of their own, and an engine on devices that can fail.
class Fleet {
 public:
  explicit Fleet(std::vector<std::shared_ptr<EmulatedDevice>> emulated,
                 const ModelSpec& model_spec = kSpec)
      : spec(model_spec),
        devices(std::move(emulated)),
        engine({devices.begin(), devices.end()}, SerialFor(), [this](const EngineFallback& what) {
          fallbacks.push_back({std::string(what.device), what.items, what.why});
        }) {}

  void Add(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const Weights weights = RandomWeights(spec, random_);
      contexts_.push_back(std::make_shared<std::vector<float>>(RandomContext(spec, random_)));
      models_.push_back(*engine.Prepare(spec, weights));
      on_host_.push_back(*host_->Prepare(spec, weights));
    }
  }

  std::vector<float> Forecast() { return Forecast(engine, models_); }
  std::vector<float> Expected() { return Forecast(*host_, on_host_); }

  const ModelSpec spec;
  std::vector<std::shared_ptr<EmulatedDevice>> devices;
  std::vector<Fallback> fallbacks;
  DeviceEngine engine;

 private:
  std::vector<float> Forecast(Engine& with,
                              const std::vector<std::shared_ptr<const PreparedModel>>& models) {
    std::vector<ForecastItem> items;
    for (size_t i = 0; i < models.size(); ++i) {
      items.push_back({.model = models[i].get(), .context = *contexts_[i], .origin_ms = kOriginMs});
    }
    std::vector<float> out(items.size() * static_cast<size_t>(spec.horizon_steps) *
                           spec.quantiles.size());
    EXPECT_TRUE(with.Forecast(spec, items, out).ok());
    return out;
  }

  std::mt19937 random_{11};
  std::unique_ptr<Engine> host_ = MakeTestEngine("cpu");
  std::vector<std::shared_ptr<std::vector<float>>> contexts_;
  std::vector<std::shared_ptr<const PreparedModel>> models_;
  std::vector<std::shared_ptr<const PreparedModel>> on_host_;
};

std::shared_ptr<EmulatedDevice> Gpu(const std::string& name) {
  return std::make_shared<EmulatedDevice>(name);
}

constexpr Tolerance kClose{.absolute = 1e-3, .relative = 1e-5};

// One forecast on one emulated device.
std::vector<float> ForecastOn(const std::shared_ptr<EmulatedDevice>& device, const ModelSpec& spec,
                              const Weights& weights, const std::vector<float>& context,
                              const Blend& blend, std::span<const float> covariates = {}) {
  DeviceEngine engine({device}, SerialFor(), [](const EngineFallback& what) {
    ADD_FAILURE() << "the cpu answered: " << what.why;
  });
  const auto model = *engine.Prepare(spec, weights);
  const ForecastItem item{.model = model.get(),
                          .context = context,
                          .origin_ms = kOriginMs,
                          .blend = blend,
                          .covariates = covariates};
  std::vector<float> out(static_cast<size_t>(spec.horizon_steps) * spec.quantiles.size());
  EXPECT_TRUE(engine.Forecast(spec, std::span(&item, 1), out).ok());
  return out;
}

TEST(DeviceEngineTest, AgreesWithScalarOverRandomShapes) {
  std::mt19937 random(21);
  for (int round = 0; round < 60; ++round) {
    ModelSpec spec = RandomSpec(random);
    if (round % 10 == 0) spec.hidden = 65 + static_cast<int>(random() % 80);
    SCOPED_TRACE(Describe(spec));
    const Weights weights = RandomWeights(spec, random);
    const std::vector<float> context = RandomContext(spec, random);
    const std::vector<float> covariates = RandomCovariates(spec, random);
    const Blend blend = round % 2 == 0 ? Blend{} : Blend{0.5, 0.25, 0.25};
    const auto device = std::make_shared<EmulatedDevice>("gpu", (64 + random() % 160) << 10,
                                                         static_cast<ThreadOrder>(round % 3));
    EXPECT_EQ(
        Difference(ForecastOn(device, spec, weights, context, blend, covariates),
                   ForecastContext("scalar", spec, weights, context, blend, covariates), kClose),
        "");
  }
}

TEST(DeviceEngineTest, AgreesWithScalarOnExtremeContexts) {
  std::mt19937 random(22);
  const std::vector<float> normal = RandomContext(kSpec, random);
  std::vector<std::vector<float>> contexts = {std::vector<float>(336, 0.0F),
                                              std::vector<float>(336, 1e14F),
                                              std::vector<float>(336, -1e-30F), normal, normal};
  for (float factor : {1e14F, 1e-14F, 1e30F, 1e-36F}) {
    contexts.push_back(normal);
    for (float& value : contexts.back()) value *= factor;
  }
  contexts[3].back() = 1e20F;
  contexts[4].assign(336, kMissing);
  contexts[4][300] = 4;
  for (Cell cell : {Cell::kLstm, Cell::kGru, Cell::kTransformer, Cell::kNone}) {
    ModelSpec spec = kSpec;
    spec.cell = cell;
    const Weights weights = RandomWeights(spec, random);
    for (size_t i = 0; i < contexts.size(); ++i) {
      SCOPED_TRACE(Describe(spec) + " context " + std::to_string(i));
      const std::vector<float> scalar = ForecastContext("scalar", spec, weights, contexts[i]);
      double largest = 0;
      for (float value : scalar) largest = std::max(largest, std::abs(static_cast<double>(value)));
      EXPECT_EQ(Difference(ForecastOn(Gpu("gpu"), spec, weights, contexts[i], {}), scalar,
                           {.absolute = 2e-5 * largest}),
                "");
    }
  }
}

// Where weights lie, how large tiles are and in which order threads run changes no bit: what one
// device answers, another does.
TEST(DeviceEngineTest, EveryPlanGivesTheSameBits) {
  std::mt19937 random(23);
  for (auto [cell, hidden] :
       {std::pair(Cell::kLstm, 16), std::pair(Cell::kLstm, 40), std::pair(Cell::kLstm, 90),
        std::pair(Cell::kGru, 7), std::pair(Cell::kGru, 64), std::pair(Cell::kGru, 100),
        std::pair(Cell::kTransformer, 16), std::pair(Cell::kTransformer, 62)}) {
    ModelSpec spec = kSpec;
    spec.cell = cell;
    spec.hidden = hidden;
    spec.layers = 2;
    spec.horizon_steps = 150;
    SCOPED_TRACE(Describe(spec));
    const Weights weights = RandomWeights(spec, random);
    const std::vector<float> context = RandomContext(spec, random);
    std::vector<float> first;
    for (size_t shared : {size_t{48} << 10, size_t{64} << 10, size_t{99} << 10, kHopper}) {
      for (ThreadOrder order :
           {ThreadOrder::kForward, ThreadOrder::kBackward, ThreadOrder::kInterleaved}) {
        const auto device = std::make_shared<EmulatedDevice>("gpu", shared, order);
        const std::vector<float> out = ForecastOn(device, spec, weights, context, {});
        if (first.empty()) first = out;
        EXPECT_EQ(out, first) << shared;
      }
    }
  }
}

TEST(DeviceEngineTest, FleetsAreShardedAndModelsStayWhereTheyAre) {
  Fleet fleet({Gpu("a"), Gpu("b"), Gpu("c")});
  fleet.Add(31);
  const std::vector<float> once = fleet.Forecast();
  EXPECT_EQ(Difference(once, fleet.Expected(), kClose), "");
  EXPECT_EQ(fleet.Forecast(), once);
  for (const auto& device : fleet.devices) {
    EXPECT_GE(device->items_run(), 2 * 10) << device->name();
    EXPECT_LE(device->items_run(), 2 * 11) << device->name();
  }
  EXPECT_TRUE(fleet.fallbacks.empty());

  Fleet alone({Gpu("a")});
  alone.Add(31);
  EXPECT_EQ(alone.Forecast(), once) << "bits depend on the number of devices";
}

TEST(DeviceEngineTest, LargeFleetsTakeSeveralPasses) {
  ModelSpec spec = kSpec;
  spec.horizon_steps = 1000;
  spec.hidden = 4;
  spec.decoder_width = 4;
  spec.quantiles = {0.5};
  Fleet fleet({Gpu("a")}, spec);
  const size_t per_pass = DeviceLane::ItemsPerPass(*PlanFleet(spec, 64 << 10));
  fleet.Add(2 * per_pass + 3);
  EXPECT_EQ(Difference(fleet.Forecast(), fleet.Expected(), kClose), "");
  EXPECT_EQ(fleet.devices[0]->passes_run(), 3);
}

TEST(DeviceEngineTest, MemoryOfModelsIsGivenBack) {
  auto device = Gpu("a");
  DeviceEngine engine({device}, SerialFor(), nullptr);
  std::mt19937 random(24);
  auto champion = *engine.Prepare(kSpec, RandomWeights(kSpec, random));
  const int64_t allocated = device->floats_allocated();
  for (int promotion = 0; promotion < 5; ++promotion) {
    champion = *engine.Prepare(kSpec, RandomWeights(kSpec, random));
    EXPECT_EQ(device->floats_allocated(), allocated);
  }
  champion.reset();
  EXPECT_EQ(device->floats_allocated(), 0);
}

// Whichever call it is that fails: every forecast is there, and it is known why.
TEST(DeviceEngineTest, LostDevicesMissNoForecast) {
  int clean_runs = 0;
  for (int calls = 0; calls < 16; ++calls) {
    SCOPED_TRACE(calls);
    Fleet fleet({Gpu("good"), Gpu("bad")});
    fleet.devices[1]->FailAfter(calls, absl::UnavailableError("fell off the bus"));
    fleet.Add(8);
    EXPECT_EQ(Difference(fleet.Forecast(), fleet.Expected(), kClose), "");
    if (fleet.fallbacks.empty()) {  // before it had a model, or after all
      ++clean_runs;
      continue;
    }
    ASSERT_EQ(fleet.fallbacks.size(), 1U);
    EXPECT_EQ(fleet.fallbacks[0].device, "bad");
    EXPECT_EQ(fleet.fallbacks[0].why, absl::UnavailableError("fell off the bus"));

    // Lost is lost, even if it answers again.
    const int64_t items = fleet.devices[1]->items_run();
    fleet.devices[1]->FailAfter(0, absl::OkStatus());
    EXPECT_EQ(Difference(fleet.Forecast(), fleet.Expected(), kClose), "");
    EXPECT_EQ(fleet.devices[1]->items_run(), items);
    EXPECT_EQ(fleet.fallbacks.size(), 2U);
  }
  EXPECT_GT(clean_runs, 0);
  EXPECT_LT(clean_runs, 10);
}

TEST(DeviceEngineTest, ALostDeviceGetsNoNewModels) {
  Fleet fleet({Gpu("good"), Gpu("bad")});
  fleet.Add(4);
  fleet.devices[1]->FailAfter(0, absl::UnavailableError("gone"));
  fleet.Forecast();
  ASSERT_EQ(fleet.fallbacks.size(), 1U);
  EXPECT_EQ(fleet.fallbacks[0].items, 2U);
  fleet.Add(4);
  EXPECT_EQ(Difference(fleet.Forecast(), fleet.Expected(), kClose), "");
  EXPECT_EQ(fleet.fallbacks.back().items, 2U) << "the new ones are on the good device";
}

TEST(DeviceEngineTest, ShortMemoryIsTriedAgain) {
  Fleet fleet({Gpu("a")});
  fleet.Add(3);
  fleet.devices[0]->FailAllocations(absl::ResourceExhaustedError("out of memory"));
  EXPECT_EQ(Difference(fleet.Forecast(), fleet.Expected(), kClose), "");
  ASSERT_EQ(fleet.fallbacks.size(), 1U);
  EXPECT_EQ(fleet.fallbacks[0].items, 3U);
  EXPECT_EQ(fleet.fallbacks[0].why, absl::ResourceExhaustedError("out of memory"));

  fleet.devices[0]->FailAllocations(absl::OkStatus());
  EXPECT_EQ(Difference(fleet.Forecast(), fleet.Expected(), kClose), "");
  EXPECT_EQ(fleet.fallbacks.size(), 1U);
  EXPECT_EQ(fleet.devices[0]->items_run(), 3);
}

TEST(DeviceEngineTest, ModelsWithoutRoomAreTheCpus) {
  Fleet full({Gpu("a")});
  full.devices[0]->FailAllocations(absl::ResourceExhaustedError("out of memory"));
  full.Add(2);
  EXPECT_EQ(full.Forecast(), full.Expected()) << "the cpu's own bits";
  ASSERT_EQ(full.fallbacks.size(), 1U);
  EXPECT_EQ(full.fallbacks[0].device, "none");
  EXPECT_EQ(full.fallbacks[0].items, 2U);

  ModelSpec large = kSpec;
  large.hidden = 512;
  large.horizon_steps = 2;
  Fleet too_large({Gpu("a")}, large);
  too_large.Add(1);
  EXPECT_EQ(too_large.Forecast(), too_large.Expected());
  ASSERT_EQ(too_large.fallbacks.size(), 1U);
  EXPECT_THAT(std::string(too_large.fallbacks[0].why.message()), HasSubstr("shared memory"));
}

TEST(DeviceEngineTest, RefusesTheModelsOfAnotherEngine) {
  DeviceEngine one({Gpu("a")}, SerialFor(), nullptr);
  DeviceEngine two({Gpu("b")}, SerialFor(), nullptr);
  const auto model = *one.Prepare(kSpec, UntrainedWeights(kSpec));
  const std::vector<float> context(336, 1.0F);
  const ForecastItem item{.model = model.get(), .context = context, .origin_ms = kOriginMs};
  std::vector<float> out(kValues);
  EXPECT_TRUE(one.Forecast(kSpec, std::span(&item, 1), out).ok());
  EXPECT_EQ(two.Forecast(kSpec, std::span(&item, 1), out).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(DeviceEngineTest, CallsFromSeveralThreadsTakeTurns) {
  DeviceEngine engine({Gpu("a"), Gpu("b")}, SerialFor(), nullptr);
  std::vector<std::jthread> threads;
  for (unsigned n = 0; n < 4; ++n) {
    threads.emplace_back([&engine, n] {
      std::mt19937 random(n);
      const Weights weights = RandomWeights(kSpec, random);
      const std::vector<float> context = RandomContext(kSpec, random);
      const std::vector<float> expected = ForecastContext("scalar", kSpec, weights, context);
      for (int round = 0; round < 3; ++round) {
        const auto model = *engine.Prepare(kSpec, weights);
        const ForecastItem item{.model = model.get(), .context = context, .origin_ms = kOriginMs};
        std::vector<float> out(kValues);
        EXPECT_TRUE(engine.Forecast(kSpec, std::span(&item, 1), out).ok());
        EXPECT_EQ(Difference(out, expected, kClose), "");
      }
    });
  }
}

TEST(DeviceCheckTest, OnlyDevicesThatComputeRightAreUsed) {
  EXPECT_EQ(CheckDevice(Gpu("good")), absl::OkStatus());

  const auto wrong = Gpu("wrong");
  wrong->Miscompute();
  const absl::Status status = CheckDevice(wrong);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("device wrong forecasts"));

  for (int calls : {0, 3, 10}) {
    const auto broken = Gpu("broken");
    broken->FailAfter(calls, absl::UnavailableError("no kernel image"));
    EXPECT_EQ(CheckDevice(broken), absl::UnavailableError("no kernel image"));
  }
}

}  // namespace
}  // namespace auspex::model
