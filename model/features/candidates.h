// The naive forecasts that the decoder mixes.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "model/features/history_view.h"
#include "model/features/moving_means.h"
#include "model/features/season.h"
#include "model/spec/model_spec.h"

namespace auspex::model {

// What the candidates of all targets of one origin share.
struct OriginStatistics {
  double last;
  double mean_half_hour;
  double mean_hour;
  double mean_six_hours;
  double mean_day;
  double mean_days_before;  // the four days before the last one
  double profile;           // mean of the last four days at the origin's time of day
  double mean_week_ago;     // the day that ended a week before the origin
  double ratio;             // of mean_day to mean_days_before, where both are positive; else 1
  double slope;             // per step, from the last six hours to the last hour
  double drift;             // per step, from the six days before the last one to it
  double median_day;
  double median_week;
};

// Statistics of a view at its newest step.
OriginStatistics StatisticsOf(const HistoryView& view, const Season& season);

// Indices of the one that makes room for covariates where there are some, between the means of one
// and of four days, and of what is usual at a target's time of day.
inline constexpr int kCandidateAnnounced = 6;
inline constexpr int kCandidateSameTime = 7;

// Candidates of some targets of one origin, a row for each, in units of the series. The order is
// the weights' and never changes:
//   0 last; trailing means of 1 an hour, 2 six hours, 3 a day;
//   4 same time yesterday, 5 the same smoothed; means at this time over the last 6 two, 7 four,
//   8 seven days; 9 last week, 10 mean of the last three weeks;
//   11 (7) shifted by the change of the daily mean, 12 (7) shifted by the last half hour;
//   13 last with a damped trend; medians of 14 a day, 15 a week, 16 of seven days at this time;
//   17 (9) shifted by the change of the daily mean since then, 18 (7) scaled by the ratio of the
//   daily means, 19 (12) with the week's drift.
// Where covariates announce something, (6) makes room for that (covariate.h).
struct CandidateRows {
  static constexpr size_t kTargets = 32;  // at most

  double values[kCandidates][kTargets];
  bool week_ago_known[kTargets];  // whether "last week" is a value of last week and not a stand-in
};

// Fills `rows` for the targets k (at most CandidateRows::kTargets) steps after the view's newest
// step; beyond them its values are not specified. Reads nothing after the newest step. `smoothed`
// is of 2 * season.smoothing + 1 steps of this view, or of a later one that it is the past of.
void FillCandidates(const HistoryView& view, const MovingMeans& smoothed, const Season& season,
                    const OriginStatistics& statistics, std::span<const int> k,
                    CandidateRows* rows);

// Writes the first n targets' candidates as `z`, [n][kCandidates]: see ToZ().
void CandidatesToZ(const CandidateRows& rows, size_t n, double level, double scale, float* z);

// The candidates of one target, where moving means would not pay.
std::array<double, kCandidates> CandidatesAt(const HistoryView& view, const Season& season,
                                             const OriginStatistics& statistics, int k);

}  // namespace auspex::model
