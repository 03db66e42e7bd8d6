#include "sidecar/emit/send_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <functional>
#include <map>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "sidecar/base/clock.h"
#include "sidecar/net/http_server.h"
#include "sidecar/wire/snappy_block.h"
#include "sidecar/wire/write_request_decoder.h"

namespace auspex {
namespace {

using testing::ElementsAre;

// One request as the receiver saw it.
struct Received {
  WriteProtocol protocol = WriteProtocol::kV1;
  std::vector<std::string> series;  // the label `s` of each sample, in order
  std::vector<double> values;
};

// A receiver that answers as the test tells it to.
class FakeReceiver {
 public:
  using Answer = std::function<HttpResponse(const Received&)>;

  explicit FakeReceiver(Answer answer)
      : answer_(std::move(answer)), server_(Options(), Logger(), registry_) {
    server_.Handle("POST", "/write", [this](const HttpRequest& request) { return Take(request); });
    EXPECT_TRUE(server_.Start().ok());
  }
  ~FakeReceiver() { server_.Stop(); }

  std::string url() const { return absl::StrCat("http://127.0.0.1:", server_.port(), "/write"); }

  std::vector<Received> requests() const {
    absl::MutexLock lock(&mu_);
    return requests_;
  }
  // Waits until that many requests came.
  bool Await(size_t count) const {
    absl::MutexLock lock(&mu_);
    const auto enough = [&] { return requests_.size() >= count; };
    return mu_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(20));
  }

 private:
  static HttpServerOptions Options() {
    HttpServerOptions options;
    options.listen_address = "127.0.0.1:0";
    return options;
  }

  HttpResponse Take(const HttpRequest& request) {
    Received received;
    if (request.Header("Content-Type").find("v2") != std::string_view::npos) {
      received.protocol = WriteProtocol::kV2;
    }
    std::string body;
    EXPECT_TRUE(SnappyUncompress(request.body, kDecompressedBytesMax, &body).ok());
    EXPECT_TRUE(WriteRequestDecoder()
                    .Decode(received.protocol, body,
                            [&](const DecodedSeries& series) {
                              for (const LabelView& label : series.labels) {
                                if (label.name == "s") received.series.emplace_back(label.value);
                              }
                              for (const Sample& s : series.samples) {
                                received.values.push_back(s.value);
                              }
                            })
                    .ok());
    const HttpResponse response = answer_(received);
    absl::MutexLock lock(&mu_);
    requests_.push_back(std::move(received));
    return response;
  }

  const Answer answer_;
  prometheus::Registry registry_;
  mutable absl::Mutex mu_;
  std::vector<Received> requests_ ABSL_GUARDED_BY(mu_);
  HttpServer server_;
};

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

}  // namespace
}  // namespace auspex
