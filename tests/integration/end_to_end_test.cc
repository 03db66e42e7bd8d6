// The whole way against a real Prometheus: its history is read, models are trained, forecasts are
// written back and their curves read, rules and alerts evaluate them; then the daemon dies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "sidecar/base/clock.h"
#include "sidecar/core/duration.h"
#include "tests/integration/storage_story.h"
#include "tests/testing/auspex_server.h"
#include "tests/testing/free_port.h"
#include "tests/testing/prometheus_server.h"

namespace auspex {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr DurationMs kWriteEvery = 5 * kSecond;
constexpr DurationMs kLookEvery = 2 * kSecond;
// Between the start of the daemon and the moment at which the time six hours ahead turns from night
// to day: enough to have emitted before it.
constexpr DurationMs kUntilFlip = 150 * kSecond;
constexpr DurationMs kRoundTimeout = 6 * kMinute;
// What is emitted at one moment has arrived when it is this old: it waits up to a second for its
// batch, and travels over two connections.
constexpr DurationMs kSettled = 3 * kSecond;

constexpr char kMedianIn6h[] = R"(storage_used_bytes_forecast{horizon="6h",quantile="0.5"})";
constexpr char kMedianCurve[] = R"(storage_used_bytes_forecast{forecast="curve",quantile="0.5"})";

constexpr char kPrometheusConfig[] = R"(
global:
  scrape_interval: 15s
  evaluation_interval: 5s
  external_labels: {replica: a}
rule_files: [$RULES]
remote_read:
  - url: http://127.0.0.1:$AUSPEX/api/v1/read
    read_recent: true
    remote_timeout: 5s
    required_matchers: {forecast: curve}
remote_write:
  - url: http://127.0.0.1:$AUSPEX/api/v1/write
    queue_config: {batch_send_deadline: 200ms, retry_on_http_429: true}
)";

constexpr char kRelabelling[] = R"(
    write_relabel_configs:
      - source_labels: [__name__]
        regex: "(.+)_forecast(_.+)?|ALERTS|ALERTS_FOR_STATE"
        action: drop
)";

constexpr char kRules[] = R"(
groups:
  - name: forecasts
    rules:
      - record: user:storage_used_bytes_forecast:max_6h
        expr: max_over_time(storage_used_bytes_forecast{forecast="curve",quantile="0.9"}[6h] offset -6h)
      - alert: StorageFullSoon
        expr: storage_used_bytes_forecast_seconds_to_limit{quantile="0.5"} < 6 * 3600
)";

constexpr char kAuspexConfig[] = R"(
global:
  external_labels: {forecaster: auspex}
  out_of_order_window: 10s
upstream: {url: 'http://127.0.0.1:$PROMETHEUS'}
remote_write: [{url: 'http://127.0.0.1:$PROMETHEUS/api/v1/write'}]
rules:
  - name: storage_quota
    selector: storage_used_bytes{job="quota"}
    by: [user]
    step: 1m
    horizon: 24h
    leads: [1h, 6h]
    interval: 1m
    day: {from: "$FROM", to: "$TO"}
    limit: {selector: storage_quota_bytes}
    model: {context: 3d, hidden: 8}
    retrain: {min_history: 1d}
    retention: 5d
)";

// "HH:MM" in UTC.
std::string TimeOfDay(TimestampMs t_ms) {
  const auto minute = t_ms % kDay / kMinute;
  return absl::StrFormat("%02d:%02d", minute / 60, minute % 60);
}

// How many series each user has.
std::map<std::string, int> SeriesByUser(const std::vector<PromqlSeries>& series) {
  std::map<std::string, int> counts;
  for (const PromqlSeries& one : series) ++counts[std::string(one.labels.Get("user"))];
  return counts;
}

std::map<std::string, int> OneSeriesEach() {
  std::map<std::string, int> counts;
  for (const std::string& user : StorageStory::Users()) counts[user] = 1;
  return counts;
}

class EndToEndTest : public ::testing::TestWithParam<PrometheusVersion> {
 protected:
  void SetUp() override {
    auspex_port_ = FreePort();
    std::ofstream(directory_.File("rules.yml")) << kRules;
    auto prometheus = PrometheusServer::Start({.version = GetParam(),
                                               .config = PrometheusConfig(kRelabelling),
                                               .out_of_order_window = "120h"});
    ASSERT_TRUE(prometheus.ok()) << prometheus.status();
    prometheus_.emplace(*std::move(prometheus));
    ASSERT_NO_FATAL_FAILURE(WriteHistory());

    flip_ms_ = StepCeil(clock_.NowMs() + kUntilFlip, kMinute);
    auto auspex = AuspexServer::Start({.config = AuspexConfig(), .port = auspex_port_});
    ASSERT_TRUE(auspex.ok()) << auspex.status();
    auspex_.emplace(*std::move(auspex));
  }

  std::string PrometheusConfig(const std::string& relabelling) const {
    return absl::StrReplaceAll(kPrometheusConfig, {{"$AUSPEX", std::to_string(auspex_port_)},
                                                   {"$RULES", directory_.File("rules.yml")}}) +
           relabelling;
  }

  std::string AuspexConfig() const {
    return absl::StrReplaceAll(kAuspexConfig, {{"$PROMETHEUS", std::to_string(prometheus_->port())},
                                               {"$FROM", TimeOfDay(flip_ms_ + 6 * kHour)},
                                               {"$TO", TimeOfDay(flip_ms_ + 18 * kHour)}});
  }

  void WriteHistory() {
    std::vector<LabeledSample> batch;
    for (TimestampMs t_ms = present_ms_ - StorageStory::kLength; t_ms <= present_ms_;
         t_ms += kMinute) {
      const std::vector<LabeledSample> samples = story_.At(t_ms);
      batch.insert(batch.end(), samples.begin(), samples.end());
      if (batch.size() < 5000 && t_ms + kMinute <= present_ms_) continue;
      const absl::Status written = prometheus_->Write(batch);
      ASSERT_TRUE(written.ok()) << written;
      batch.clear();
    }
  }

  // Lets the story go on until `done`, asked every two seconds, or the deadline. At every look,
  // what is written back must be there exactly once.
  bool LiveUntil(DurationMs timeout_ms, const std::function<bool()>& done) {
    const TimestampMs deadline_ms = clock_.NowMs() + timeout_ms;
    while (clock_.NowMs() < deadline_ms && !HasFatalFailure()) {
      const TimestampMs now_ms = clock_.NowMs();
      if (now_ms - written_ms_ >= kWriteEvery) {
        EXPECT_TRUE(prometheus_->Write(story_.At(now_ms)).ok());
        written_ms_ = now_ms;
      }
      LookAtWrittenBack(now_ms - kSettled);
      if (done()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(kLookEvery));
    }
    return false;
  }

  // From the first emission on, every user has one series, whose period is that of its target.
  void LookAtWrittenBack(TimestampMs t_ms) {
    const std::vector<PromqlSeries> series = Query(kMedianIn6h, t_ms);
    if (looks_ == 0 && series.empty()) return;
    ++looks_;
    ASSERT_EQ(SeriesByUser(series), OneSeriesEach())
        << "look " << looks_ << ", " << t_ms - flip_ms_ << " ms after the flip";
    for (const PromqlSeries& one : series) periods_.insert(std::string(one.labels.Get("period")));
  }

  std::vector<PromqlSeries> Query(std::string_view promql, TimestampMs t_ms) {
    const auto data = prometheus_->Query(promql, t_ms);
    EXPECT_TRUE(data.ok()) << data.status();
    if (!data.ok()) return {};
    auto series = ParsePromqlData(*data);
    EXPECT_TRUE(series.ok()) << series.status();
    return series.ok() ? *std::move(series) : std::vector<PromqlSeries>();
  }

  nlohmann::json Rule() {
    const auto data = auspex_->Api("rules");
    EXPECT_TRUE(data.ok()) << data.status();
    return data.ok() ? (*data)["rules"][0] : nlohmann::json::object();
  }

  bool RoundComplete() {
    const nlohmann::json rule = Rule();
    return rule.value("phase", "") == "forecasting" && rule.value("forecasts", 0) > 0;
  }

  std::set<std::string> UsersAlerted() {
    std::set<std::string> users;
    const auto alerts = prometheus_->Api("alerts");
    EXPECT_TRUE(alerts.ok()) << alerts.status();
    if (!alerts.ok()) return users;
    for (const auto& alert : (*alerts)["alerts"]) {
      if (alert["state"] == "firing") users.insert(alert["labels"].value("user", "?"));
    }
    return users;
  }

  double IngestedSamples(const std::string& outcome) {
    const auto value = auspex_->Metric("auspex_ingest_samples_total{outcome=\"" + outcome + "\"}");
    EXPECT_TRUE(value.ok()) << value.status();
    return value.ok() ? value->value_or(-1) : -1;
  }

  void ExpectCurveInTheFuture();
  void ExpectNothingMissing();
  void ExpectSurvivesKill9();
  void ExpectOwnOutputIgnored();

  const SystemClock clock_{};
  const TimestampMs present_ms_ = clock_.NowMs();
  const StorageStory story_{present_ms_};
  const TempDir directory_;
  int auspex_port_ = 0;
  std::optional<PrometheusServer> prometheus_;
  std::optional<AuspexServer> auspex_;
  TimestampMs flip_ms_ = 0;  // when the time in six hours changes its period
  TimestampMs written_ms_ = 0;
  int looks_ = 0;
  std::set<std::string> periods_;  // seen on what is written back
};

TEST_P(EndToEndTest, HistoryToAlerts) {
  const TimestampMs started_ms = clock_.NowMs();
  ASSERT_TRUE(LiveUntil(kRoundTimeout, [this] { return RoundComplete(); }))
      << Rule().dump(2) << "\n"
      << auspex_->process().Log();
  std::cout << "first round after " << (clock_.NowMs() - started_ms) / kSecond
            << " s: " << Rule().dump(2) << std::endl;
  EXPECT_EQ(Rule().value("aggregates", 0), static_cast<int>(StorageStory::Users().size()));

  EXPECT_TRUE(LiveUntil(
      2 * kMinute,
      [this] { return UsersAlerted() == std::set<std::string>{StorageStory::kGrowingUser}; }))
      << ::testing::PrintToString(UsersAlerted())
      << Query("storage_used_bytes_forecast_seconds_to_limit", clock_.NowMs()).size();
  ASSERT_NO_FATAL_FAILURE(ExpectCurveInTheFuture());

  // Two emissions beyond the flip.
  LiveUntil(flip_ms_ + 130 * kSecond - clock_.NowMs(), [] { return false; });
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_THAT(periods_, ElementsAre("day", "night"));
  EXPECT_GT(looks_, 30);
  EXPECT_THAT(UsersAlerted(), ElementsAre(StorageStory::kGrowingUser));

  EXPECT_GT(IngestedSamples("accepted"), 0);
  EXPECT_EQ(IngestedSamples("own_output"), 0) << "relabelling keeps it away";
  const auto exposition = auspex_->Get("/forecasts");
  ASSERT_TRUE(exposition.ok()) << exposition.status();
  EXPECT_THAT(*exposition, HasSubstr("\nstorage_used_bytes_forecast{"));
  ExpectNothingMissing();
  ASSERT_NO_FATAL_FAILURE(ExpectSurvivesKill9());
  ExpectOwnOutputIgnored();
}

void EndToEndTest::ExpectCurveInTheFuture() {
  const TimestampMs now_ms = clock_.NowMs();
  constexpr DurationMs kEvery = 5 * kMinute;
  const auto data = prometheus_->QueryRange(kMedianCurve, now_ms + kEvery, now_ms + kDay, kEvery);
  ASSERT_TRUE(data.ok()) << data.status();
  const auto series = ParsePromqlData(*data);
  ASSERT_TRUE(series.ok()) << series.status();
  std::map<std::string, size_t> points;
  for (const PromqlSeries& one : *series) {
    points[std::string(one.labels.Get("user"))] += one.samples.size();
  }
  for (const std::string& user : StorageStory::Users()) {
    EXPECT_EQ(points[user], static_cast<size_t>(kDay / kEvery)) << user;
  }
  const auto recorded = SeriesByUser(Query("user:storage_used_bytes_forecast:max_6h", now_ms));
  EXPECT_EQ(recorded.size(), StorageStory::Users().size());
}

void EndToEndTest::ExpectNothingMissing() {
  const auto doctor = RunAuspex({"doctor", "--config.file=" + auspex_->config_file(),
                                 "--port=" + std::to_string(auspex_port_)});
  ASSERT_TRUE(doctor.ok()) << doctor.status();
  EXPECT_EQ(doctor->status, 0) << doctor->output;
  EXPECT_THAT(doctor->output, Not(HasSubstr("PROBLEM")));
}

void EndToEndTest::ExpectSurvivesKill9() {
  const nlohmann::json before = Rule();
  auspex_->Kill9();
  const absl::Status restarted = auspex_->Restart();
  ASSERT_TRUE(restarted.ok()) << restarted;
  ASSERT_TRUE(LiveUntil(kMinute, [this] { return RoundComplete(); })) << Rule().dump(2);
  const nlohmann::json after = Rule();
  EXPECT_EQ(after["model_version"], before["model_version"]);
  EXPECT_EQ(after["trained_at"], before["trained_at"]);
  EXPECT_EQ(after["aggregates"], before["aggregates"]);
  EXPECT_THAT(auspex_->process().Log(), Not(HasSubstr("training starts")));
}

// Without relabelling Prometheus sends our output back; nothing comes of it.
void EndToEndTest::ExpectOwnOutputIgnored() {
  const absl::Status reconfigured = prometheus_->Reconfigure(PrometheusConfig(""));
  ASSERT_TRUE(reconfigured.ok()) << reconfigured;
  EXPECT_TRUE(LiveUntil(2 * kMinute, [this] { return IngestedSamples("own_output") > 0; }));
  EXPECT_EQ(Rule().value("aggregates", 0), static_cast<int>(StorageStory::Users().size()));
}

INSTANTIATE_TEST_SUITE_P(Versions, EndToEndTest,
                         ::testing::Values(PrometheusVersion::kV2, PrometheusVersion::kV3),
                         [](const auto& version) {
                           return version.param == PrometheusVersion::kV2 ? "Prometheus2"
                                                                          : "Prometheus3";
                         });

}  // namespace
}  // namespace auspex
