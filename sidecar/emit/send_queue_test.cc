#include "sidecar/emit/send_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "sidecar/base/clock.h"
#include "sidecar/emit/fake_receiver_test.h"
#include "sidecar/emit/series_identity.h"

namespace auspex {
namespace {

using testing::ElementsAre;

HttpResponse Status(int status, std::vector<std::pair<std::string, std::string>> headers = {}) {
  HttpResponse response;
  response.status = status;
  response.body = status / 100 == 2 ? "" : "the reason\nmore";
  response.headers = std::move(headers);
  return response;
}

class SendQueueTest : public testing::Test {
 protected:
  SendQueueOptions Options(const std::string& url) {
    SendQueueOptions options;
    options.name = "test";
    options.endpoint.url = url;
    options.shards = 1;
    options.batch_deadline_ms = 10;
    options.min_backoff_ms = 1;
    options.max_backoff_ms = 20;
    return options;
  }

  std::vector<LabeledSample> Samples(const std::vector<std::string>& series, double value = 1) {
    std::vector<LabeledSample> samples;
    for (const std::string& s : series) {
      samples.push_back({LabelSet({{"__name__", "x"}, {"s", s}}), {clock_.NowMs(), value}});
    }
    return samples;
  }

  double Metric(const std::string& name, const std::string& reason = "") {
    for (const auto& family : registry_.Collect()) {
      if (family.name != name) continue;
      for (const auto& metric : family.metric) {
        for (const auto& label : metric.label) {
          if (reason.empty() || label.value == reason) {
            return metric.counter.value + metric.gauge.value;
          }
        }
      }
    }
    ADD_FAILURE() << "no metric " << name;
    return -1;
  }

  SystemClock clock_;
  prometheus::Registry registry_;
};

TEST_F(SendQueueTest, SendsInOrder) {
  FakeReceiver receiver([](const Received&) { return Status(204); });
  SendQueue queue(Options(receiver.url()), clock_, Logger(), registry_);
  queue.Enqueue(Samples({"a", "b"}));
  queue.Enqueue(Samples({"a"}, 2));
  queue.Start();
  queue.Stop(10 * kSecond);
  ASSERT_EQ(receiver.requests().size(), 1U);
  EXPECT_THAT(receiver.requests()[0].series, ElementsAre("a", "b", "a"));
  EXPECT_THAT(receiver.requests()[0].values, ElementsAre(1, 1, 2));
  EXPECT_EQ(Metric("auspex_remote_storage_samples_total"), 3);
  EXPECT_EQ(Metric("auspex_remote_storage_samples_pending"), 0);
}

TEST_F(SendQueueTest, RetriesServerErrorsWithTheSameBatch) {
  int left = 3;
  FakeReceiver receiver([&left](const Received&) { return Status(left-- > 0 ? 503 : 204); });
  SendQueue queue(Options(receiver.url()), clock_, Logger(), registry_);
  queue.Start();
  queue.Enqueue(Samples({"a", "b"}));
  ASSERT_TRUE(receiver.Await(4));
  queue.Stop(10 * kSecond);
  for (const Received& request : receiver.requests()) {
    EXPECT_THAT(request.series, ElementsAre("a", "b"));
  }
  EXPECT_EQ(Metric("auspex_remote_storage_samples_retried_total"), 6);
  EXPECT_EQ(Metric("auspex_remote_storage_samples_total"), 2);
}

TEST_F(SendQueueTest, HonoursRetryAfter) {
  int left = 1;
  FakeReceiver receiver([&left](const Received&) {
    return left-- > 0 ? Status(429, {{"Retry-After", "1"}}) : Status(204);
  });
  SendQueue queue(Options(receiver.url()), clock_, Logger(), registry_);
  queue.Start();
  const TimestampMs started = clock_.NowMs();
  queue.Enqueue(Samples({"a"}));
  ASSERT_TRUE(receiver.Await(2));
  // Without the header the second attempt would come after at most 20 ms.
  EXPECT_GE(clock_.NowMs() - started, 1000);
}

TEST_F(SendQueueTest, RescuesGoodSeriesFromARefusedBatch) {
  FakeReceiver receiver([](const Received& request) {
    for (const std::string& s : request.series) {
      if (s == "bad") return Status(400);
    }
    return Status(204);
  });
  SendQueue queue(Options(receiver.url()), clock_, Logger(), registry_);
  queue.Enqueue(Samples({"a", "b", "c", "bad", "d", "e", "f", "g"}));
  queue.Start();
  queue.Stop(10 * kSecond);
  EXPECT_EQ(Metric("auspex_remote_storage_samples_total"), 7);
  EXPECT_EQ(Metric("auspex_remote_storage_samples_failed_total"), 1);
}

TEST_F(SendQueueTest, ARefusedBatchCostsABoundedNumberOfRequests) {
  FakeReceiver receiver([](const Received&) { return Status(400); });
  SendQueue queue(Options(receiver.url()), clock_, Logger(), registry_);
  std::vector<std::string> many;
  for (int i = 0; i < 500; ++i) many.push_back(absl::StrCat(i));
  queue.Enqueue(Samples(many));
  queue.Start();
  queue.Stop(20 * kSecond);
  EXPECT_EQ(Metric("auspex_remote_storage_samples_failed_total"), 500);
  EXPECT_LE(receiver.requests().size(), 70U);
}

TEST_F(SendQueueTest, AFullQueueDropsTheOldestAndNeverBlocks) {
  FakeReceiver receiver([](const Received&) { return Status(204); });
  SendQueueOptions options = Options(receiver.url());
  options.capacity = 3;
  SendQueue queue(options, clock_, Logger(), registry_);
  queue.Enqueue(Samples({"a", "b", "c", "d", "e"}));  // not started: nobody takes
  EXPECT_EQ(queue.pending(), 3U);
  queue.Start();
  queue.Stop(10 * kSecond);
  EXPECT_THAT(receiver.requests().at(0).series, ElementsAre("c", "d", "e"));
  EXPECT_EQ(Metric("auspex_remote_storage_samples_dropped_total", "queue_full"), 2);
}

TEST_F(SendQueueTest, RefusesFutureTimestamps) {
  FakeReceiver receiver([](const Received&) { return Status(204); });
  SendQueue queue(Options(receiver.url()), clock_, Logger(), registry_);
  auto samples = Samples({"now", "ahead"});
  samples[1].sample.timestamp_ms += 6 * kMinute;
  queue.Enqueue(samples);
  queue.Start();
  queue.Stop(10 * kSecond);
  EXPECT_THAT(receiver.requests().at(0).series, ElementsAre("now"));
  EXPECT_EQ(Metric("auspex_remote_storage_samples_dropped_total", "too_far_ahead"), 1);
}

TEST_F(SendQueueTest, DropsWhatIsTooOldInsteadOfRetryingForEver) {
  FakeReceiver receiver([](const Received&) { return Status(500); });
  SendQueueOptions options = Options(receiver.url());
  options.sample_age_limit_ms = 200;
  SendQueue queue(options, clock_, Logger(), registry_);
  queue.Start();
  queue.Enqueue(Samples({"a"}));
  queue.Stop(20 * kSecond);
  EXPECT_EQ(Metric("auspex_remote_storage_samples_dropped_total", "too_old"), 1);
  EXPECT_GE(receiver.requests().size(), 2U);
}

TEST_F(SendQueueTest, AReceiverThatDoesNotKnowVersion2GetsVersion1) {
  // Prometheus 2.42 answers 204 to a 2.0 message and stores nothing.
  FakeReceiver receiver([](const Received&) { return Status(204); });
  SendQueueOptions options = Options(receiver.url());
  options.endpoint.protocol = WriteProtocol::kV2;
  SendQueue queue(options, clock_, Logger(), registry_);
  queue.Start();
  queue.Enqueue(Samples({"a"}));
  ASSERT_TRUE(receiver.Await(2));
  queue.Enqueue(Samples({"b"}));
  queue.Stop(10 * kSecond);
  const auto requests = receiver.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].protocol, WriteProtocol::kV2);
  EXPECT_EQ(requests[1].protocol, WriteProtocol::kV1);
  EXPECT_EQ(requests[2].protocol, WriteProtocol::kV1);
  EXPECT_THAT(requests[1].series, ElementsAre("a"));
}

TEST_F(SendQueueTest, AVersion2ReceiverIsKept) {
  FakeReceiver receiver([](const Received& request) {
    return Status(
        204, {{"X-Prometheus-Remote-Write-Samples-Written", absl::StrCat(request.values.size())}});
  });
  SendQueueOptions options = Options(receiver.url());
  options.endpoint.protocol = WriteProtocol::kV2;
  SendQueue queue(options, clock_, Logger(), registry_);
  queue.Enqueue(Samples({"a"}));
  queue.Start();
  queue.Stop(10 * kSecond);
  ASSERT_EQ(receiver.requests().size(), 1U);
  EXPECT_EQ(receiver.requests()[0].protocol, WriteProtocol::kV2);
}

TEST_F(SendQueueTest, AVersion2ReceiverKeepsTheGoodSeriesOfARefusedBatch) {
  FakeReceiver receiver([](const Received&) {
    return Status(400, {{"X-Prometheus-Remote-Write-Samples-Written", "2"}});
  });
  SendQueueOptions options = Options(receiver.url());
  options.endpoint.protocol = WriteProtocol::kV2;
  SendQueue queue(options, clock_, Logger(), registry_);
  queue.Enqueue(Samples({"a", "bad", "c"}));
  queue.Start();
  queue.Stop(10 * kSecond);
  EXPECT_EQ(receiver.requests().size(), 1U);
  EXPECT_EQ(Metric("auspex_remote_storage_samples_total"), 2);
  EXPECT_EQ(Metric("auspex_remote_storage_samples_failed_total"), 1);
}

TEST_F(SendQueueTest, AReceiverThatTakesNothingIsAskedOncePerBatch) {
  for (const int status : {301, 401, 404, 415}) {
    prometheus::Registry registry;
    FakeReceiver receiver([status](const Received&) { return Status(status); });
    SendQueue queue(Options(receiver.url()), clock_, Logger(), registry);
    queue.Enqueue(Samples({"a", "b", "c"}));
    queue.Start();
    queue.Stop(10 * kSecond);
    EXPECT_EQ(receiver.requests().size(), 1U) << status;
  }
}

TEST_F(SendQueueTest, StopEndsWithinItsTimeWhenNobodyAnswers) {
  SendQueueOptions options = Options("http://127.0.0.1:1/write");
  options.max_backoff_ms = 60 * kSecond;
  options.min_backoff_ms = 60 * kSecond;
  SendQueue queue(options, clock_, Logger(), registry_);
  queue.Start();
  queue.Enqueue(Samples({"a"}));
  queue.Stop(100);
  queue.Enqueue(Samples({"late"}));
  EXPECT_EQ(Metric("auspex_remote_storage_samples_total"), 0);
  EXPECT_EQ(Metric("auspex_remote_storage_samples_dropped_total", "shutdown"), 2);
  EXPECT_EQ(Metric("auspex_remote_storage_samples_pending"), 0);
  EXPECT_EQ(queue.pending(), 0U);
}

TEST_F(SendQueueTest, ASeriesStaysOnOneShard) {
  FakeReceiver receiver([](const Received&) { return Status(204); });
  SendQueueOptions options = Options(receiver.url());
  options.shards = 4;
  SendQueue queue(options, clock_, Logger(), registry_);
  queue.Start();
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) names.push_back(absl::StrCat("s", i));
  for (int value = 0; value < 20; ++value) queue.Enqueue(Samples(names, value));
  queue.Stop(20 * kSecond);
  std::map<std::string, std::vector<double>> by_series;
  for (const Received& request : receiver.requests()) {
    for (size_t i = 0; i < request.series.size(); ++i) {
      by_series[request.series[i]].push_back(request.values[i]);
    }
  }
  ASSERT_EQ(by_series.size(), 40U);
  for (const auto& [name, values] : by_series) {
    ASSERT_EQ(values.size(), 20U) << name;
    EXPECT_TRUE(std::is_sorted(values.begin(), values.end())) << name;
  }
}

// Day and night take turns in `period`: each turn is a sample of the one, and a marker for the
// other.
TEST_F(SendQueueTest, ASeriesAndItsSuccessorStayOnOneShard) {
  FakeReceiver receiver([](const Received&) { return Status(204); });
  SendQueueOptions options = Options(receiver.url());
  options.shards = 4;
  SendQueue queue(options, clock_, Logger(), registry_);
  queue.Start();
  constexpr int kUsers = 40;
  constexpr int kTurns = 20;
  for (int turn = 0; turn < kTurns; ++turn) {
    std::vector<LabeledSample> emission;
    for (int user = 0; user < kUsers; ++user) {
      const LabelSet labels({{"__name__", "x_forecast"}, {"s", absl::StrCat(user)}});
      const TimestampMs now_ms = clock_.NowMs();
      emission.push_back(
          {labels.With("period", turn % 2 == 0 ? "day" : "night"), {now_ms, 2.0 * turn}});
      emission.push_back(
          {labels.With("period", turn % 2 == 0 ? "night" : "day"), {now_ms, 2.0 * turn + 1}});
    }
    queue.Enqueue(emission);
  }
  queue.Stop(20 * kSecond);
  std::map<std::string, std::vector<double>> by_user;
  for (const Received& request : receiver.requests()) {
    for (size_t i = 0; i < request.series.size(); ++i) {
      by_user[request.series[i]].push_back(request.values[i]);
    }
  }
  ASSERT_EQ(by_user.size(), size_t{kUsers});
  for (const auto& [user, values] : by_user) {
    ASSERT_EQ(values.size(), size_t{2 * kTurns}) << user;
    EXPECT_TRUE(std::is_sorted(values.begin(), values.end())) << user;
  }
}

TEST(SeriesIdentityHash, LeavesOutWhatChangesWithASuccessorAndNothingElse) {
  const LabelSet series({{"__name__", "x_forecast"}, {"user", "ann"}, {"period", "day"}});
  const size_t hash = SeriesIdentityHash(series);
  EXPECT_EQ(SeriesIdentityHash(series.With("period", "night")), hash);
  EXPECT_EQ(SeriesIdentityHash(series.Without("period")), hash);
  EXPECT_EQ(SeriesIdentityHash(series.With("model", "lstm").With("reason", "ok")), hash);
  EXPECT_NE(SeriesIdentityHash(series.With("user", "bob")), hash);
  EXPECT_NE(SeriesIdentityHash(series.With("quantile", "0.5")), hash);
  EXPECT_NE(SeriesIdentityHash(series.With("__name__", "x_forecast_state")), hash);
}

}  // namespace
}  // namespace auspex
