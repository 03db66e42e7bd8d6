// How long the daemon takes from exec to its first 200 on /-/healthy and on /-/ready, and what it
// has resident then, before any data: with an empty directory, and started again on the directory
// it left.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "sidecar/net/http_client.h"
#include "tests/bench/process_usage.h"
#include "tests/bench/report.h"
#include "tests/testing/auspex_server.h"
#include "tests/testing/free_port.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

constexpr double kStartSecondsMax = 30;
constexpr DurationMs kEndTimeout = 30 * kSecond;
constexpr std::chrono::microseconds kPoll{200};
constexpr std::chrono::seconds kCalm{1};  // until what starts in the background has started

constexpr char kConfig[] = R"(
rules:
  - name: storage_quota
    selector: storage_used_bytes
    aggregate: sum
    by: [group, user]
    step: 5m
    horizon: 24h
    leads: [1h, 6h, 24h]
)";

struct Start {
  double healthy_ms = 0;
  double healthy_cpu_ms = 0;
  double ready_ms = 0;
  double rss_mb = 0;
};

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(EXIT_FAILURE);
}

bool Answers200(HttpClient& client, const std::string& url) {
  const auto response = client.Perform({.url = url, .timeout_ms = kSecond});
  return response.ok() && response->status == 200;
}

// The time when `url` answers 200; ends the program when the daemon does not get so far.
double AwaitAnswer(HttpClient& client, const std::string& url, Subprocess& process) {
  const double deadline = WallSeconds() + kStartSecondsMax;
  while (!Answers200(client, url)) {
    if (!process.Running() || WallSeconds() > deadline) Die(process.Log());
    std::this_thread::sleep_for(kPoll);
  }
  return WallSeconds();
}

// Starts the daemon on `directory`, and ends it.
Start Measure(const std::string& binary, const TempDir& directory) {
  const std::string address = "127.0.0.1:" + std::to_string(FreePort());
  const std::string healthy = "http://" + address + "/-/healthy";
  HttpClient client;
  (void)Answers200(client, healthy);  // the first use of a client is slow
  const double start = WallSeconds();
  auto process = Subprocess::Start(
      {.args = {binary, "serve", "--config.file=" + directory.File("auspex.yml"),
                "--storage.path=" + directory.File("data"), "--web.listen-address=" + address}});
  if (!process.ok()) Die(process.status().ToString());
  Start result;
  result.healthy_ms = (AwaitAnswer(client, healthy, *process) - start) * 1000;
  result.healthy_cpu_ms = CpuSecondsOf(process->pid()) * 1000;
  result.ready_ms =
      (AwaitAnswer(client, "http://" + address + "/-/ready", *process) - start) * 1000;
  std::this_thread::sleep_for(kCalm);
  result.rss_mb = RssMb(process->pid());
  process->Signal(SIGTERM);
  const auto status = process->Wait(kEndTimeout);
  if (!status.ok() || *status != 0) Die("the daemon did not end well:\n" + process->Log());
  return result;
}

int Run(int argc, char** argv) {
  const BenchOptions options =
      ParseBenchOptions(argc, argv, "The daemon's start, and its memory before any data");
  const auto binary = AuspexBinary();
  if (!binary.ok()) Die(binary.status().ToString());
  std::vector<double> start_ms, ready_ms, restart_ms, restart_ready_ms, rss_mb;
  double cpu_ms = 0;
  const int repeats = options.quick ? 3 : 15;
  for (int i = 0; i < repeats; ++i) {
    const TempDir directory;
    std::ofstream(directory.File("auspex.yml")) << kConfig;
    const Start first = Measure(*binary, directory);
    start_ms.push_back(first.healthy_ms);
    cpu_ms += first.healthy_cpu_ms / repeats;
    ready_ms.push_back(first.ready_ms);
    rss_mb.push_back(first.rss_mb);
    const Start again = Measure(*binary, directory);
    restart_ms.push_back(again.healthy_ms);
    restart_ready_ms.push_back(again.ready_ms);
  }
  BenchReport report;
  report.Add("daemon.start_ms", Median(start_ms), "ms from exec to healthy, empty directory");
  report.Add("daemon.start_best_ms", *std::ranges::min_element(start_ms), "ms, the best of them");
  report.Add("daemon.start_cpu_ms", cpu_ms, "ms of processor time of that, mean");
  report.Add("daemon.ready_ms", Median(ready_ms), "ms from exec to ready, empty directory");
  report.Add("daemon.restart_ms", Median(restart_ms), "ms to healthy, on the directory it left");
  report.Add("daemon.restart_ready_ms", Median(restart_ready_ms), "ms to ready, on that");
  report.Add("daemon.rss_mb", Median(rss_mb), "MB resident before any data");
  return report.Finish(options);
}

}  // namespace
}  // namespace auspex

int main(int argc, char** argv) { return auspex::Run(argc, argv); }
