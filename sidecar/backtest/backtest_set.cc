#include "sidecar/backtest/backtest_set.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iterator>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/backtest/windows.h"
#include "sidecar/core/rule.h"

namespace auspex {
namespace {

constexpr int kContextStepsMax = 1'000'000;  // of a ModelSpec

void KeepScored(const BacktestManifest& manifest, std::vector<CsvSeries>* series) {
  std::erase_if(*series, [&](const CsvSeries& one) { return !manifest.IsScored(one.metric); });
}

// What the manifest calls covariates.
absl::StatusOr<std::vector<CsvSeries>> CovariatesOf(const BacktestManifest& manifest,
                                                    const std::vector<CsvSeries>& series) {
  std::vector<CsvSeries> result;
  for (const std::string& metric : manifest.covariates) {
    const auto is_of = [&](const CsvSeries& one) { return one.metric == metric; };
    if (std::none_of(series.begin(), series.end(), is_of)) {
      return absl::NotFoundError(absl::StrCat("no series is of the covariate ", metric));
    }
  }
  std::copy_if(series.begin(), series.end(), std::back_inserter(result), [&](const CsvSeries& one) {
    const auto& names = manifest.covariates;
    return std::find(names.begin(), names.end(), one.metric) != names.end();
  });
  return result;
}

// The covariates that belong to `series` at the steps of `one`, one after the other.
std::vector<float> JoinCovariates(const BacktestSet& set, const CsvSeries& series,
                                  const BacktestSeries& one) {
  const auto key = [](const CsvSeries& of) { return std::tie(of.metric, of.labels); };
  std::vector<float> joined;
  for (const std::string& metric : set.manifest.covariates) {
    const auto wanted = std::tie(metric, series.labels);
    const auto found = std::ranges::lower_bound(set.covariates, wanted, std::less<>(), key);
    const bool exists = found != set.covariates.end() && key(*found) == wanted;
    const auto values = GridValues(exists ? *found : CsvSeries(), one.first_ms,
                                   set.manifest.step_ms, one.values.size());
    joined.insert(joined.end(), values.begin(), values.end());
  }
  return joined;
}

absl::Status CheckOrigins(const BacktestManifest& manifest, const CsvSeries& series) {
  const std::vector<TimestampMs>& origins = manifest.OriginsOf(series.labels);
  const std::vector<TimestampMs>& alerts = manifest.alert_origins_ms;
  const TimestampMs anchor_ms = origins.empty() ? 0 : origins.front();
  const auto off_grid = [&](TimestampMs t) { return (t - anchor_ms) % manifest.step_ms != 0; };
  auto bad = std::find_if(origins.begin(), origins.end(), off_grid);
  if (bad == origins.end()) {
    bad = std::find_if(alerts.begin(), alerts.end(), off_grid);
    if (bad == alerts.end()) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the origin ", *bad, " of ", series.metric, "{", series.labels,
                   "} is not a multiple of step_seconds from the origin ", anchor_ms));
}

}  // namespace

absl::StatusOr<BacktestSet> ReadBacktestSet(const std::string& csv_path,
                                            const std::string& manifest_path) {
  auto manifest = ReadManifest(manifest_path);
  if (!manifest.ok()) return manifest.status();
  auto observed = ReadSeriesCsv(csv_path);
  if (!observed.ok()) return observed.status();
  auto covariates = CovariatesOf(*manifest, *observed);
  if (!covariates.ok()) {
    return absl::NotFoundError(
        absl::StrCat(csv_path, ": ", std::string(covariates.status().message())));
  }
  BacktestSet set{.manifest = *std::move(manifest),
                  .observed = *std::move(observed),
                  .covariates = *std::move(covariates),
                  .clean = {}};
  KeepScored(set.manifest, &set.observed);
  if (set.observed.empty()) {
    return absl::NotFoundError(
        absl::StrCat(csv_path, ": no series has a metric that ", manifest_path, " scores"));
  }
  if (set.manifest.truth_file.empty()) return set;
  const auto folder = std::filesystem::path(manifest_path).parent_path();
  auto clean = ReadSeriesCsv((folder / set.manifest.truth_file).string());
  if (!clean.ok()) return clean.status();
  set.clean = *std::move(clean);
  KeepScored(set.manifest, &set.clean);
  return set;
}

absl::StatusOr<std::vector<BacktestSeries>> SeriesOf(const BacktestSet& set) {
  const DurationMs step_ms = set.manifest.step_ms;
  std::vector<BacktestSeries> result;
  for (const CsvSeries& series : set.observed) {
    if (absl::Status s = CheckOrigins(set.manifest, series); !s.ok()) return s;
    BacktestSeries one{.origins_ms = set.manifest.OriginsOf(series.labels),
                       .extra_origins_ms = set.manifest.alert_origins_ms};
    const TimestampMs start_ms = series.timestamps_ms.front();
    const TimestampMs anchor_ms = one.origins_ms.empty() ? start_ms : one.origins_ms.front();
    const DurationMs phase = ((start_ms - anchor_ms) % step_ms + step_ms) % step_ms;
    one.first_ms = start_ms - phase;
    const auto count =
        static_cast<size_t>((series.timestamps_ms.back() - one.first_ms) / step_ms) + 1;
    if (count > kHistoryStepsMax) {
      return absl::InvalidArgumentError(absl::StrCat(series.metric, "{", series.labels, "} spans ",
                                                     count, " steps, more than ",
                                                     kHistoryStepsMax));
    }
    one.values = GridValues(series, one.first_ms, step_ms, count);
    one.covariates = JoinCovariates(set, series, one);
    result.push_back(std::move(one));
  }
  return result;
}

model::ModelSpec SpecOf(const BacktestManifest& manifest) {
  model::ModelSpec spec;
  spec.step_ms = manifest.step_ms;
  spec.horizon_steps =
      static_cast<int>(manifest.horizon_steps * (manifest.score_step_ms / manifest.step_ms));
  const ModelConfig defaults;
  spec.members = defaults.members;
  const DurationMs context = defaults.context_ms / manifest.step_ms;
  spec.context_steps = static_cast<int>(std::clamp<DurationMs>(context, 2, kContextStepsMax));
  spec.covariates = manifest.covariates;
  spec.special_days = manifest.special_days;
  return spec;
}

}  // namespace auspex
