#include "sidecar/app/emit_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/config/config.h"
#include "sidecar/emit/fake_receiver_test.h"
#include "sidecar/history/store.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

using testing::UnorderedElementsAreArray;

constexpr char kTwoRules[] = R"(
rules:
  - {name: storage, selector: storage_used_bytes, by: [user], step: 5m, horizon: 2h, leads: [1h]}
  - {name: qps, selector: http_requests_total, over_time: rate, by: [user], step: 5m, horizon: 2h}
)";
constexpr char kOneRule[] = R"(
rules:
  - {name: qps, selector: http_requests_total, over_time: rate, by: [user], step: 5m, horizon: 2h}
)";

// A daemon that comes and goes around one store.
class EmitLoopTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = Store::Open({.path = dir_.File("db")}, Logger());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    auto history = History::Open(*store_, {}, Logger(), metrics_);
    ASSERT_TRUE(history.ok()) << history.status();
    history_ = *std::move(history);
    state_ = std::make_unique<StateStore>(*store_);
    rules_ = std::make_unique<RuleBook>(*history_);
    StartDaemon();
  }

  void StartDaemon() {
    loop_ = std::make_unique<EmitLoop>(*rules_, forecasts_, *state_, clock_, Logger());
  }

  void Apply(const std::string& yaml) {
    const auto config = ParseConfig(yaml, "auspex.yml");
    ASSERT_TRUE(config.ok()) << config.status();
    ASSERT_TRUE(rules_->Apply(*config).ok());
  }

  // A flat forecast of two hours for each user.
  void Publish(const std::string& rule, const std::vector<std::string>& users = {"ann"}) {
    auto issue = std::make_shared<RuleForecasts>();
    for (const std::string& user : users) issue->forecasts.push_back(FlatForecast(user));
    forecasts_.Publish(rule, std::move(issue));
  }

  Forecast FlatForecast(const std::string& user) {
    Forecast forecast;
    forecast.labels = LabelSet({{"user", user}});
    forecast.origin_ms = clock_.NowMs();
    forecast.step_ms = 5 * kMinute;
    forecast.quantile_levels = {0.5};
    forecast.values.assign(24, 1.0F);
    forecast.model = "base";
    forecast.reason = "ok";
    return forecast;
  }

  // The series of one run: those that got a value, and those that got a staleness marker.
  struct Emission {
    std::vector<LabelSet> values;
    std::vector<LabelSet> markers;
  };
  Emission Run(size_t capacity = 10'000) {
    FakeReceiver receiver([](const Received&) { return HttpResponse{.status = 204}; });
    prometheus::Registry registry;
    SendQueueOptions options;
    options.endpoint.url = receiver.url();
    options.batch_deadline_ms = 10;
    options.capacity = capacity;
    auto sender = std::make_shared<SendQueue>(options, clock_, Logger(), registry);
    sender->Start();
    loop_->SetSenders({sender});
    loop_->Run(stopping_);
    sender->Stop(10 * kSecond);
    Emission emission;
    for (const Received& request : receiver.requests()) {
      for (size_t i = 0; i < request.labels.size(); ++i) {
        (IsStaleMarker(request.values[i]) ? emission.markers : emission.values)
            .push_back(request.labels[i]);
      }
    }
    return emission;
  }

  const TempDir dir_;
  prometheus::Registry metrics_;
  SystemClock clock_;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<Store> store_;
  std::unique_ptr<History> history_;
  std::unique_ptr<StateStore> state_;
  std::unique_ptr<RuleBook> rules_;
  ForecastStore forecasts_;
  std::unique_ptr<EmitLoop> loop_;
};

TEST_F(EmitLoopTest, AReloadThatDropsARuleEndsItsSeries) {
  Apply(kTwoRules);
  Publish("storage");
  const Emission before = Run();
  ASSERT_EQ(before.values.size(), 2U);  // the forecast and its state
  Apply(kOneRule);
  const Emission after = Run();
  EXPECT_THAT(after.markers, UnorderedElementsAreArray(before.values));
  EXPECT_TRUE(after.values.empty());
  EXPECT_TRUE(Run().markers.empty());
}

TEST_F(EmitLoopTest, ARuleThatWentWhileTheDaemonWasDownEndsAtItsStart) {
  Apply(kTwoRules);
  Publish("storage");
  Publish("qps");
  const Emission before = Run();
  std::vector<LabelSet> of_storage;
  for (const LabelSet& labels : before.values) {
    if (labels.metric_name().starts_with("storage")) of_storage.push_back(labels);
  }
  ASSERT_EQ(of_storage.size(), 2U);

  Apply(kOneRule);
  StartDaemon();
  // The other rule has not been forecast again yet, or has: its series live on.
  const Emission after = Run();
  EXPECT_THAT(after.markers, UnorderedElementsAreArray(of_storage));
  StartDaemon();
  EXPECT_TRUE(Run().markers.empty());
}

TEST_F(EmitLoopTest, ThousandsOfSeriesLeaveThroughASmallQueue) {
  Apply(kTwoRules);
  std::vector<std::string> users;
  for (int i = 0; i < 1000; ++i) users.push_back("user-" + std::to_string(i));
  Publish("storage", users);
  const Emission emission = Run(/*capacity=*/500);
  EXPECT_EQ(emission.values.size(), 2000U);
  EXPECT_TRUE(emission.markers.empty());
  users.resize(700);
  Publish("storage", users);
  const Emission fewer = Run(/*capacity=*/500);
  EXPECT_EQ(fewer.values.size(), 1400U);
  EXPECT_EQ(fewer.markers.size(), 600U);
}

TEST_F(EmitLoopTest, ARestartDoesNotEndWhatIsNotForecastYet) {
  Apply(kTwoRules);
  Publish("storage");
  EXPECT_EQ(Run().values.size(), 2U);
  StartDaemon();
  forecasts_.Retain({});
  const Emission waiting = Run();
  EXPECT_TRUE(waiting.values.empty());
  EXPECT_TRUE(waiting.markers.empty());
}

}  // namespace
}  // namespace auspex
