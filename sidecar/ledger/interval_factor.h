// How much wider or narrower than the model says an interval must be.
#pragma once

namespace auspex {

// A factor on the distance of the quantiles from the median. It follows a quantile of the scores
// |truth - median| / |quantile - median| online, by the step of stochastic quantile regression (the
// quantile tracker of Angelopoulos, Candes and Tibshirani 2023, of which adaptive conformal
// inference, Gibbs and Candes 2021, is the form in levels): wider after a miss, a little narrower
// after a hit, so that over any long run the share of misses is the nominal one whatever the data
// do. In logarithms, because widths are ratios. A plain value.
class IntervalFactor {
 public:
  // `missed` of the truths (a share) lay outside the interval with the present factor, where
  // `nominal` should; the whole counts as `weight` (0..1] independent observations.
  void Update(double missed, double nominal, double weight);

  double factor() const;

 private:
  float log_factor_ = 0;
};

}  // namespace auspex
