#include "sidecar/backtest/report.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sidecar/backtest/measures.h"
#include "sidecar/base/table.h"
#include "sidecar/core/duration.h"

namespace auspex {
namespace {

using Json = nlohmann::ordered_json;
using model::ScoreSummary;

// JSON has no NaN.
Json NumberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json SummaryToJson(const ScoreSummary& summary) {
  Json json = {{"windows", summary.windows}};
  for (const Measure& measure : kMeasures) json[measure.key] = NumberOrNull(summary.*measure.field);
  json["point_only"] = summary.point_only;
  return json;
}

std::string TableOf(const std::vector<std::pair<std::string, const ScoreSummary*>>& lines) {
  std::vector<std::vector<std::string>> rows(1);
  rows[0] = {"method", "windows"};
  for (const Measure& measure : kMeasures) rows[0].emplace_back(measure.title);
  for (const auto& [name, summary] : lines) {
    rows.push_back({name, std::to_string(summary->windows)});
    for (const Measure& measure : kMeasures) {
      rows.back().push_back(FormatMeasure(measure, *summary));
    }
  }
  return FormatTable(rows);
}

std::string MetricTables(const BacktestReport& report) {
  std::string text;
  if (report.methods.empty() || report.methods[0].by_metric.size() < 2) return text;
  for (const auto& [metric, first] : report.methods[0].by_metric) {
    std::vector<std::pair<std::string, const ScoreSummary*>> lines;
    for (const MethodScores& method : report.methods) {
      const auto it = method.by_metric.find(metric);
      if (it != method.by_metric.end()) lines.emplace_back(method.method, &it->second);
    }
    absl::StrAppend(&text, "\n", metric, "\n", TableOf(lines));
  }
  return text;
}

}  // namespace

MethodScores SummarizeMethod(std::string method, const model::ScorePool& pool) {
  return {.method = std::move(method),
          .total = pool.Total(),
          .by_metric = pool.ByMetric(),
          .mase_by_quarter = pool.MaseByQuarter()};
}

std::string ReportTitle(const BacktestReport& report) {
  return absl::StrFormat(
      "%d series, %d origins, %s ahead in steps of %s, season of %d steps, seed %d", report.series,
      report.origins, FormatDuration(report.horizon_steps * report.step_ms),
      FormatDuration(report.step_ms), report.season_steps, report.seed);
}

std::string ReportText(const BacktestReport& report) {
  std::string text =
      absl::StrCat(report.name, " (", report.source, "): ", ReportTitle(report), "\n\n");
  std::vector<std::pair<std::string, const ScoreSummary*>> lines;
  bool point_only = false;
  for (const MethodScores& method : report.methods) {
    lines.emplace_back(method.method, &method.total);
    point_only |= method.total.point_only;
  }
  text += TableOf(lines);
  if (point_only) text += "* of the median alone: the method gives no interval\n";
  return text + MetricTables(report);
}

std::string ReportJson(const BacktestReport& report) {
  Json json = {{"name", report.name},
               {"source", report.source},
               {"step_seconds", report.step_ms / kSecond},
               {"horizon_steps", report.horizon_steps},
               {"season_steps", report.season_steps},
               {"series", report.series},
               {"origins", report.origins},
               {"seed", report.seed},
               {"methods", Json::array()}};
  for (const MethodScores& method : report.methods) {
    Json one = {{"method", method.method}, {"total", SummaryToJson(method.total)}};
    one["mase_by_quarter"] = Json::array();
    for (double mase : method.mase_by_quarter) one["mase_by_quarter"].push_back(NumberOrNull(mase));
    one["metrics"] = Json::object();
    for (const auto& [metric, summary] : method.by_metric) {
      one["metrics"][metric] = SummaryToJson(summary);
    }
    json["methods"].push_back(std::move(one));
  }
  // Labels are foreign bytes: what is no UTF-8 in them must not end in an exception.
  return json.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

}  // namespace auspex
