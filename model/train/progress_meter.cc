#include "model/train/progress_meter.h"

#include <algorithm>
#include <cmath>

namespace auspex::model {

void ProgressMeter::Begin(std::string_view stage, double fraction_at_end, double units) {
  const std::lock_guard lock(mu_);
  stage_ = stage;
  stage_begin_ = stage_end_;
  stage_end_ = fraction_at_end;
  units_ = units;
  done_ = 0;
  loss_ = std::numeric_limits<double>::quiet_NaN();
  Report();
}

bool ProgressMeter::Advance(double loss) {
  {
    const std::lock_guard lock(mu_);
    done_ += 1;
    if (!std::isnan(loss)) loss_ = loss;
    Report();
  }
  return !options_.cancelled || !options_.cancelled();
}

bool ProgressMeter::Alive() {
  {
    const std::lock_guard lock(mu_);
    Report();
  }
  return !options_.cancelled || !options_.cancelled();
}

void ProgressMeter::Report() {
  if (!options_.progress) return;
  const double share = units_ > 0 ? std::min(1.0, done_ / units_) : 1;
  options_.progress({.stage = stage_,
                     .fraction = stage_begin_ + share * (stage_end_ - stage_begin_),
                     .loss = loss_});
}

}  // namespace auspex::model
