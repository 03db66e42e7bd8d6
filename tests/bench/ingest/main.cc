// The cost of receiving samples, durably and end to end: the same remote write bodies to this
// daemon, to Prometheus 3 and to VictoriaMetrics, in turns; processor time of the receiver per
// million samples. For samples that a rule wants, and for samples that no rule wants.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sidecar/base/clock.h"
#include "tests/bench/ingest/bodies.h"
#include "tests/bench/ingest/receivers.h"
#include "tests/bench/ingest/sender.h"
#include "tests/bench/process_usage.h"
#include "tests/bench/report.h"

namespace auspex {
namespace {

// The first scrapes, in which receivers meet the series, are sent but not counted.
constexpr size_t kWarmScrapes = 16;
// What a receiver does in the background within this time after the last sample is counted.
// VictoriaMetrics writes every 5 s what it holds in memory.
constexpr std::chrono::seconds kSettle{6};
constexpr char kWanted[] = "bench_requests_total";
constexpr char kUnwanted[] = "bench_unwanted_total";

// One receiver with one kind of samples.
struct Subject {
  std::string name;
  std::function<absl::StatusOr<std::unique_ptr<Receiver>>()> start;
  const Bodies* bodies = nullptr;
  // The counter that proves what was taken.
  std::string taken_metric;
  std::string taken_label;
};

struct Measurement {
  double cpu_s_per_msample = 0;
  double msamples_per_second = 0;
  double peak_rss_mb = 0;
};

[[noreturn]] void Die(const std::string& subject, const std::string& why) {
  std::fprintf(stderr, "%s: %s\n", subject.c_str(), why.c_str());
  std::exit(EXIT_FAILURE);
}

double Taken(const Subject& subject, const Receiver& receiver) {
  const auto taken = ReadMetric(receiver, subject.taken_metric, subject.taken_label);
  if (!taken.ok()) Die(subject.name, taken.status().ToString());
  return *taken;
}

void Send(const Subject& subject, const Receiver& receiver, size_t first, size_t last) {
  const absl::Status sent = SendBodies(*subject.bodies, first, last, receiver.url());
  if (!sent.ok()) Die(subject.name, sent.ToString());
}

Measurement Measure(const Subject& subject) {
  auto started = subject.start();
  if (!started.ok()) Die(subject.name, started.status().ToString());
  const Receiver& receiver = **started;
  const size_t scrapes = subject.bodies->front().size();
  Send(subject, receiver, 0, kWarmScrapes);
  const double taken = Taken(subject, receiver);
  const double wall = WallSeconds();
  const double cpu = CpuSecondsOf(receiver.pid());
  Send(subject, receiver, kWarmScrapes, scrapes);
  const double sending = WallSeconds() - wall;
  std::this_thread::sleep_for(kSettle);
  const double used = CpuSecondsOf(receiver.pid()) - cpu;

  const auto samples = static_cast<double>((scrapes - kWarmScrapes) * kSeries);
  if (Taken(subject, receiver) - taken != samples) {
    Die(subject.name, subject.taken_metric + " says that not every sample was taken");
  }
  const Measurement result = {.cpu_s_per_msample = used / samples * 1e6,
                              .msamples_per_second = samples / sending / 1e6,
                              .peak_rss_mb = PeakRssMb(receiver.pid())};
  std::printf("  %-28s %8.4f CPU-s/Msample %8.3f Msamples/s %8.1f MB peak\n", subject.name.c_str(),
              result.cpu_s_per_msample, result.msamples_per_second, result.peak_rss_mb);
  std::fflush(stdout);
  return result;
}

std::vector<Subject> Subjects(const Bodies& wanted, const Bodies& unwanted) {
  const auto auspex = [] { return StartAuspex(kWanted); };
  const std::string vm_rows = "vm_rows_inserted_total";
  const std::string vm_type = "type=\"promremotewrite\"";
  return {
      {"auspex matching", auspex, &wanted, "auspex_ingest_samples_total", "outcome=\"accepted\""},
      {"auspex unmatched", auspex, &unwanted, "auspex_ingest_samples_total", "outcome=\"ignored\""},
      {"victoriametrics", StartVictoriaMetrics, &wanted, vm_rows, vm_type},
      {"victoriametrics unmatched", StartVictoriaMetrics, &unwanted, vm_rows, vm_type},
      {"prometheus", StartPrometheus, &wanted, "prometheus_tsdb_head_samples_appended_total",
       "type=\"float\""}};
}

using Results = std::map<std::string, std::vector<Measurement>>;

double MedianOf(const Results& results, const std::string& subject, double Measurement::*member) {
  std::vector<double> values;
  for (const Measurement& m : results.at(subject)) values.push_back(m.*member);
  return Median(std::move(values));
}

void Report(const Results& results, BenchReport& report) {
  const auto cpu = [&](const char* subject) {
    return MedianOf(results, subject, &Measurement::cpu_s_per_msample);
  };
  report.Add("ingest.matching.cpu_s_per_msample", cpu("auspex matching"), "s");
  report.Add("ingest.unmatched.cpu_s_per_msample", cpu("auspex unmatched"), "s");
  report.Add("ingest.matching.vs_victoriametrics", cpu("victoriametrics") / cpu("auspex matching"),
             "times our processor time");
  report.Add("ingest.matching.vs_prometheus", cpu("prometheus") / cpu("auspex matching"),
             "times our processor time");
  report.Add("ingest.unmatched.vs_victoriametrics",
             cpu("victoriametrics unmatched") / cpu("auspex unmatched"),
             "times our processor time");
  report.Add("ingest.matching.peak_rss_mb",
             MedianOf(results, "auspex matching", &Measurement::peak_rss_mb), "MB");
  report.Add("ingest.matching.msamples_per_second",
             MedianOf(results, "auspex matching", &Measurement::msamples_per_second),
             "million, with the sender on the same cores");
}

// What a series costs in this daemon's memory while it is remembered.
double BytesPerSeries(const std::string& metric, const char* outcome, size_t series) {
  const Bodies bodies = MakeManySeries(metric, SystemClock().NowMs(), series);
  const Subject subject = {.name = "auspex, many series",
                           .start = [] { return StartAuspex(kWanted); },
                           .bodies = &bodies,
                           .taken_metric = "auspex_ingest_samples_total",
                           .taken_label = outcome};
  auto started = subject.start();
  if (!started.ok()) Die(subject.name, started.status().ToString());
  const Receiver& receiver = **started;
  const double before_mb = RssMb(receiver.pid());
  Send(subject, receiver, 0, bodies.front().size());
  if (Taken(subject, receiver) != static_cast<double>(series)) {
    Die(subject.name, "not every sample was taken");
  }
  const double after_mb = RssMb(receiver.pid());
  std::printf("  %zu series of %s: %.1f MB resident before, %.1f MB after\n", series,
              metric.c_str(), before_mb, after_mb);
  return (after_mb - before_mb) * (1 << 20) / static_cast<double>(series);
}

int Run(int argc, char** argv) {
  const BenchOptions options = ParseBenchOptions(
      argc, argv, "Processor time per sample received, of this daemon and of its peers");
  const size_t scrapes = options.quick ? 96 : 480;
  const int rounds = options.quick ? 1 : 3;
  Results results;
  for (int round = 0; round < rounds; ++round) {
    // Made anew in each round, so that the last scrape is a moment ago.
    const TimestampMs first_ms =
        SystemClock().NowMs() - static_cast<DurationMs>(scrapes) * kScrapeInterval;
    const Bodies wanted = MakeBodies(kWanted, first_ms, scrapes);
    const Bodies unwanted = MakeBodies(kUnwanted, first_ms, scrapes);
    std::printf("round %d: %zu series, %zu scrapes\n", round + 1, kSeries, scrapes);
    for (const Subject& subject : Subjects(wanted, unwanted)) {
      results[subject.name].push_back(Measure(subject));
    }
  }
  BenchReport report;
  Report(results, report);
  const size_t many = options.quick ? 100'000 : 1'000'000;
  report.Add("ingest.unmatched.bytes_per_series",
             BytesPerSeries(kUnwanted, "outcome=\"ignored\"", many), "B resident");
  report.Add("ingest.matching.bytes_per_series",
             BytesPerSeries(kWanted, "outcome=\"accepted\"", many), "B resident, with one sample");
  return report.Finish(options);
}

}  // namespace
}  // namespace auspex

int main(int argc, char** argv) { return auspex::Run(argc, argv); }
