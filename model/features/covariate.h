// What covariates tell of the values: how each stands against its own past, and the values that
// they announce together.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "model/features/candidates.h"
#include "model/features/history_view.h"
#include "model/features/moving_means.h"
#include "model/features/ridge.h"
#include "model/features/season.h"
#include "model/spec/network_io.h"

namespace auspex::model {

// What a window reads of a covariate: none without any value in the window.
using CovariateView = std::optional<HistoryView>;

// Features of a window, all from steps up to the view's newest:
//   mean of the last hour against that of the last week, day and six hours (its change), asinh, in
//     units of the covariate's own scale (ScaleOf);
//   share of the last seven days' steps that are missing;
//   1 when it is absent: without a value in the last hour. The first three are then 0.
// The window has `window_steps` steps; `scratch` is ScaleOf's.
std::array<float, kCovariateFeatures> CovariateFeatures(const CovariateView& covariate,
                                                        const Season& season, int window_steps,
                                                        std::vector<float>* scratch);

// A naive forecast from covariates: the values go on as they are, or as is usual at this time of
// day, plus the rise that followed when value and covariates stood as they do. Rises over four
// leads are regressed over the window on the covariates' means (the last hour; the rest of the last
// three hours, six hours, day) and on the value itself; in between are straight lines. So a rate
// that fills, a queue that is worked off hours later and a level that is followed are all read, in
// whatever unit.
class CovariateForecast {
 public:
  // From steps up to the newest, which is the same for all. Absent covariates are left out. Borrows
  // the series behind the views until the next call; does not allocate when it was as large before.
  void Learn(const HistoryView& values, std::span<const CovariateView> covariates,
             const Season& season, int horizon_steps);

  // Whether there is anything to go by: some covariate, and more than a few hours of it.
  bool known() const { return !covariates_.empty(); }

  static constexpr size_t kLeads = 4;
  // What is announced from one origin.
  struct Origin {
    // The forecast `k` steps later, with the statistics of that origin and what is usual at that
    // time of day (kCandidateSameTime). In units of the values, finite.
    double At(int k, const OriginStatistics& statistics, double same_time) const;
    // Puts that in its place among the candidates of targets k.
    void Fill(std::span<const int> k, const OriginStatistics& statistics,
              CandidateRows* rows) const;

    bool seasonal = false;
    std::array<int, kLeads> leads{};  // ascending; equal ones on short horizons
    std::array<double, kLeads> rises{};
  };
  // From the newest step of the window, or an earlier one as if it were that, with what was learned
  // from all. REQUIRES: known().
  Origin From(int origin) const;

 private:
  static constexpr size_t kMeans = 4;  // of a covariate
  static constexpr size_t kInputsMax = 1 + kMeans * kCovariatesMax;

  // The regressions of all leads.
  struct Fit {
    int usual_days = 0;  // whose mean is subtracted from all that is read, at the same time of day
    std::array<std::vector<double>, kLeads> coefficients;  // empty where nothing was learned
    std::array<double, kLeads> offsets{};
    double log_error = 0;  // summed over the leads
  };

  size_t inputs() const { return 1 + kMeans * covariates_.size(); }
  void FillInputs(int t, int usual_days, std::span<double> inputs) const;
  double RiseFrom(int t, int lead, int usual_days) const;
  void FitAll(int usual_days, Fit* fit);
  void FitLead(size_t i, int oldest, int stride, Fit* fit);

  std::optional<HistoryView> values_;
  std::vector<HistoryView> covariates_;                 // those that are there
  std::vector<std::array<MovingMeans, kMeans>> means_;  // of at least those; of edges_' stretches
  int day_ = 0;
  std::array<int, kMeans + 1> edges_{};  // of the means, in steps back
  int first_ = 0;                        // the earliest step with inputs, without usual days
  std::array<int, kLeads> leads_{};
  Fit fit_;
  Fit other_;
  std::vector<double> rows_;  // [steps, newest first][inputs]
  RidgeRegression regression_;
};

}  // namespace auspex::model
