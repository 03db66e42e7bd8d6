// auspex-simulator: the exporter of a cluster's storage quotas that deploy/demo shows Auspex with.
//
//   auspex-simulator backfill --now 1700000000 --out history.om   its 30 days before now
//   auspex-simulator serve --now 1700000000 --listen 127.0.0.1:0  the same story, going on live
//   auspex-simulator truth --now 1700000000                       who reaches the quota, and when

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "deploy/simulator/backfill.h"
#include "deploy/simulator/quota_metrics.h"
#include "deploy/simulator/story.h"
#include "prometheus/exposer.h"
#include "sidecar/base/clock.h"

namespace auspex::simulator {
namespace {

// Prints the port when it serves, then runs until SIGTERM or SIGINT.
absl::Status Serve(const Story& story, const std::string& listen) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);  // before the exposer starts its threads
  const SystemClock clock;
  const auto collector = std::make_shared<QuotaCollector>(story, clock);
  try {
    prometheus::Exposer exposer(listen, 2);
    exposer.RegisterCollectable(collector);
    std::printf("%d\n", exposer.GetListeningPorts().at(0));
    std::fflush(stdout);
    int signal = 0;
    sigwait(&stop, &signal);
  } catch (const std::exception& e) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", listen, ": ", e.what()));
  }
  return absl::OkStatus();
}

// One line of JSON a quota: its labels and the seconds from now until it is full, or null.
void PrintTruth(const Story& story) {
  std::printf("[");
  const char* separator = "";
  for (const Quota& quota : story.quotas()) {
    const auto seconds = story.SecondsToLimit(quota);
    std::printf(
        "%s\n{\"cluster\":\"%s\",\"group\":\"%s\",\"user\":\"%s\",\"storage_type\":\"%s\","
        "\"level\":%.4f,\"seconds_to_limit\":%s}",
        separator, quota.cluster.c_str(), quota.group.c_str(), quota.user.c_str(),
        quota.storage_type.c_str(), quota.Level(story.now()),
        seconds ? absl::StrCat(static_cast<int64_t>(*seconds)).c_str() : "null");
    separator = ",";
  }
  std::printf("\n]\n");
}

int Main(int argc, char** argv) {
  CLI::App app("The storage-quota story of deploy/demo.", "auspex-simulator");
  app.require_subcommand(1);
  uint64_t seed = 1;
  int64_t now = 0;
  BackfillOptions options;
  std::string out;
  std::string listen = "127.0.0.1:0";

  CLI::App* backfill = app.add_subcommand("backfill", "Write the history as OpenMetrics text");
  backfill->add_option("--out", out, "File to write")->required();
  backfill->add_option("--days", options.days, "Days of history, up to 30")->capture_default_str();
  backfill->add_option("--step", options.step, "Seconds between samples")->capture_default_str();
  backfill->add_option("--job", options.job, "Label job")->capture_default_str();
  backfill->add_option("--instance", options.instance, "Label instance")->capture_default_str();
  CLI::App* serve = app.add_subcommand("serve", "Expose the present on /metrics; prints the port");
  serve->add_option("--listen", listen, "Address; port 0 takes a free one")->capture_default_str();
  CLI::App* truth = app.add_subcommand("truth", "Print who reaches the quota, as JSON");
  for (CLI::App* command : {backfill, serve, truth}) {
    command->add_option("--now", now, "The present of the story, Unix seconds")->required();
    command->add_option("--seed", seed, "Which story")->capture_default_str();
  }
  CLI11_PARSE(app, argc, argv);

  const Story story(seed, static_cast<double>(now));
  absl::Status status;
  if (*backfill) status = WriteBackfill(story, options, out);
  if (*serve) status = Serve(story, listen);
  if (*truth) PrintTruth(story);
  if (status.ok()) return 0;
  std::fprintf(stderr, "auspex-simulator: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace
}  // namespace auspex::simulator

int main(int argc, char** argv) { return auspex::simulator::Main(argc, argv); }
