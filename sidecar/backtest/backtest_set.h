// The series and the manifest of a backtest, together.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/spec/model_spec.h"
#include "sidecar/backtest/manifest.h"
#include "sidecar/backtest/refit_plan.h"
#include "sidecar/backtest/series_csv.h"

namespace auspex {

struct BacktestSet {
  BacktestManifest manifest;
  // Of the scored metrics; sorted by metric and labels, as is `clean`.
  std::vector<CsvSeries> observed;
  // Of the manifest's covariates, sorted as well.
  std::vector<CsvSeries> covariates;
  // What to score against where that is not what was observed; else empty.
  std::vector<CsvSeries> clean;

  const std::vector<CsvSeries>& truth() const { return clean.empty() ? observed : clean; }
};

// Reads the files; the truth file too, when the manifest names one. Errors as of ReadManifest and
// ReadSeriesCsv; NotFound when no series has a scored metric, or none that of a covariate.
absl::StatusOr<BacktestSet> ReadBacktestSet(const std::string& csv_path,
                                            const std::string& manifest_path);

// The observed series in their order with their covariates, on a grid that each one's origins lie
// on; samples beside it are left out, and a covariate without a series of equal labels is missing.
// InvalidArgument when the origins of one series lie on no common grid, or it spans more than
// kHistoryStepsMax steps.
absl::StatusOr<std::vector<BacktestSeries>> SeriesOf(const BacktestSet& set);

// The spec of a rule with defaults, for the step, horizon, covariates and calendar of a manifest.
model::ModelSpec SpecOf(const BacktestManifest& manifest);

}  // namespace auspex
