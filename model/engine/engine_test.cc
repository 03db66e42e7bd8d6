#include "model/engine/engine.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/engine/test_data.h"

namespace auspex::model {
namespace {

using ::testing::HasSubstr;

const ModelSpec kSpec{.step_ms = 3'600'000, .horizon_steps = 30, .context_steps = 336};
constexpr size_t kValues = 30 * 3;

// Every call of the body in a thread of its own.
ParallelFor ThreadedFor() {
  return [](size_t n, const std::function<void(size_t)>& body) {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < n; ++i) threads.emplace_back([&body, i] { body(i); });
  };
}

class EngineTest : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Engine> MakeEngine(ParallelFor parallel_for = SerialFor()) const {
    return MakeTestEngine(GetParam(), std::move(parallel_for));
  }

  std::mt19937 random_{7};
};

TEST_P(EngineTest, ResultsDoNotDependOnOrderOrThreads) {
  constexpr size_t kItems = 37;
  std::vector<std::vector<float>> contexts;
  std::vector<Weights> weights;
  for (size_t i = 0; i < kItems; ++i) {
    contexts.push_back(RandomContext(kSpec, random_));
    weights.push_back(RandomWeights(kSpec, random_));
  }
  const auto forecast = [&](Engine& engine, bool reversed) {
    std::vector<std::shared_ptr<const PreparedModel>> models;
    std::vector<ForecastItem> items;
    for (size_t i = 0; i < kItems; ++i) {
      models.push_back(*engine.Prepare(kSpec, weights[i]));
      items.push_back(
          {.model = models.back().get(), .context = contexts[i], .origin_ms = kOriginMs});
    }
    if (reversed) std::reverse(items.begin(), items.end());
    std::vector<float> out(kItems * kValues);
    EXPECT_TRUE(engine.Forecast(kSpec, items, out).ok());
    return out;
  };
  std::vector<float> forward = forecast(*MakeEngine(ThreadedFor()), false);
  std::vector<float> backward = forecast(*MakeEngine(), true);
  for (size_t i = 0; i < kItems; ++i) {
    const auto at = [](std::vector<float>& all, size_t item) {
      return std::vector<float>(all.begin() + static_cast<ptrdiff_t>(item * kValues),
                                all.begin() + static_cast<ptrdiff_t>((item + 1) * kValues));
    };
    EXPECT_EQ(at(forward, i), at(backward, kItems - 1 - i)) << i;
  }
}

TEST_P(EngineTest, QuantilesDoNotCrossAndStayAboveZero) {
  for (int round = 0; round < 20; ++round) {
    std::vector<float> context = RandomContext(kSpec, random_);
    for (float& value : context) value = std::isnan(value) ? value : std::max(0.0F, value);
    const std::vector<float> out =
        ForecastContext(GetParam(), kSpec, RandomWeights(kSpec, random_), context);
    for (size_t t = 0; t < out.size(); t += 3) {
      EXPECT_GE(out[t], 0);
      EXPECT_LE(out[t], out[t + 1]);
      EXPECT_LE(out[t + 1], out[t + 2]);
    }
  }
}

TEST_P(EngineTest, BlendsOfNaiveForecastsAreExact) {
  std::vector<float> context = RandomContext(kSpec, random_);
  for (float& value : context) {
    if (std::isnan(value)) value = 1;
  }
  const Weights weights = RandomWeights(kSpec, random_);
  const auto last = ForecastContext(GetParam(), kSpec, weights, context, {0, 0, 1});
  const auto naive = ForecastContext(GetParam(), kSpec, weights, context, {0, 1, 0});
  for (size_t t = 0; t < 30; ++t) {
    EXPECT_EQ(last[3 * t + 1], context.back());
    const float yesterday = context[context.size() - 24 + t % 24];
    EXPECT_NEAR(naive[3 * t + 1], yesterday, 1e-5 * std::abs(yesterday));
  }
}

TEST_P(EngineTest, ConstantSeriesAreForecastExactly) {
  const std::vector<float> context(336, 123.456F);
  const auto out = ForecastContext(GetParam(), kSpec, UntrainedWeights(kSpec), context);
  for (size_t t = 0; t < 30; ++t) EXPECT_EQ(out[3 * t + 1], 123.456F);
}

TEST_P(EngineTest, NoValueGivesNaN) {
  const std::vector<float> context(336, kMissing);
  for (float value : ForecastContext(GetParam(), kSpec, UntrainedWeights(kSpec), context)) {
    EXPECT_TRUE(std::isnan(value));
  }
}

TEST_P(EngineTest, UtcOffsetMayDifferFromTheModels) {
  auto engine = MakeEngine();
  const auto model = *engine->Prepare(kSpec, RandomWeights(kSpec, random_));
  const std::vector<float> context = RandomContext(kSpec, random_);
  const ForecastItem item{.model = model.get(), .context = context, .origin_ms = kOriginMs};
  ModelSpec summer = kSpec;
  summer.utc_offset_minutes = 120;
  std::vector<float> here(kValues);
  std::vector<float> there(kValues);
  ASSERT_TRUE(engine->Forecast(kSpec, std::span(&item, 1), here).ok());
  ASSERT_TRUE(engine->Forecast(summer, std::span(&item, 1), there).ok());
  EXPECT_NE(here, there);
}

TEST_P(EngineTest, SpecialDaysMayDifferFromTheModelsButNotWhetherThereAreSome) {
  const int tomorrow = static_cast<int>(kOriginMs / 86'400'000) + 1;
  ModelSpec trained = kSpec;
  trained.special_days = {tomorrow - 300};
  ModelSpec present = kSpec;
  present.special_days = {tomorrow - 300, tomorrow};
  auto engine = MakeEngine();
  const auto model = *engine->Prepare(trained, RandomWeights(trained, random_));
  const std::vector<float> context = RandomContext(kSpec, random_);
  const ForecastItem item{.model = model.get(), .context = context, .origin_ms = kOriginMs};
  std::vector<float> before(kValues);
  std::vector<float> after(kValues);
  ASSERT_TRUE(engine->Forecast(trained, std::span(&item, 1), before).ok());
  ASSERT_TRUE(engine->Forecast(present, std::span(&item, 1), after).ok());
  EXPECT_NE(before, after);
  EXPECT_FALSE(engine->Forecast(kSpec, std::span(&item, 1), after).ok());
}

TEST_P(EngineTest, AbsentCovariatesGiveAForecast) {
  ModelSpec spec = kSpec;
  spec.covariates = {"a", "b"};
  const std::vector<float> none(size_t{2} * 336, kMissing);
  const std::vector<float> context = RandomContext(spec, random_);
  EXPECT_EQ(ForecastContext(GetParam(), spec, UntrainedWeights(spec), context, {}, none),
            ForecastContext(GetParam(), kSpec, UntrainedWeights(kSpec), context));
  const Weights weights = RandomWeights(spec, random_);
  for (float value : ForecastContext(GetParam(), spec, weights, context, {}, none)) {
    EXPECT_TRUE(std::isfinite(value));
  }
}

TEST_P(EngineTest, SaysWhatDoesNotFit) {
  auto engine = MakeEngine();
  EXPECT_FALSE(engine->Prepare(kSpec, Weights()).ok());
  const auto model = *engine->Prepare(kSpec, UntrainedWeights(kSpec));
  ModelSpec other_spec = kSpec;
  other_spec.hidden = 4;
  const auto other_model = *engine->Prepare(other_spec, UntrainedWeights(other_spec));
  const std::string other_backend = std::string(GetParam()) == "scalar" ? "cpu" : "scalar";
  auto other_engine = *CreateEngine(other_backend, SerialFor());
  const auto foreign_model = *other_engine->Prepare(kSpec, UntrainedWeights(kSpec));

  const std::vector<float> context(336, 1.0F);
  std::vector<float> out(2 * kValues);
  const auto message = [&](const ForecastItem& item, size_t values) {
    const ForecastItem good{.model = model.get(), .context = context, .origin_ms = kOriginMs};
    const ForecastItem items[] = {good, item};
    const absl::Status status = engine->Forecast(kSpec, items, std::span(out).first(values));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  const std::span<const float> steps(context);
  EXPECT_THAT(message({.context = steps}, out.size()), HasSubstr("item 1 has no model"));
  EXPECT_THAT(message({.model = foreign_model.get(), .context = steps}, out.size()),
              HasSubstr("item 1 has no model"));
  EXPECT_THAT(message({.model = other_model.get(), .context = steps}, out.size()),
              HasSubstr("another spec"));
  EXPECT_THAT(message({.model = model.get(), .context = steps.subspan(1)}, out.size()),
              HasSubstr("335 steps, must be 336"));
  EXPECT_THAT(message({.model = model.get(), .context = steps, .covariates = steps}, out.size()),
              HasSubstr("336 values of covariates, must be 0"));
  EXPECT_THAT(message({.model = model.get(), .context = steps}, out.size() - 1),
              HasSubstr("must be 180"));
}

INSTANTIATE_TEST_SUITE_P(Backends, EngineTest,
                         ::testing::Values("scalar", "cpu", "cpu-bfloat16", "emulated"),
                         [](const auto& param_info) {
                           std::string name = param_info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(CreateEngineTest, OnlyTheCpuHasBfloat16Weights) {
  const EngineOptions options{.lstm_weights = *ParseLstmWeights("bfloat16")};
  EXPECT_EQ((*CreateEngine("cpu", SerialFor(), nullptr, options))->name(), "cpu-bfloat16");
  for (const char* backend : {"auto", "scalar", "cuda"}) {
    EXPECT_THAT(
        std::string(CreateEngine(backend, SerialFor(), nullptr, options).status().message()),
        HasSubstr("only engine \"cpu\" has bfloat16 weights"));
  }
  EXPECT_EQ(*ParseLstmWeights("float32"), LstmWeights::kFloat);
  EXPECT_THAT(std::string(ParseLstmWeights("fp8").status().message()),
              HasSubstr("unknown weights \"fp8\", must be float32 or bfloat16"));
}

TEST(CreateEngineTest, AutoIsTheFastest) {
  const auto cuda = CreateEngine("cuda", SerialFor());
  EXPECT_EQ((*CreateEngine("auto", SerialFor()))->name(), cuda.ok() ? "cuda" : "cpu");
  if (!cuda.ok()) {
    EXPECT_THAT(std::string(cuda.status().message()), HasSubstr("cuda: "));
  }
  EXPECT_EQ((*CreateEngine("scalar", SerialFor()))->name(), "scalar");
  EXPECT_THAT(std::string(CreateEngine("gpu", SerialFor()).status().message()),
              HasSubstr("unknown engine \"gpu\", must be auto, cpu, cuda or scalar"));
}

}  // namespace
}  // namespace auspex::model
