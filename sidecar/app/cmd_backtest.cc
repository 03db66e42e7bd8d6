// `auspex backtest`: forecasts the past with what was known then, and scores it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sidecar/app/backtest_pipeline.h"
#include "sidecar/app/commands.h"
#include "sidecar/app/duration_flag.h"
#include "sidecar/app/history_set.h"
#include "sidecar/app/interrupts.h"
#include "sidecar/app/progress_line.h"
#include "sidecar/app/scratch_history.h"
#include "sidecar/app/trainer_binary.h"
#include "sidecar/backtest/anomaly_scores.h"
#include "sidecar/base/file.h"
#include "sidecar/base/thread_pool.h"
#include "sidecar/config/config.h"

namespace auspex {
namespace {

struct BacktestFlags {
  BacktestOptions options;
  std::string csv;
  std::string manifest;
  std::string rule;
  std::string config = "auspex.yml";
  QueryOptions query;
  std::string step = "5m";
  std::string horizon = "24h";
  std::string range = "30d";
  int origins = 20;
  std::string cell;  // empty: as the rule says
  int members = 0;   // 0: as the rule says
  std::string refit = "every-24h";
  bool anomaly = false;
  std::string report_path;
  std::string json_path;
};

// A set and what a rule would say about its models.
struct Source {
  model::ModelSpec spec;
  BacktestSet set;
  RetrainConfig retrain;
  std::string description;
};

absl::StatusOr<Source> ReadFiles(const BacktestFlags& flags) {
  auto set = ReadBacktestSet(flags.csv, flags.manifest);
  if (!set.ok()) return set.status();
  Source source{.spec = {}, .set = *std::move(set), .retrain = {}, .description = flags.csv};
  source.spec = SpecOf(source.set.manifest);
  return source;
}

// The rule alone, as the daemon would have it.
absl::StatusOr<Config> ConfigForRule(const std::string& path, const std::string& name) {
  auto config = LoadConfig(path);
  if (!config.ok()) return config.status();
  if (!config->upstream) {
    return absl::InvalidArgumentError(
        absl::StrCat("--rule: ", path, " names no upstream to read history from"));
  }
  std::erase_if(config->rules, [&](const Rule& rule) { return rule.name != name; });
  if (config->rules.empty()) {
    return absl::NotFoundError(absl::StrCat("--rule: ", path, " has no rule ", name));
  }
  return config;
}

absl::StatusOr<Source> ReadHistory(const BacktestFlags& flags, const StageProgress& progress,
                                   const std::atomic<bool>& stopping) {
  QueryOptions query = flags.query;
  for (const auto& [flag, text, out] : {std::tuple{"--step", &flags.step, &query.step_ms},
                                        std::tuple{"--horizon", &flags.horizon, &query.horizon_ms},
                                        std::tuple{"--range", &flags.range, &query.range_ms}}) {
    if (absl::Status status = ReadDurationFlag(flag, *text, out); !status.ok()) return status;
  }
  const auto config =
      flags.rule.empty() ? ConfigForQuery(query, "query") : ConfigForRule(flags.config, flags.rule);
  if (!config.ok()) return config.status();
  ScratchHistory history;
  if (absl::Status status = history.Open(*config); !status.ok()) return status;
  const Rule& rule = history.active().rule;
  const DurationMs range_ms = flags.rule.empty() ? query.range_ms : rule.retention_ms;
  if (absl::Status s = history.Fill(range_ms, progress, stopping); !s.ok()) return s;
  auto set = SetFromHistory(history, flags.origins);
  if (!set.ok()) return set.status();
  return Source{
      .spec = BacktestSpec(rule, *config->global.timezone, set->manifest.origins_ms.back()),
      .set = *std::move(set),
      .retrain = rule.retrain,
      .description = absl::StrCat(rule.Promql(), " at ", config->upstream->url)};
}

absl::StatusOr<Source> ReadSource(const BacktestFlags& flags, const StageProgress& progress,
                                  const std::atomic<bool>& stopping) {
  const int sources = !flags.csv.empty() + !flags.rule.empty() + !flags.query.query.empty();
  if (sources != 1) {
    return absl::InvalidArgumentError(
        "one of --csv (with --manifest), --rule (with --config.file) and --query (with --url) says "
        "what to forecast");
  }
  if (flags.csv.empty()) return ReadHistory(flags, progress, stopping);
  if (flags.manifest.empty()) return absl::InvalidArgumentError("--csv needs a --manifest");
  progress("reading", 0);
  return ReadFiles(flags);
}

// Nothing when the flag is not given.
absl::StatusOr<std::optional<model::Cell>> ParseCellFlag(const std::string& name) {
  if (name.empty()) return std::nullopt;
  const auto cell = model::ParseCell(name);
  if (!cell.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--cell: ", std::string(cell.status().message())));
  }
  return *cell;
}

absl::StatusOr<BacktestReport> Run(const BacktestFlags& flags) {
  BacktestOptions options = flags.options;
  const auto refit = ParseRefitPolicy(flags.refit);
  if (!refit.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--refit: ", std::string(refit.status().message())));
  }
  options.refit = *refit;
  const auto cell = ParseCellFlag(flags.cell);
  if (!cell.ok()) return cell.status();
  if (options.trainer_binary.empty()) options.trainer_binary = DefaultTrainerBinary();
  const Interrupts interrupts;
  ProgressLine line;
  const StageProgress progress = [&line](std::string_view stage, double done) {
    line.Show(stage, done);
  };
  auto source = ReadSource(flags, progress, interrupts.happened());
  if (!source.ok()) return source.status();
  if (*cell) source->spec.cell = **cell;
  if (flags.members > 0) source->spec.members = flags.members;
  auto report = BacktestAndScore(source->set, source->spec, source->retrain, options, progress,
                                 interrupts.happened());
  if (report.ok()) report->source = source->description;
  return report;
}

// The series to score, and the step of a rule or query; that of a file is in its samples.
absl::StatusOr<std::pair<std::vector<CsvSeries>, std::optional<DurationMs>>> ReadToScore(
    const BacktestFlags& flags, const StageProgress& progress, const std::atomic<bool>& stopping) {
  if (!flags.csv.empty()) {
    progress("reading", 0);
    auto series = ReadSeriesCsv(flags.csv);
    if (!series.ok()) return series.status();
    return std::make_pair(*std::move(series), std::optional<DurationMs>());
  }
  auto source = ReadSource(flags, progress, stopping);
  if (!source.ok()) return source.status();
  return std::make_pair(std::move(source->set.observed), std::optional(source->spec.step_ms));
}

absl::Status ScoreAnomalies(const BacktestFlags& flags) {
  if (flags.options.forecasts_path.empty()) {
    return absl::InvalidArgumentError("--anomaly: --out says where the scores are written");
  }
  if (!flags.report_path.empty() || !flags.json_path.empty()) {
    return absl::InvalidArgumentError("--report and --json are about forecasts, not --anomaly");
  }
  const Interrupts interrupts;
  ProgressLine line;
  const StageProgress progress = [&line](std::string_view stage, double done) {
    line.Show(stage, done);
  };
  const auto read = ReadToScore(flags, progress, interrupts.happened());
  if (!read.ok()) return read.status();
  ThreadPool pool({.name = "score", .threads = flags.options.jobs});
  const auto summary = WriteAnomalyScores(
      {.series = read->first, .step_ms = read->second, .context_ms = ModelConfig().context_ms},
      flags.options.forecasts_path,
      [&pool](size_t n, const std::function<void(size_t)>& body) { pool.ParallelFor(n, body); },
      [&progress](double done) { progress("scoring", done); },
      [&interrupts] { return interrupts.happened().load(); });
  if (!summary.ok()) return summary.status();
  line.End();
  std::cout << AnomalySummaryText(*summary);
  return absl::OkStatus();
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
  const absl::Status status = flags.anomaly ? ScoreAnomalies(flags) : RunAndShow(flags);
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
  text("--csv", flags->csv, "Series: metric,labels,timestamp_ms,value; plain or gzip");
  text("--manifest", flags->manifest, "What to forecast of --csv: step, horizon, origins");
  text("--rule", flags->rule, "A rule of the configuration, over its upstream's history");
  text("--config.file", flags->config, "Configuration with the rule and its upstream");
  text("--query", flags->query.query, "PromQL; every series of its answer is forecast");
  flags->query.url = "http://localhost:9090";
  text("--url", flags->query.url, "The Prometheus that answers --query");
  text("--step", flags->step, "Spacing of the values of --query");
  text("--horizon", flags->horizon, "How far to forecast --query");
  text("--range", flags->range, "How much history to read of --query");
  command
      ->add_option("--origins", flags->origins,
                   "Times to forecast --rule and --query from, over the last third of the history")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  text("--cell", flags->cell, "Encoder: lstm, gru, transformer or none; empty for the rule's");
  command
      ->add_option("--members", flags->members,
                   "Networks whose median is the forecast, an odd number; unset: as the rule says")
      ->check(CLI::Range(1, model::kMembersMax));
  text("--out", options.forecasts_path,
       "Write metric,labels,origin_ms,target_ms,q10,q50,q90 here; gzip if it ends in .gz");
  command->add_flag("--anomaly", flags->anomaly,
                    "Do not forecast: score every sample for being anomalous, and write "
                    "metric,labels,timestamp_ms,score to --out");
  text("--refit", flags->refit, "When to train: first, every-N (origins) or every-DURATION");
  command->add_option("--jobs", options.jobs, "Threads to compute with")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--seed", options.seed, "Of the trainings")->capture_default_str();
  command
      ->add_option("--tune", options.tuning_trials,
                   "Settings of the fit that are tried at every training, whatever time it takes; "
                   "unset: as the rule says, within its time")
      ->check(CLI::Range(0, 1000));
  command->add_option("--baselines", options.baselines, "Score the classical forecasters too")
      ->capture_default_str();
  command
      ->add_option("--calibrate", options.calibrate,
                   "Calibrate the intervals on what had come by each origin, as the daemon does")
      ->capture_default_str();
  text("--report", flags->report_path, "Write a page with plots here");
  text("--json", flags->json_path, "Write all figures here");
  text("--trainer.binary", options.trainer_binary,
       "The trainer to run; empty for auspex-trainer beside this program");
  command->callback([flags, exit_status] { *exit_status = RunBacktestCommand(*flags); });
}

}  // namespace auspex
