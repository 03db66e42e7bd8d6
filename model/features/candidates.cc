#include "model/features/candidates.h"

#include <algorithm>
#include <cmath>

#include "model/features/window_scale.h"

// Arrays of vectors, which vectors of unknown size do not allow.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/features/candidates.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
// clang-format on

#ifndef AUSPEX_MODEL_FEATURES_CANDIDATES_ONCE
#define AUSPEX_MODEL_FEATURES_CANDIDATES_ONCE
namespace auspex::model {

inline constexpr size_t kDays = 7;
inline constexpr size_t kTargets = CandidateRows::kTargets;

// What is read of the history for each target; NaN where it is not known.
struct TargetHistory {
  double days[kDays][kTargets];  // means around its time of day, the newest first
  double yesterday[kTargets];    // the value itself; the last one where it is not known
  double weeks[3][kTargets];     // means around its time of the week, the newest first
  double k[kTargets];
};

}  // namespace auspex::model
#endif  // AUSPEX_MODEL_FEATURES_CANDIDATES_ONCE

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::CappedTag<double, kTargets>;
using Vector = hn::Vec<Doubles>;

HWY_INLINE Vector All(double value) { return hn::Set(Doubles(), value); }

// The value, or the other where it is NaN.
HWY_INLINE Vector Known(Vector value, Vector otherwise) {
  return hn::IfThenElse(hn::IsNaN(value), otherwise, value);
}

// By a network of 13 exchanges, after which the middle one is in its place.
HWY_INLINE Vector MedianOfSeven(const Vector (&values)[kDays]) {
  Vector v[kDays];
  for (size_t i = 0; i < kDays; ++i) v[i] = values[i];
  const auto sort = [&v](size_t a, size_t b) HWY_ATTR {
    const Vector low = hn::Min(v[a], v[b]);
    v[b] = hn::Max(v[a], v[b]);
    v[a] = low;
  };
  sort(0, 5), sort(0, 3), sort(1, 6), sort(2, 4), sort(0, 1), sort(3, 5), sort(2, 6);
  sort(2, 3), sort(3, 6), sort(4, 5), sort(1, 4), sort(1, 3), sort(3, 4);
  return v[3];
}

// The last seven days at the targets' times of day.
struct SameTimeDays {
  Vector four, seven;  // means over the days that are known; `last` when none is
  Vector median;       // unknown days count as the mean
};

HWY_INLINE SameTimeDays ReadDays(const TargetHistory& history, size_t t, Vector last) {
  SameTimeDays result;
  Vector days[kDays];
  Vector sum = All(0);
  Vector known = All(0);
  const auto mean = [&]() HWY_ATTR {
    return hn::IfThenElse(hn::Eq(known, All(0)), last, hn::Div(sum, known));
  };
  for (size_t d = 0; d < kDays; ++d) {
    days[d] = hn::LoadU(Doubles(), &history.days[d][t]);
    const auto unknown = hn::IsNaN(days[d]);
    sum = hn::Add(sum, hn::IfThenElse(unknown, All(0), days[d]));
    known = hn::Add(known, hn::IfThenElse(unknown, All(0), All(1)));
    if (d == 3) result.four = mean();
  }
  result.seven = mean();
  for (Vector& day : days) day = Known(day, result.seven);
  result.median = MedianOfSeven(days);
  return result;
}

void FillOneVector(const TargetHistory& history, const OriginStatistics& s, double day, size_t t,
                   CandidateRows* rows) {
  const auto read = [t](const double* row) HWY_ATTR { return hn::LoadU(Doubles(), row + t); };
  const auto scaled = [](Vector value, double ratio)
                          HWY_ATTR { return hn::Mul(value, All(ratio)); };
  const Vector last = All(s.last);
  const SameTimeDays days = ReadDays(history, t, last);
  const Vector k = read(history.k);
  const Vector days_ahead = hn::Ceil(hn::Div(k, All(day)));
  const Vector yesterday = Known(read(history.days[0]), last);
  const Vector rising = hn::MulAdd(All(s.day_rise), days_ahead, yesterday);
  const Vector week = Known(read(history.weeks[0]), rising);
  const Vector two_weeks = Known(read(history.weeks[1]), week);
  const Vector three_weeks = Known(read(history.weeks[2]), week);

  size_t next = 0;
  const auto add = [&](Vector value)
                       HWY_ATTR { hn::StoreU(value, Doubles(), &rows->values[next++][t]); };
  add(last);
  add(All(s.mean_hour));
  add(All(s.mean_six_hours));
  add(All(s.mean_day));
  add(read(history.yesterday));
  add(yesterday);
  add(rising);
  add(days.four);
  add(scaled(week, s.week_ratio_of_hour));
  add(week);
  add(scaled(hn::Add(hn::Add(week, two_weeks), three_weeks), 1.0 / 3));
  add(hn::Add(week, All(s.week_rise_of_six_hours)));
  add(hn::Add(days.median, All(s.mean_half_hour - s.profile)));
  add(hn::MulAdd(All(s.slope), hn::Min(k, All(std::floor(day / 2))), last));
  add(All(s.median_day));
  add(All(s.median_week));
  add(days.median);
  add(scaled(week, s.week_ratio_of_day));
  add(scaled(days.four, s.day_ratio));
  add(days.seven);
  for (size_t i = t; i < t + hn::Lanes(Doubles()); ++i) {
    rows->week_ago_known[i] = !std::isnan(history.weeks[0][i]);
  }
}

void FillRows(const TargetHistory& history, const OriginStatistics& statistics, double day,
              size_t n, CandidateRows* rows) {
  for (size_t t = 0; t < n; t += hn::Lanes(Doubles())) {
    FillOneVector(history, statistics, day, t, rows);
  }
}

// Four rows of kTargets become four neighbouring values of each of n targets, kCandidates apart.
void InterleaveRows(const float* rows, size_t n, float* z) {
  const hn::CappedTag<float, 4> d;
  HWY_ALIGN float targets[4][4];
  for (size_t t = 0; t < n; t += hn::Lanes(d)) {
    const auto row = [&](size_t i) HWY_ATTR { return hn::LoadU(d, rows + i * kTargets + t); };
    hn::StoreInterleaved4(row(0), row(1), row(2), row(3), d, targets[0]);
    for (size_t i = 0; i < std::min(n - t, hn::Lanes(d)); ++i) {
      std::copy_n(targets[i], 4, z + (t + i) * kCandidates);
    }
  }
}

void ToZRows(const CandidateRows& rows, size_t n, double level, double scale, float* z) {
  static_assert(kCandidates % 4 == 0);
  const Doubles d;
  const hn::Rebind<float, Doubles> df;
  const Vector centre = All(level);
  const Vector factor = All(1 / scale);
  HWY_ALIGN float floats[kCandidates][kTargets];
  for (size_t row = 0; row < kCandidates; ++row) {
    for (size_t t = 0; t < n; t += hn::Lanes(d)) {
      const Vector value = hn::Mul(hn::Sub(hn::LoadU(d, &rows.values[row][t]), centre), factor);
      const Vector guarded = hn::Min(hn::Max(value, All(-kZMax)), All(kZMax));
      hn::StoreU(hn::DemoteTo(df, guarded), df, &floats[row][t]);
    }
  }
  for (size_t row = 0; row < kCandidates; row += 4) {
    InterleaveRows(floats[row], n, z + row);
  }
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {
namespace {

HWY_EXPORT(FillRows);
HWY_EXPORT(ToZRows);

constexpr int kProfileDays = 4;
constexpr double kRatioMax = 4;

double OrElse(double value, double otherwise) { return std::isnan(value) ? otherwise : value; }

double Ratio(double now, double then) {
  return now > 0 && then > 0 ? std::clamp(now / then, 1 / kRatioMax, kRatioMax) : 1;
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

// How many whole periods cover k steps, the usual one without a division.
int PeriodsAhead(int k, int period) { return k <= period ? 1 : (k + period - 1) / period; }

// How far from the newest step the target k steps ahead was, whole periods ago.
int StepsFromNewest(int k, int period) { return k - period * PeriodsAhead(k, period); }

// How many targets from the first on follow each other within a day, so that what is read of the
// history for them does too.
size_t RunLength(std::span<const int> k, const Season& season) {
  const int day_end = season.day * PeriodsAhead(k[0], season.day);
  size_t run = 1;
  while (run < k.size() && k[run] == k[run - 1] + 1 && k[run] <= day_end) ++run;
  return run;
}

// `smooth(centre, out)` answers HistoryView::Smooth, with the season's smoothing, of the steps from
// `centre` on.
template <typename Smooth>
void FillFrom(const HistoryView& view, const Season& season, const OriginStatistics& statistics,
              std::span<const int> k, const Smooth& smooth, CandidateRows* rows) {
  TargetHistory history{};
  size_t run = 0;
  for (size_t t = 0; t < k.size(); t += run) {
    run = RunLength(k.subspan(t), season);
    const int yesterday = view.last() + StepsFromNewest(k[t], season.day);
    const int week_ago = view.last() + StepsFromNewest(k[t], season.week);
    for (size_t d = 0; d < kDays; ++d) {
      smooth(yesterday - static_cast<int>(d) * season.day, std::span(&history.days[d][t], run));
    }
    for (size_t w = 0; w < 3; ++w) {
      smooth(week_ago - static_cast<int>(w) * season.week, std::span(&history.weeks[w][t], run));
    }
    for (size_t i = 0; i < run; ++i) {
      const int step = yesterday + static_cast<int>(i);
      history.yesterday[t + i] = view.Has(step) ? view.At(step) : statistics.last;
      history.k[t + i] = k[t + i];
    }
  }
  HWY_DYNAMIC_DISPATCH(FillRows)(history, statistics, season.day, k.size(), rows);
}

}  // namespace

OriginStatistics StatisticsOf(const HistoryView& view, const Season& season) {
  OriginStatistics s{};
  const int end = view.last() + 1;
  // The mean of the `steps` that end `ago` before the origin's, of those that are known; `now`
  // where none is.
  const auto before = [&](int ago, int steps, double now) {
    return OrElse(view.Mean(end - ago - steps, end - ago), now);
  };
  s.last = view.At(view.last());
  s.mean_half_hour = view.MeanOfNewest(season.half_hour);
  s.mean_hour = view.MeanOfNewest(season.hour);
  s.mean_six_hours = view.MeanOfNewest(season.six_hours);
  s.mean_day = view.MeanOfNewest(season.day);
  s.profile = ProfileAtOrigin(view, season, s.last);
  s.day_rise = s.mean_day - before(season.day, season.day, s.mean_day);
  s.day_ratio = Ratio(s.mean_day, before(season.day, 4 * season.day, s.mean_day));
  s.week_ratio_of_day = Ratio(s.mean_day, before(season.week, season.day, s.mean_day));
  s.week_ratio_of_hour = Ratio(s.mean_hour, before(season.week, season.hour, s.mean_hour));
  s.week_rise_of_six_hours =
      s.mean_six_hours - before(season.week, season.six_hours, s.mean_six_hours);
  const double centre_distance = (season.six_hours - season.hour) / 2.0;
  s.slope = (s.mean_hour - s.mean_six_hours) / std::max(1.0, centre_distance);
  s.median_day = view.MedianOfNewest(season.day);
  s.median_week = view.MedianOfNewest(season.week);
  return s;
}

void FillCandidates(const HistoryView& view, const MovingMeans& smoothed, const Season& season,
                    const OriginStatistics& statistics, std::span<const int> k,
                    CandidateRows* rows) {
  const auto smooth = [&](int centre, std::span<double> out) {
    smoothed.UntilEach(centre + season.smoothing + 1, view.last() + 1, out);
  };
  FillFrom(view, season, statistics, k, smooth, rows);
}

void CandidatesToZ(const CandidateRows& rows, size_t n, double level, double scale, float* z) {
  HWY_DYNAMIC_DISPATCH(ToZRows)(rows, n, level, scale, z);
}

std::array<double, kCandidates> CandidatesAt(const HistoryView& view, const Season& season,
                                             const OriginStatistics& statistics, int k) {
  const auto smooth = [&](int centre, std::span<double> out) {
    out[0] = view.Smooth(centre, season.smoothing);
  };
  CandidateRows rows;
  FillFrom(view, season, statistics, std::span(&k, 1), smooth, &rows);
  std::array<double, kCandidates> candidates{};
  for (size_t j = 0; j < kCandidates; ++j) candidates[j] = rows.values[j][0];
  return candidates;
}

}  // namespace auspex::model
#endif  // HWY_ONCE
