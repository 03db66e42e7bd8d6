#include "model/features/covariate.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "model/features/window_scale.h"

namespace auspex::model {
namespace {

// Leads of the regressions, as shares of the horizon.
constexpr std::array<double, CovariateForecast::kLeads> kLeadShares = {1.0 / 24, 1.0 / 8, 1.0 / 2,
                                                                       1.0};
// Days that say what is usual at a time of day; fewer where they would leave less than half of the
// window to learn from.
constexpr int kUsualDaysMax = 4;
// Rows of a regression: from twice as many on every second is taken, and so on. More of them
// overlap, and tell little more.
constexpr int kRowsEnough = 256;
constexpr int kRowsMin = 8;
constexpr double kErrorMin = 1e-300;  // so that what is fitted exactly has a logarithm

bool IsAbsent(const CovariateView& covariate, const Season& season) {
  if (!covariate) return true;
  const int end = covariate->last() + 1;
  return covariate->ObservedCount(end - season.hour, end) == 0;
}

}  // namespace

std::array<float, kCovariateFeatures> CovariateFeatures(const CovariateView& covariate,
                                                        const Season& season, int window_steps,
                                                        std::vector<float>* scratch) {
  if (!covariate) return {0, 0, 0, 1, 1};
  std::array<float, kCovariateFeatures> features{};
  const HistoryView& view = *covariate;
  const int week = std::min(season.week, window_steps);
  const int observed = view.ObservedCount(view.last() + 1 - week, view.last() + 1);
  features[3] = 1 - static_cast<float>(observed) / static_cast<float>(week);
  if (IsAbsent(covariate, season)) {
    features[4] = 1;
    return features;
  }
  const double hour = view.MeanOfNewest(season.hour);
  const double scale = ScaleOf(view, season, scratch).scale;
  const std::array<int, 3> spans = {season.week, season.day, season.six_hours};
  std::transform(spans.begin(), spans.end(), features.begin(), [&](int span) {
    return static_cast<float>(std::asinh(ToZ(hour, view.MeanOfNewest(span), scale)));
  });
  return features;
}

// How the value and the covariates stand at step `t`, less how they usually do at that time.
void CovariateForecast::FillInputs(int t, int usual_days, std::span<double> inputs) const {
  const auto unusual = [&](const auto& of) {
    double usual = 0;
    for (int d = 1; d <= usual_days; ++d) usual += of(t - d * day_) / usual_days;
    return of(t) - usual;
  };
  size_t next = 0;
  inputs[next++] = unusual([&](int i) { return values_->At(i); });
  for (size_t c = 0; c < covariates_.size(); ++c) {
    for (size_t e = 0; e < kMeans; ++e) {
      inputs[next++] = unusual([&](int i) { return means_[c][e].Until(i + 1 - edges_[e]); });
    }
  }
}

// Less the usual rise at that time.
double CovariateForecast::RiseFrom(int t, int lead, int usual_days) const {
  const auto rise = [&](int from) { return values_->At(from + lead) - values_->At(from); };
  double usual = 0;
  for (int d = 1; d <= usual_days; ++d) usual += rise(t - d * day_) / usual_days;
  return rise(t) - usual;
}

void CovariateForecast::FitAll(int usual_days, Fit* fit) {
  fit->usual_days = usual_days;
  fit->log_error = 0;
  const int last = values_->last();
  const int oldest = first_ + usual_days * day_;
  const int stride = std::max(1, (last - oldest) / kRowsEnough);
  const int rows = (last - oldest) / stride;
  rows_.resize(static_cast<size_t>(rows) * inputs());
  for (int row = 0; row < rows; ++row) {
    FillInputs(last - (row + 1) * stride, usual_days,
               std::span(rows_).subspan(static_cast<size_t>(row) * inputs(), inputs()));
  }
  for (size_t i = 0; i < kLeads; ++i) FitLead(i, oldest, stride, fit);
}

void CovariateForecast::FitLead(size_t i, int oldest, int stride, Fit* fit) {
  const int last = values_->last();
  const int lead = leads_[i];
  fit->coefficients[i].clear();
  regression_.Reset(inputs());
  for (size_t row = 0; row < rows_.size() / inputs(); ++row) {
    const int t = last - static_cast<int>(row + 1) * stride;
    if (t + lead > last || !values_->Observed(t + lead)) continue;
    regression_.Add(std::span(rows_).subspan(row * inputs(), inputs()),
                    RiseFrom(t, lead, fit->usual_days));
  }
  if (regression_.rows() < kRowsMin) return;
  // Rises that overlap say the same: the fewer there are beside each other, the less they count.
  const double independent = 1 + static_cast<double>(last - lead - oldest) / lead;
  const double penalty = static_cast<double>(inputs()) / independent;
  const double error = regression_.Solve(penalty, &fit->coefficients[i], &fit->offsets[i]);
  fit->log_error += std::log(error + kErrorMin);
}

void CovariateForecast::Learn(const HistoryView& values, std::span<const CovariateView> covariates,
                              const Season& season, int horizon_steps) {
  values_ = values;
  day_ = season.day;
  edges_ = {0, std::max(1, day_ / 24), std::max(2, day_ / 8), std::max(3, day_ / 4),
            std::max(4, day_)};
  first_ = values.first();
  covariates_.clear();
  for (const CovariateView& covariate : covariates) {
    if (IsAbsent(covariate, season)) continue;
    covariates_.push_back(*covariate);
    first_ = std::max(first_, covariate->first() + edges_[kMeans - 1]);
  }
  if (first_ >= values.last()) covariates_.clear();
  if (!known()) return;
  means_.resize(std::max(means_.size(), covariates_.size()));
  for (size_t c = 0; c < covariates_.size(); ++c) {
    for (size_t e = 0; e < kMeans; ++e) {
      means_[c][e].Assign(covariates_[c], edges_[e + 1] - edges_[e]);
    }
  }
  for (size_t i = 0; i < kLeads; ++i) {
    leads_[i] = std::max(1, static_cast<int>(std::lround(kLeadShares[i] * horizon_steps)));
  }
  FitAll(0, &fit_);
  const int days =
      std::clamp((values.last() - horizon_steps - first_) / (2 * day_), 0, kUsualDaysMax);
  if (days == 0) return;
  FitAll(days, &other_);
  if (other_.log_error < fit_.log_error) std::swap(fit_, other_);
}

CovariateForecast::Origin CovariateForecast::From(int origin) const {
  Origin result;
  result.seasonal = fit_.usual_days > 0;
  result.leads = leads_;
  if (origin < first_ + fit_.usual_days * day_) return result;
  std::array<double, kInputsMax> now;
  FillInputs(origin, fit_.usual_days, std::span(now).first(inputs()));
  for (size_t i = 0; i < kLeads; ++i) {
    const std::vector<double>& coefficients = fit_.coefficients[i];
    if (coefficients.empty()) continue;
    result.rises[i] =
        std::inner_product(coefficients.begin(), coefficients.end(), now.begin(), fit_.offsets[i]);
  }
  return result;
}

void CovariateForecast::Origin::Fill(std::span<const int> k, const OriginStatistics& statistics,
                                     CandidateRows* rows) const {
  for (size_t t = 0; t < k.size(); ++t) {
    rows->values[kCandidateAnnounced][t] =
        At(k[t], statistics, rows->values[kCandidateSameTime][t]);
  }
}

double CovariateForecast::Origin::At(int k, const OriginStatistics& statistics,
                                     double same_time) const {
  const double usual_rise = same_time - statistics.profile;
  const double base = statistics.last + (seasonal ? usual_rise : 0);
  int lead = 0;
  double rise = 0;
  for (size_t i = 0; i < kLeads; ++i) {
    if (k <= leads[i]) {
      return base + rise + (rises[i] - rise) * (k - lead) / std::max(1, leads[i] - lead);
    }
    lead = leads[i];
    rise = rises[i];
  }
  return base + rise;
}

}  // namespace auspex::model
