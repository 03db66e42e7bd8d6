// `auspex backtest`: forecasts the past with what was known then, and scores it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "absl/strings/str_cat.h"
#include "sidecar/app/backtest_pipeline.h"
#include "sidecar/app/commands.h"
#include "sidecar/app/interrupts.h"
#include "sidecar/app/progress_line.h"
#include "sidecar/app/trainer_binary.h"
#include "sidecar/base/file.h"

namespace auspex {
namespace {

struct BacktestFlags {
  BacktestOptions options;
  std::string csv;
  std::string manifest;
  std::string refit = "every-24h";
  std::string report_path;
  std::string json_path;
};

// A set and what a rule would say about its models.
struct Source {
  BacktestSet set;
  model::ModelSpec spec;
  RetrainConfig retrain;
  std::string description;
};

absl::StatusOr<Source> ReadFiles(const BacktestFlags& flags) {
  auto set = ReadBacktestSet(flags.csv, flags.manifest);
  if (!set.ok()) return set.status();
  Source source{.set = *std::move(set), .spec = {}, .retrain = {}, .description = flags.csv};
  source.spec = SpecOf(source.set.manifest);
  return source;
}

absl::StatusOr<BacktestReport> Run(const BacktestFlags& flags) {
  BacktestOptions options = flags.options;
  const auto refit = ParseRefitPolicy(flags.refit);
  if (!refit.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--refit: ", std::string(refit.status().message())));
  }
  options.refit = *refit;
  if (options.trainer_binary.empty()) options.trainer_binary = DefaultTrainerBinary();
  const Interrupts interrupts;
  ProgressLine line;
  const StageProgress progress = [&line](std::string_view stage, double done) {
    line.Show(stage, done);
  };
  progress("reading", 0);
  const auto source = ReadFiles(flags);
  if (!source.ok()) return source.status();
  auto report = BacktestAndScore(source->set, source->spec, source->retrain, options, progress,
                                 interrupts.happened());
  if (report.ok()) report->source = source->description;
  return report;
}

absl::Status WriteReport(const std::string& path, const std::string& text) {
  return path.empty() ? absl::OkStatus() : WriteFileAtomically(path, text);
}

absl::Status RunAndShow(const BacktestFlags& flags) {
  const auto report = Run(flags);
  if (!report.ok()) return report.status();
  std::cout << ReportText(*report);
  if (absl::Status s = WriteReport(flags.json_path, ReportJson(*report)); !s.ok()) return s;
  return WriteReport(flags.report_path, ReportHtml(*report));
}

int RunBacktestCommand(const BacktestFlags& flags) {
  const absl::Status status = RunAndShow(flags);
  if (status.ok()) return 0;
  std::cerr << "auspex backtest: " << status.message() << "\n";
  return 1;
}

}  // namespace

void AddBacktestCommand(CLI::App& app, int* exit_status) {
  auto flags = std::make_shared<BacktestFlags>();
  BacktestOptions& options = flags->options;
  options.jobs = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  CLI::App* command = app.add_subcommand(
      "backtest", "Forecast the past with what was known then, and score the forecasts");
  const auto text = [command](const char* name, std::string& value, const char* help) {
    return command->add_option(name, value, help)->capture_default_str();
  };
  text("--csv", flags->csv, "Series: metric,labels,timestamp_ms,value; plain or gzip")->required();
  text("--manifest", flags->manifest, "What to forecast of them: step, horizon, origins")
      ->required();
  text("--out", options.forecasts_path,
       "Write metric,labels,origin_ms,target_ms,q10,q50,q90 here; gzip if it ends in .gz");
  text("--refit", flags->refit, "When to train: first, every-N (origins) or every-DURATION");
  command->add_option("--jobs", options.jobs, "Trainings at the same time")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--seed", options.seed, "Of the trainings")->capture_default_str();
  command->add_option("--baselines", options.baselines, "Score the classical forecasters too")
      ->capture_default_str();
  text("--report", flags->report_path, "Write a page with plots here");
  text("--json", flags->json_path, "Write all figures here");
  text("--trainer.binary", options.trainer_binary,
       "The trainer to run; empty for auspex-trainer beside this program");
  command->callback([flags, exit_status] { *exit_status = RunBacktestCommand(*flags); });
}

}  // namespace auspex
