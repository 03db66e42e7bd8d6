#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "sidecar/backtest/measures.h"
#include "sidecar/backtest/report.h"
#include "sidecar/backtest/svg.h"
#include "sidecar/base/table.h"
#include "sidecar/core/duration.h"

namespace auspex {
namespace {

// How many horizons of history an example shows.
constexpr size_t kHistoryHorizons = 2;
constexpr size_t kColours = 7;
constexpr double kCoverageTarget = 0.8;

constexpr char kStyle[] = R"(
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1c2024; --soft: #5f6973;
  --grid: #e2e6ea; --c0: #1f63d8; --c1: #c2620c; --c2: #0b8577; --c3: #8a3fd1; --c4: #c22f43;
  --c5: #66727f; --c6: #5b8a0e; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e6e9ec; --soft: #9aa5b0;
  --grid: #2c333a; --c0: #6ea3ff; --c1: #f0994e; --c2: #3cc4b2; --c3: #bf8cf5; --c4: #f0758a;
  --c5: #93a0ad; --c6: #9ccb4a; } }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--grid); }
th:first-child, td:first-child { text-align: left; }
tr.ours td { font-weight: 600; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); }
svg text.name { fill: var(--ink); }
svg line { stroke: var(--grid); } svg line.mark { stroke: var(--soft); stroke-dasharray: 3 3; }
svg path { fill: none; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
svg path.band { fill: var(--c0); stroke: none; opacity: .18; }
svg path.history, svg path.truth { stroke: var(--ink); stroke-width: 1.25; }
svg path.median { stroke: var(--c0); stroke-width: 2; }
.key { display: inline-block; margin-right: 1rem; color: var(--ink); font-size: .85rem; }
.key i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px;
  margin-right: .35rem; vertical-align: -.05rem; }
)";

std::string ColourRules() {
  std::string rules;
  for (size_t i = 0; i < kColours; ++i) {
    absl::StrAppend(&rules, absl::StrFormat("svg rect.c%d { fill: var(--c%d); } ", i, i),
                    absl::StrFormat("svg path.c%d { stroke: var(--c%d); } ", i, i),
                    absl::StrFormat(".key i.c%d { background: var(--c%d); }\n", i, i));
  }
  return rules;
}

std::string ColourOf(size_t method) { return absl::StrCat("c", method % kColours); }

// The end of an axis from zero on which most values can be told apart: one method that is far off
// must not flatten the others. Longer bars and lines are cut off there.
double AxisEnd(std::vector<double> values) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  if (values.empty()) return 1;
  std::sort(values.begin(), values.end());
  const double end = std::min(values.back(), 2.5 * values[values.size() / 2]);
  return end > 0 ? end : 1;
}

std::string Bars(const BacktestReport& report, const std::string& label, const Measure& measure,
                 double end, double mark) {
  constexpr double kRow = 26;
  constexpr double kLeft = 140;
  constexpr double kRight = 680;
  const double height = kRow * static_cast<double>(report.methods.size()) + 8;
  const Axis x{0, end, kLeft, kRight};
  std::string svg = SvgOpen(760, height, label);
  for (size_t i = 0; i < report.methods.size(); ++i) {
    const MethodScores& method = report.methods[i];
    const double value = method.total.*measure.field;
    const double y = kRow * static_cast<double>(i) + 4;
    svg += SvgText(kLeft - 10, y + 16, "end", "name", method.method);
    const std::string text = FormatScore(value);
    const double shown = std::isfinite(value) ? std::clamp(value, 0.0, end) : 0;
    svg += SvgRect(kLeft, y + 3, x(shown) - kLeft, kRow - 8, ColourOf(i),
                   absl::StrCat(method.method, " ", text));
    svg += SvgText(x(shown) + 6, y + 16, "start", "", value > end ? "\u2192 " + text : text);
  }
  if (mark < end) svg += SvgLine(x(mark), 2, x(mark), height - 2, "mark");
  return svg + "</svg>\n";
}

std::string Key(const BacktestReport& report) {
  std::string html = "<div>";
  for (size_t i = 0; i < report.methods.size(); ++i) {
    absl::StrAppend(&html, "<span class=\"key\"><i class=\"", ColourOf(i), "\"></i>",
                    EscapeHtml(report.methods[i].method), "</span>");
  }
  return html + "</div>\n";
}

std::string QuarterLines(const BacktestReport& report) {
  constexpr double kTop = 10;
  constexpr double kBottom = 210;
  std::vector<double> all;
  for (const MethodScores& method : report.methods) {
    all.insert(all.end(), method.mase_by_quarter.begin(), method.mase_by_quarter.end());
  }
  const Axis x{0, model::kHorizonQuarters - 1, 90, 700};
  const Axis y{0, AxisEnd(all), kBottom, kTop};
  std::string svg = SvgOpen(760, 240, "MASE by quarter of the horizon");
  absl::StrAppend(&svg, "<clipPath id=\"quarters\"><rect x=\"0\" y=\"", kTop,
                  "\" width=\"760\" height=\"", kBottom - kTop, "\"/></clipPath>\n");
  for (int tick = 0; tick <= 4; ++tick) {
    const double value = y.high * tick / 4;
    svg += SvgLine(70, y(value), 720, y(value), "");
    svg += SvgText(60, y(value) + 4, "end", "", FormatScore(value));
  }
  for (int q = 0; q < model::kHorizonQuarters; ++q) {
    const DurationMs until = report.horizon_steps * report.step_ms * (q + 1) / 4;
    svg += SvgText(x(q), 230, "middle", "", "until " + FormatDuration(until));
  }
  svg += "<g clip-path=\"url(#quarters)\">\n";
  for (size_t i = report.methods.size(); i > 0; --i) {  // ours on top
    const auto& quarters = report.methods[i - 1].mase_by_quarter;
    const std::vector<float> values(quarters.begin(), quarters.end());
    svg += SvgPath(LinePath(values, 0, x, y), ColourOf(i - 1));
  }
  return svg + "</g></svg>\n" + Key(report);
}

// A little above and below all that is drawn.
Axis ValueAxis(const ExampleWindow& window, std::span<const float> history, double bottom,
               double top) {
  double low = INFINITY;
  double high = -INFINITY;
  for (const std::span<const float> values :
       {history, std::span<const float>(window.truth), std::span<const float>(window.low),
        std::span<const float>(window.median), std::span<const float>(window.high)}) {
    for (float value : values) {
      if (!std::isfinite(value)) continue;
      low = std::min<double>(low, value);
      high = std::max<double>(high, value);
    }
  }
  if (!(low <= high)) return {0, 1, bottom, top};
  const double margin = high > low ? 0.05 * (high - low) : std::max(std::abs(high) * 0.1, 1.0);
  return {low - margin, high + margin, bottom, top};
}

std::string Example(const ExampleWindow& window) {
  constexpr double kTop = 8;
  constexpr double kBottom = 180;
  const size_t horizon = std::max(window.median.size(), window.truth.size());
  std::span<const float> history = window.history;
  history = history.last(std::min(history.size(), kHistoryHorizons * horizon));
  const auto past = static_cast<double>(history.size());
  // Step 0 is the origin.
  const Axis x{1 - past, static_cast<double>(horizon), 70, 750};
  const Axis y = ValueAxis(window, history, kBottom, kTop);
  const std::string at = absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixMillis(window.origin_ms),
                                          absl::UTCTimeZone());
  std::string svg = absl::StrCat("<p>", EscapeHtml(window.title), ", from ", at, " UTC</p>\n",
                                 SvgOpen(760, 210, window.title));
  for (int tick = 0; tick <= 2; ++tick) {
    const double value = y.low + (y.high - y.low) * tick / 2;
    svg += SvgLine(70, y(value), 750, y(value), "");
    svg += SvgText(62, y(value) + 4, "end", "", FormatSi(value));
  }
  svg += SvgLine(x(0), kTop, x(0), kBottom, "mark");
  const auto lead = [&](size_t steps) {
    return FormatDuration(static_cast<DurationMs>(steps) * window.step_ms);
  };
  svg += SvgText(70, 200, "start", "", "\u2212" + lead(std::max<size_t>(history.size(), 1) - 1));
  svg += SvgText(x(0), 200, "middle", "", "origin");
  svg += SvgText(750, 200, "end", "", "+" + lead(horizon));
  svg += SvgPath(BandPath(window.low, window.high, 1, x, y), "band");
  svg += SvgPath(LinePath(history, 1 - past, x, y), "history");
  svg += SvgPath(LinePath(window.truth, 1, x, y), "truth");
  svg += SvgPath(LinePath(window.median, 1, x, y), "median");
  return svg + "</svg>\n";
}

std::string Table(const BacktestReport& report) {
  std::string html = "<div class=\"wide\"><table><tr><th>method</th><th>windows</th>";
  for (const Measure& measure : kMeasures) absl::StrAppend(&html, "<th>", measure.title, "</th>");
  html += "</tr>\n";
  for (size_t i = 0; i < report.methods.size(); ++i) {
    const MethodScores& method = report.methods[i];
    absl::StrAppend(&html, i == 0 ? "<tr class=\"ours\"><td>" : "<tr><td>",
                    EscapeHtml(method.method), "</td><td>", method.total.windows, "</td>");
    for (const Measure& measure : kMeasures) {
      absl::StrAppend(&html, "<td>", FormatMeasure(measure, method.total), "</td>");
    }
    html += "</tr>\n";
  }
  return html + "</table></div>\n<p>* of the median alone: the method gives no interval</p>\n";
}

std::string MaseBars(const BacktestReport& report) {
  std::vector<double> mase;
  for (const MethodScores& method : report.methods) mase.push_back(method.total.mase);
  return Bars(report, "MASE by method", kMeasures[0], AxisEnd(mase), INFINITY);
}

std::string CoverageBars(const BacktestReport& report) {
  BacktestReport with_interval;
  for (const MethodScores& method : report.methods) {
    if (!method.total.point_only) with_interval.methods.push_back(method);
  }
  if (with_interval.methods.empty()) return "<p>No method gives an interval.</p>\n";
  const auto coverage = std::find_if(
      kMeasures.begin(), kMeasures.end(),
      [](const Measure& measure) { return measure.field == &model::ScoreSummary::coverage; });
  return Bars(with_interval, "coverage of the 80 % interval", *coverage, 1, kCoverageTarget);
}

}  // namespace

std::string ReportHtml(const BacktestReport& report) {
  std::string html = absl::StrCat(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Backtest "
      "of ",
      EscapeHtml(report.name), "</title>\n<style>", kStyle, ColourRules(),
      "</style></head><body>\n");
  absl::StrAppend(&html, "<h1>Backtest of ", EscapeHtml(report.name), "</h1>\n<p>",
                  EscapeHtml(report.source), "</p>\n<p>", ReportTitle(report), "</p>\n");
  absl::StrAppend(&html, "<h2>Error by method (MASE, less is better)</h2>\n", MaseBars(report),
                  "<h2>Error by lead time (MASE by quarter of the horizon)</h2>\n",
                  QuarterLines(report), "<h2>Truths inside the 80 % interval (0.8 is right)</h2>\n",
                  CoverageBars(report), "<h2>All measures</h2>\n", Table(report));
  if (!report.examples.empty()) {
    absl::StrAppend(&html, "<h2>Examples (blue: forecast and its 80 % interval)</h2>\n");
    for (const ExampleWindow& window : report.examples) html += Example(window);
  }
  return html + "</body></html>\n";
}

}  // namespace auspex
