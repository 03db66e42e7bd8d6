// How far a new value lies from what was to be expected of it, in units of what is normal for its
// series. One pass, forwards, reading the past only. docs/accuracy.md has the evidence.
#pragma once

#include <array>
#include <deque>

#include "model/features/features.h"
#include "model/features/season.h"
#include "model/spec/model_spec.h"

namespace auspex::model {

// The scorer of one series, in about 1 KB. A value is expected to be what the naive forecasts of it
// (features/candidates.h) say, each weighted by its own errors of about the last day; what is
// normal is the largest error of the last week. Not thread-safe.
class AnomalyScorer {
 public:
  // Of `spec` it uses the step and the context: forecasts read no more than that. REQUIRES:
  // spec.Validate() is OK.
  explicit AnomalyScorer(const ModelSpec& spec);

  // Step `i` has closed: learns how wrong the forecasts of it were, and forecasts step i + 1. Reads
  // `series` up to `i`. REQUIRES: called for every step of the series in turn, missing ones too.
  void Close(const SeriesIndex& series, int i);

  // The score of a value at the step after the newest closed one: 0 = as forecast, 1 = as far off
  // as the worst of the last week, more = anomalous; at most 1000. 0 as long as errors of less than
  // a day (and less than 48) are known. The first error after a week of silence scores 0, too.
  double Score(float value) const;

 private:
  struct Error {
    int step;
    double size;
  };

  void Learn(int i, float value);
  void Forecast(const SeriesIndex& series, int i);

  const Season season_;
  const int context_steps_;
  const double forgetting_;  // share of a candidate's newest error in its mean error
  bool forecast_known_ = false;
  std::array<double, kCandidates> candidates_{};  // of the step to come
  std::array<double, kCandidates> errors_{};      // mean absolute ones, the newest count most
  double forecast_ = 0;                           // the candidates, weighted
  int learned_ = 0;                               // values that were compared with a forecast
  // The largest error of the last week, and after each the largest since: sizes fall.
  std::deque<Error> worst_;
};

}  // namespace auspex::model
