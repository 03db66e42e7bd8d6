// `auspex predict`: forecasts one PromQL query, without a daemon.
#include <google/protobuf/util/json_util.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sidecar/app/commands.h"
#include "sidecar/app/duration_flag.h"
#include "sidecar/app/interrupts.h"
#include "sidecar/app/predict_pipeline.h"
#include "sidecar/app/progress_line.h"
#include "sidecar/app/trainer_binary.h"
#include "sidecar/base/table.h"
#include "sidecar/core/label_set.h"

namespace auspex {
namespace {

struct PredictFlags {
  PredictOptions options;
  std::string step = "5m";
  std::string horizon = "24h";
  std::string range = "14d";
  std::string output = "table";
  bool no_train = false;
};

template <typename Message>
std::string SeriesName(const Message& message) {
  std::vector<LabelSet::Label> labels(message.labels().begin(), message.labels().end());
  return LabelSet(std::move(labels)).ToString();
}

// "48k (40k..55k)": the median between the outermost quantiles.
std::string LeadCell(const v1::LeadForecast& lead, int median) {
  const auto& values = lead.values();
  std::string cell = FormatSi(values[median]);
  if (values.size() > 1) {
    absl::StrAppend(&cell, " (", FormatSi(values[0]), "..", FormatSi(values[values.size() - 1]),
                    ")");
  }
  return cell;
}

std::vector<std::string> SeriesRow(const v1::AggregateStatus& series, size_t leads,
                                   bool has_limit) {
  std::vector<std::string> row = {SeriesName(series), FormatSi(series.last_value())};
  const auto& levels = series.quantiles();
  const int median =
      static_cast<int>(std::find(levels.begin(), levels.end(), 0.5) - levels.begin());
  for (const v1::LeadForecast& lead : series.leads()) row.push_back(LeadCell(lead, median));
  row.resize(2 + leads);
  if (has_limit) {
    // The median's and the highest quantile's time.
    const auto text = [](const v1::TimeToLimit& time) {
      return time.has_seconds() ? FormatSeconds(time.seconds()) : std::string("-");
    };
    const auto& times = series.time_to_limit();
    row.push_back(times.empty() ? "" : text(times[0]));
    row.push_back(times.empty() ? "" : text(times[times.size() - 1]));
  }
  row.push_back(series.model() + " (" + series.reason() + ")");
  return row;
}

std::string Table(const Prediction& prediction, bool has_limit) {
  std::vector<std::string> header = {"SERIES", "NOW"};
  const auto& all = prediction.series.aggregates();
  const auto forecast = std::find_if(all.begin(), all.end(),
                                     [](const auto& series) { return !series.leads().empty(); });
  const size_t leads = forecast == all.end() ? 0 : static_cast<size_t>(forecast->leads_size());
  for (size_t i = 0; i < leads; ++i) {
    header.push_back("+" + forecast->leads(static_cast<int>(i)).horizon());
  }
  if (has_limit) header.insert(header.end(), {"TO LIMIT", "(UPPER)"});
  header.emplace_back("MODEL");
  std::vector<std::vector<std::string>> rows = {std::move(header)};
  for (const v1::AggregateStatus& series : all) rows.push_back(SeriesRow(series, leads, has_limit));
  return FormatTable(rows);
}

// RFC 4180: one row per series and target time, times in Unix seconds.
std::string Csv(const Prediction& prediction) {
  std::string text;
  for (const v1::AggregateForecast& series : prediction.curves.forecasts()) {
    if (text.empty()) {
      text = "series,time";
      for (const double level : series.quantiles()) absl::StrAppend(&text, ",", level);
      text += "\r\n";
    }
    std::string name;
    for (const char c : SeriesName(series)) name.append(c == '"' ? 2 : 1, c);
    for (const v1::ForecastPoint& point : series.points()) {
      absl::StrAppendFormat(&text, "\"%s\",%.0f", name, point.time());
      for (const double value : point.values()) absl::StrAppendFormat(&text, ",%.9g", value);
      text += "\r\n";
    }
  }
  return text;
}

nlohmann::json ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  // Our messages have nothing that could fail to print: no Any, strings in UTF-8.
  (void)google::protobuf::util::MessageToJsonString(message, &text, options);
  return nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
}

// The fields of /api/v1/aggregates and /api/v1/forecast.
std::string Json(const Prediction& prediction) {
  nlohmann::json document = ToJson(prediction.series);
  document.update(ToJson(prediction.curves));
  document["note"] = prediction.note;
  return document.dump(2) + "\n";
}

absl::StatusOr<Prediction> PredictWithProgress(const PredictFlags& flags) {
  PredictOptions options = flags.options;
  options.train = !flags.no_train;
  if (options.trainer_binary.empty()) options.trainer_binary = DefaultTrainerBinary();
  for (const auto& [flag, text, out] :
       {std::tuple{"--step", &flags.step, &options.step_ms},
        std::tuple{"--horizon", &flags.horizon, &options.horizon_ms},
        std::tuple{"--range", &flags.range, &options.range_ms}}) {
    if (absl::Status status = ReadDurationFlag(flag, *text, out); !status.ok()) return status;
  }
  const Interrupts interrupts;
  ProgressLine line;
  return Predict(
      options, [&line](std::string_view stage, double done) { line.Show(stage, done); },
      interrupts.happened());
}

int RunPredict(const PredictFlags& flags) {
  const auto prediction = PredictWithProgress(flags);
  if (!prediction.ok()) {
    std::cerr << "auspex predict: " << prediction.status().message() << "\n";
    return 1;
  }
  if (!prediction->note.empty()) {
    std::cerr << "note: " << prediction->note
              << "; an untrained blend of naive forecasts answers\n";
  }
  if (flags.output == "json") {
    std::cout << Json(*prediction);
  } else if (flags.output == "csv") {
    std::cout << Csv(*prediction);
  } else {
    std::cout << Table(*prediction, flags.options.limit.has_value());
  }
  return 0;
}

}  // namespace

void AddPredictCommand(CLI::App& app, int* exit_status) {
  auto flags = std::make_shared<PredictFlags>();
  PredictOptions& options = flags->options;
  CLI::App* command =
      app.add_subcommand("predict", "Forecast one PromQL query now, without a daemon");
  const auto text = [command](const char* name, std::string& value, const char* help) {
    return command->add_option(name, value, help)->capture_default_str();
  };
  options.url = "http://localhost:9090";
  text("--url", options.url, "The Prometheus that answers the query");
  command->add_option("--query", options.query, "PromQL; every series of its answer is forecast")
      ->required();
  text("--horizon", flags->horizon, "How far to forecast");
  text("--step", flags->step, "Spacing of the values");
  text("--range", flags->range, "How much history to read");
  command->add_option("--quantiles", options.quantiles, "Levels between 0 and 1, with 0.5")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--limit", options.limit, "A value not to reach: shows the time until then");
  text("--output", flags->output, "table, csv or json")
      ->check(CLI::IsMember({"table", "csv", "json"}));
  text("--trainer.binary", options.trainer_binary,
       "The trainer to run; empty for auspex-trainer beside this program");
  command->add_flag("--no-train", flags->no_train, "Answer at once, from an untrained model");
  command->callback([flags, exit_status] { *exit_status = RunPredict(*flags); });
}

}  // namespace auspex
