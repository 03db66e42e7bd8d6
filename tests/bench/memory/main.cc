// Resident memory of the real daemon per aggregate, everything included: two daemons that differ in
// the number of their aggregates only have run for two forecasts of all of them; the slope between
// the two is what an aggregate costs.
#include <prometheus/registry.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "sidecar/base/clock.h"
#include "sidecar/config/config.h"
#include "sidecar/core/duration.h"
#include "sidecar/net/http_client.h"
#include "sidecar/net/http_server.h"
#include "sidecar/wire/write_request_encoder.h"
#include "tests/bench/memory/prepared_storage.h"
#include "tests/bench/process_usage.h"
#include "tests/bench/report.h"
#include "tests/testing/auspex_server.h"

namespace auspex {
namespace {

constexpr DurationMs kStep = 5 * kMinute;
constexpr DurationMs kScrapeEvery = 30 * kSecond;
constexpr size_t kSeriesPerRequest = 1'000;
constexpr int kObserveSeconds = 60;
constexpr int kSettleSeconds = 75;  // the emission has left, and two rounds of maintenance are over

void ExitUnless(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(EXIT_FAILURE);
}

std::string ConfigText(int sink_port) {
  return absl::StrCat("remote_write:\n  - url: http://127.0.0.1:", sink_port, "/\n    name: sink\n",
                      "rules:\n  - name: used\n    selector: bench_used_bytes\n"
                      "    by: [group, user, storage_type, cluster]\n    step: 5m\n"
                      "    horizon: 24h\n    aggregates_max: 20000\n");
}

// One daemon and what is sent to it.
class Subject {
 public:
  Subject(StorageContents contents, int sink_port) : contents_(contents) {
    auto server = AuspexServer::Start({.config = ConfigText(sink_port)});
    ExitUnless(server.status());
    server_ = std::make_unique<AuspexServer>(*std::move(server));
    ExitUnless(server_->Stop());
    const auto config = LoadConfig(server_->config_file());
    ExitUnless(config.status());
    ExitUnless(PrepareStorage(server_->storage_path(), *config, contents_));
    ExitUnless(server_->Restart());
  }

  // Sends one sample of every series, stamped `t_ms`.
  void Scrape(TimestampMs t_ms) {
    for (size_t begin = 0; begin < contents_.aggregates; begin += kSeriesPerRequest) {
      std::vector<LabeledSample> samples;
      const size_t end = std::min(contents_.aggregates, begin + kSeriesPerRequest);
      for (size_t i = begin; i < end; ++i) {
        samples.push_back({AggregateLabels(i).With(kMetricName, "bench_used_bytes"),
                           {t_ms, 1e9 + static_cast<double>(i)}});
      }
      HttpClientRequest request{.method = "POST", .url = server_->url() + "/api/v1/write"};
      request.headers = {{"Content-Type", "application/x-protobuf"},
                         {"Content-Encoding", "snappy"},
                         {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
      request.body = EncodeWriteRequest(WriteProtocol::kV1, samples);
      const auto response = client_.Perform(request);
      ExitUnless(response.status());
      if (response->status / 100 != 2) ExitUnless(absl::InternalError(response->body));
    }
  }

  // Forecasts of single aggregates since the daemon's start.
  double Issued() {
    const auto issued = server_->Metric("auspex_forecast_issued_total{rule=\"used\"}");
    ExitUnless(issued.status());
    return issued->value_or(0);
  }

  const StorageContents& contents() const { return contents_; }
  // Its resident memory at this moment joins what Resident answers the median of.
  void Sample() { resident_.push_back(1024 * 1024 * RssMb(server_->process().pid())); }
  void ForgetSamples() { resident_.clear(); }
  double Resident() const { return Median(resident_); }

 private:
  const StorageContents contents_;
  std::unique_ptr<AuspexServer> server_;
  HttpClient client_;
  std::vector<double> resident_;
};

void Sleep(int seconds) { std::this_thread::sleep_for(std::chrono::seconds(seconds)); }

// Until every daemon has forecast all of its aggregates so many times.
void AwaitIssues(std::vector<std::unique_ptr<Subject>>& subjects, double issues) {
  for (auto& subject : subjects) {
    const auto wanted = issues * static_cast<double>(subject->contents().aggregates);
    for (int seconds = 0; subject->Issued() < wanted; ++seconds) {
      if (seconds > 600) ExitUnless(absl::DeadlineExceededError("no forecast for ten minutes"));
      Sleep(1);
    }
  }
}

// Resident bytes per aggregate between the two subjects that begin at `first`.
double Slope(std::vector<std::unique_ptr<Subject>>& subjects, size_t first) {
  Subject& small = *subjects[first];
  Subject& large = *subjects[first + 1];
  return (large.Resident() - small.Resident()) /
         static_cast<double>(large.contents().aggregates - small.contents().aggregates);
}

// Over a minute, so that emissions and what follows them are in it.
void Observe(std::vector<std::unique_ptr<Subject>>& subjects, int seconds, const char* when) {
  for (auto& subject : subjects) subject->ForgetSamples();
  for (int second = 0; second < seconds; ++second) {
    Sleep(1);
    for (auto& subject : subjects) subject->Sample();
  }
  for (auto& subject : subjects) {
    std::printf("%6zu aggregates%s %s: %.1f MB resident\n", subject->contents().aggregates,
                subject->contents().own_weights ? ", own weights," : ",", when,
                subject->Resident() / 1e6);
    std::fflush(stdout);
  }
}

void Run(const BenchOptions& options, BenchReport& report) {
  prometheus::Registry metrics;
  HttpServer sink({.listen_address = "127.0.0.1:0"}, Logger(), metrics);
  HttpRouter routes;
  routes.Add("POST", "/", [](const HttpRequest&) { return HttpResponse{.status = 204}; });
  sink.SetRoutes(std::move(routes));
  ExitUnless(sink.Start());

  SystemClock clock;
  const TimestampMs last_step_ms = StepFloor(clock.NowMs(), kStep);
  std::vector<std::unique_ptr<Subject>> subjects;
  for (const bool own : {false, true}) {
    for (const size_t aggregates :
         options.quick ? std::vector<size_t>{500, 2'000} : std::vector<size_t>{2'000, 10'000}) {
      subjects.push_back(
          std::make_unique<Subject>(StorageContents{aggregates, own, last_step_ms}, sink.port()));
    }
  }
  AwaitIssues(subjects, 1);
  if (options.quick) {
    Observe(subjects, 5, "after one forecast");
  } else {
    Sleep(kSettleSeconds);
    Observe(subjects, kObserveSeconds, "after one forecast");
    // The samples of the step after the history, as a scraper would have sent them: it closes as
    // soon as it is over.
    for (TimestampMs t_ms = last_step_ms + 1; t_ms <= last_step_ms + 2 * kStep;
         t_ms += kScrapeEvery) {
      while (clock.NowMs() < t_ms) Sleep(1);
      for (auto& subject : subjects) subject->Scrape(t_ms);
      if (t_ms > last_step_ms + kStep + 2 * kMinute) break;
    }
    AwaitIssues(subjects, 2);
    Sleep(kSettleSeconds);
    Observe(subjects, kObserveSeconds, "after two forecasts and live samples");
  }
  report.Add("memory.bytes_per_aggregate", Slope(subjects, 0), "bytes, shared base");
  report.Add("memory.bytes_per_aggregate_own", Slope(subjects, 2), "bytes, own weights");
}

}  // namespace
}  // namespace auspex

int main(int argc, char** argv) {
  const auspex::BenchOptions options =
      auspex::ParseBenchOptions(argc, argv, "Resident memory of the daemon per aggregate");
  auspex::BenchReport report;
  auspex::Run(options, report);
  return report.Finish(options);
}
