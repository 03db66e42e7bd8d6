#include "model/features/candidates.h"

#include <algorithm>
#include <cmath>

#include "model/features/median.h"

namespace auspex::model {
namespace {

constexpr int kDays = 7;
constexpr int kProfileDays = 4;
constexpr double kRatioMax = 4;

double Or(double value, double otherwise) { return std::isnan(value) ? otherwise : value; }

// The last seven days at a target's time of day; index d: days 0..d.
struct SameTimeDays {
  std::array<double, kDays> means;  // over the days that are known; the last value when none is
  double yesterday;                 // smoothed; the last value when unknown
  double median;                    // unknown days count as the mean
};

SameTimeDays ReadDays(const HistoryView& view, const Season& season, int newest, double last) {
  SameTimeDays result{};
  std::array<double, kDays> days{};
  double sum = 0;
  int known = 0;
  for (int d = 0; d < kDays; ++d) {
    const double value = view.Smooth(newest - d * season.day, season.smoothing);
    days[static_cast<size_t>(d)] = value;
    if (!std::isnan(value)) {
      sum += value;
      ++known;
    }
    result.means[static_cast<size_t>(d)] = known > 0 ? sum / known : last;
  }
  result.yesterday = Or(days[0], last);
  for (double& day : days) day = Or(day, result.means[kDays - 1]);
  result.median = MedianOfSeven(days);
  return result;
}

// Mean of the last days at the origin's own time of day.
double ProfileAtOrigin(const HistoryView& view, const Season& season, double last) {
  double sum = 0;
  int known = 0;
  for (int d = 1; d <= kProfileDays; ++d) {
    const double value = view.Smooth(view.last() - d * season.day, season.smoothing);
    if (std::isnan(value)) continue;
    sum += value;
    ++known;
  }
  return known > 0 ? sum / known : last;
}

}  // namespace

OriginStatistics StatisticsOf(const HistoryView& view, const Season& season) {
  OriginStatistics s{};
  s.last = view.At(view.last());
  s.mean_half_hour = view.MeanOfNewest(season.half_hour);
  s.mean_hour = view.MeanOfNewest(season.hour);
  s.mean_six_hours = view.MeanOfNewest(season.six_hours);
  s.mean_day = view.MeanOfNewest(season.day);
  const int day_ago = view.last() - season.day + 1;
  s.mean_days_before = Or(view.Mean(day_ago - 4 * season.day, day_ago), s.mean_day);
  s.profile = ProfileAtOrigin(view, season, s.last);
  const int week_ago = day_ago - season.week;
  s.mean_week_ago = Or(view.Mean(week_ago, week_ago + season.day), s.mean_day);
  const bool positive = s.mean_day > 0 && s.mean_days_before > 0;
  s.ratio = positive ? std::clamp(s.mean_day / s.mean_days_before, 1 / kRatioMax, kRatioMax) : 1;
  const double six_days = Or(view.Mean(day_ago - 6 * season.day, day_ago), s.mean_day);
  s.drift = (s.mean_day - six_days) / (3.5 * season.day);
  const double centre_distance = (season.six_hours - season.hour) / 2.0;
  s.slope = (s.mean_hour - s.mean_six_hours) / std::max(1.0, centre_distance);
  s.median_day = view.MedianOfNewest(season.day);
  s.median_week = view.MedianOfNewest(season.week);
  return s;
}

Candidates CandidatesAt(const HistoryView& view, const Season& season, const OriginStatistics& s,
                        int k) {
  const int days_ahead = (k + season.day - 1) / season.day;
  const int yesterday = view.last() + k - season.day * days_ahead;
  const SameTimeDays days = ReadDays(view, season, yesterday, s.last);

  const int weeks_ahead = (k + season.week - 1) / season.week;
  const int week_ago = view.last() + k - season.week * weeks_ahead;
  const double week_value = view.Smooth(week_ago, season.smoothing);
  const double week = Or(week_value, days.means[6]);
  const double two_weeks = Or(view.Smooth(week_ago - season.week, season.smoothing), week);
  const double three_weeks = Or(view.Smooth(week_ago - 2 * season.week, season.smoothing), week);

  const double same_time = days.means[3];
  return {.values = {s.last,
                     s.mean_hour,
                     s.mean_six_hours,
                     s.mean_day,
                     view.Has(yesterday) ? view.At(yesterday) : s.last,
                     days.yesterday,
                     days.means[1],
                     same_time,
                     days.means[6],
                     week,
                     (week + two_weeks + three_weeks) / 3,
                     same_time + (s.mean_day - s.mean_days_before),
                     same_time + (s.mean_half_hour - s.profile),
                     s.last + s.slope * std::min(k, season.day / 2),
                     s.median_day,
                     s.median_week,
                     days.median,
                     week + (s.mean_day - s.mean_week_ago),
                     same_time * s.ratio,
                     same_time + (s.mean_half_hour - s.profile) + s.drift * k},
          .week_ago_known = !std::isnan(week_value)};
}

}  // namespace auspex::model
