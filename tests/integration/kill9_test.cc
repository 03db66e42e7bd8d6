// A daemon that is killed again and again ends with the history of one that never was: same
// senders, same rules, and no upstream that could repair anything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "prometheus/registry.h"
#include "sidecar/base/clock.h"
#include "sidecar/core/duration.h"
#include "sidecar/net/http_client.h"
#include "sidecar/net/http_server.h"
#include "tests/integration/stored_history.h"
#include "tests/testing/auspex_server.h"
#include "tests/testing/prometheus_server.h"

namespace auspex {
namespace {

using ::testing::IsEmpty;

constexpr DurationMs kStep = 15 * kSecond;
constexpr int kKills = 4;
constexpr uint32_t kSeed = 20260105;
constexpr int kMembers = 6;
// Longer than the lookback of `last`, so that its steps close from the start on too.
constexpr DurationMs kSeededLength = 6 * kMinute;

constexpr char kAuspexConfig[] = R"(
rules:
  - name: used
    selector: kill_used_bytes
    by: [group]
    step: 15s
    horizon: 12h
    limit: {selector: kill_quota_bytes, over_time: max}
    covariates: [{selector: kill_written_bytes_total, over_time: rate}]
  - name: mean_used
    selector: kill_used_bytes{member!="0"}
    over_time: avg
    aggregate: max
    as: mean_used
    step: 15s
    horizon: 12h
)";

constexpr char kPrometheusConfig[] = R"(
scrape_configs:
  - job_name: exporter
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs: [{targets: ['127.0.0.1:$EXPORTER']}]
remote_write:
  - url: http://127.0.0.1:$A/api/v1/write
    queue_config: {batch_send_deadline: 500ms}
  - url: http://127.0.0.1:$B/api/v1/write
    queue_config: {batch_send_deadline: 500ms}
)";

// Gauges that move, a quota, and a counter that starts again every 40 seconds; a member has its
// value of all three from one time.
std::vector<LabeledSample> MembersAt(TimestampMs t_ms) {
  std::vector<LabeledSample> samples;
  for (int member = 0; member < kMembers; ++member) {
    const LabelSet labels = {{"member", std::to_string(member)},
                             {"group", std::to_string(member % 2)}};
    const double phase = static_cast<double>(t_ms % kHour) / 7e3 + member;
    const auto add = [&](const char* name, double value) {
      samples.push_back({labels.With(kMetricName, name), {t_ms, value}});
    };
    add("kill_used_bytes", 1e9 * (member + 2 + std::sin(phase)));
    add("kill_quota_bytes", 1e10 + member);
    add("kill_written_bytes_total",
        static_cast<double>((t_ms + member * 5 * kSecond) % (40 * kSecond)));
  }
  return samples;
}

std::string Exposition(TimestampMs t_ms) {
  std::string text;
  for (const LabeledSample& one : MembersAt(t_ms)) {
    absl::StrAppend(&text, one.labels.ToString(), " ", one.sample.value, "\n");
  }
  return text;
}

// Sends minutes of the past, one sample a second, to a daemon.
absl::Status Seed(AuspexServer& auspex, TimestampMs now_ms) {
  std::vector<LabeledSample> samples;
  for (TimestampMs t_ms = now_ms - kSeededLength; t_ms < now_ms; t_ms += kSecond) {
    for (LabeledSample& one : MembersAt(t_ms)) {
      one.labels = one.labels.With("instance", "seed");
      samples.push_back(std::move(one));
    }
  }
  HttpClient client;
  const auto response = client.Perform(
      {.method = "POST",
       .url = auspex.url() + "/api/v1/write",
       .headers = {{"Content-Type", std::string(WriteContentType(WriteProtocol::kV1))},
                   {"Content-Encoding", "snappy"}},
       .body = EncodeWriteRequest(WriteProtocol::kV1, samples)});
  if (!response.ok()) return response.status();
  if (response->status == 204) return absl::OkStatus();
  return absl::InternalError(response->body);
}

// The oldest among the newest closed steps of the rules; 0 while a rule has none.
TimestampMs LastStep(AuspexServer& auspex) {
  const auto data = auspex.Api("rules");
  EXPECT_TRUE(data.ok()) << data.status();
  if (!data.ok()) return 0;
  double oldest = INFINITY;
  for (const auto& rule : (*data)["rules"]) oldest = std::min(oldest, rule.value("last_step", 0.0));
  return std::llround(oldest * kSecond);
}

bool WaitForStep(AuspexServer& auspex, TimestampMs t_ms, DurationMs timeout_ms) {
  const SystemClock clock;
  const TimestampMs deadline_ms = clock.NowMs() + timeout_ms;
  while (clock.NowMs() < deadline_ms) {
    if (LastStep(auspex) >= t_ms) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  return false;
}

// Kills the daemon at random moments; every other time it stays down for seconds.
void KillAgainAndAgain(AuspexServer& auspex) {
  std::mt19937 random(kSeed);
  const auto sleep_between = [&random](int from_ms, int to_ms) {
    std::this_thread::sleep_for(
        std::chrono::milliseconds(std::uniform_int_distribution<int>(from_ms, to_ms)(random)));
  };
  for (int kill = 0; kill < kKills; ++kill) {
    sleep_between(15000, 35000);
    auspex.Kill9();
    if (kill % 2 == 1) sleep_between(2000, 5000);
    const absl::Status restarted = auspex.Restart();
    ASSERT_TRUE(restarted.ok()) << restarted;
  }
}

// The number of values compared.
size_t ExpectSame(const std::string& rule, const StoredRule& killed, const StoredRule& never) {
  EXPECT_THAT(never.gaps, IsEmpty()) << rule;
  EXPECT_THAT(killed.gaps, IsEmpty()) << rule;
  size_t compared = 0;
  for (const auto& [labels, expected] : never.values) {
    const auto found = killed.values.find(labels);
    if (found == killed.values.end()) {
      ADD_FAILURE() << rule << ": no " << labels.ToString();
      continue;
    }
    for (size_t i = 0; i < expected.size(); ++i) {
      const double value = found->second[i];
      const bool same = IsMissing(expected[i]) ? IsMissing(value) : value == expected[i];
      EXPECT_TRUE(same) << rule << labels.ToString() << " at "
                        << never.range.first_ms + static_cast<DurationMs>(i) * kStep << ": "
                        << value << ", not " << expected[i];
      if (!IsMissing(expected[i])) ++compared;
    }
  }
  EXPECT_EQ(killed.values.size(), never.values.size()) << rule;
  return compared;
}

TEST(Kill9Test, HistoryEqualsThatOfARunNeverKilled) {
  const SystemClock clock;
  prometheus::Registry metrics;
  HttpServer exporter({.listen_address = "127.0.0.1:0"}, Logger(), metrics);
  HttpRouter routes;
  routes.Add("GET", "/metrics", [&clock](const HttpRequest&) {
    return HttpResponse{.body = Exposition(clock.NowMs())};
  });
  exporter.SetRoutes(std::move(routes));
  ASSERT_TRUE(exporter.Start().ok());
  auto killed = AuspexServer::Start({.config = kAuspexConfig});
  ASSERT_TRUE(killed.ok()) << killed.status();
  auto never = AuspexServer::Start({.config = kAuspexConfig});
  ASSERT_TRUE(never.ok()) << never.status();

  const TimestampMs started_ms = clock.NowMs();
  for (AuspexServer* auspex : {&*killed, &*never}) {
    const absl::Status seeded = Seed(*auspex, started_ms);
    ASSERT_TRUE(seeded.ok()) << seeded;
  }
  const std::string config =
      absl::StrReplaceAll(kPrometheusConfig, {{"$EXPORTER", std::to_string(exporter.port())},
                                              {"$A", std::to_string(killed->port())},
                                              {"$B", std::to_string(never->port())}});
  auto prometheus = PrometheusServer::Start({.config = config});
  ASSERT_TRUE(prometheus.ok()) << prometheus.status();

  ASSERT_NO_FATAL_FAILURE(KillAgainAndAgain(*killed));
  // Some steps later both have closed everything that was on its way.
  const TimestampMs last_ms = StepFloor(clock.NowMs(), kStep) + 2 * kStep;
  ASSERT_TRUE(WaitForStep(*never, last_ms, 2 * kMinute)) << never->process().Log();
  ASSERT_TRUE(WaitForStep(*killed, last_ms, kMinute)) << killed->process().Log();
  for (AuspexServer* auspex : {&*killed, &*never}) {
    const absl::Status stopped = auspex->Stop();
    ASSERT_TRUE(stopped.ok()) << stopped;
  }

  const StepRange range = {StepCeil(started_ms, kStep), last_ms};
  const auto of_killed = ReadStoredHistory(killed->storage_path(), killed->config_file(), range);
  ASSERT_TRUE(of_killed.ok()) << of_killed.status();
  const auto of_never = ReadStoredHistory(never->storage_path(), never->config_file(), range);
  ASSERT_TRUE(of_never.ok()) << of_never.status();
  size_t compared = 0;
  for (const auto& [rule, expected] : *of_never) {
    compared += ExpectSame(rule, of_killed->at(rule), expected);
  }
  std::cout << compared << " values are equal in " << of_never->size() << " histories\n";
  EXPECT_GT(compared, 50u) << "the daemons must have had something to keep";
}

}  // namespace
}  // namespace auspex
