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

// What the candidates of all targets of one origin share. A ratio is 1 where not both are positive,
// and never more than fourfold; without the past that it asks for, nothing has risen.
struct OriginStatistics {
  double last;
  double mean_half_hour;
  double mean_hour;
  double mean_six_hours;
  double mean_day;
  double profile;                 // mean of the last four days at the origin's time of day
  double day_rise;                // of mean_day over the mean of the day before
  double day_ratio;               // of mean_day to the mean of the four days before
  double week_ratio_of_day;       // of mean_day to its mean a week before
  double week_ratio_of_hour;      // of mean_hour to its mean a week before
  double week_rise_of_six_hours;  // of mean_six_hours over its mean a week before
  double slope;                   // per step, from the last six hours to the last hour
  double median_day;
  double median_week;
};

// Statistics of a view at its newest step.
OriginStatistics StatisticsOf(const HistoryView& view, const Season& season);

// Indices of what is usual at a target's time of day, and of the one that makes room for covariates
// where there are some.
inline constexpr int kCandidateSameTime = 7;
inline constexpr int kCandidateAnnounced = 10;

// Candidates of some targets of one origin, a row for each, in units of the series. The list is
// the weights' too: whoever changes it raises kFeaturesVersion.
//   0 last; trailing means of 1 an hour, 2 six hours, 3 a day;
//   yesterday: 4 as it was, 5 smoothed, 6 (5) with the last day's rise for each day ahead;
//   7 mean of the last four days at this time;
//   last week: 8 (9) scaled by the ratio of the last hour to that hour, 9 smoothed, 10 the mean of
//     three weeks, 11 (9) with the rise of the last six hours since then;
//   12 (16) shifted to the last half hour; 13 last with a damped trend;
//   medians of 14 a day, 15 a week, 16 the last seven days at this time;
//   17 (9) scaled by the ratio of the last day to that day;
//   18 (7) scaled by the ratio of the last day to the four before;
//   19 mean of the last seven days at this time.
// Where last week is not known, (6) stands in for it. Where covariates announce something, (10)
// makes room for that (covariate.h).
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
