#include "deploy/simulator/story.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>

namespace auspex::simulator {
namespace {

constexpr double kTerabyte = 1e12;
constexpr std::array<std::string_view, 2> kClusters = {"gpu-a", "gpu-b"};
constexpr std::array<std::string_view, 4> kGroups = {"cv", "nlp", "robotics", "speech"};
constexpr std::array<double, 6> kLimitsTerabytes = {5, 10, 20, 30, 50, 80};

// What each group keeps on each cluster: user within the group and storage type.
struct Share {
  int user;
  std::string_view storage_type;
};
constexpr std::array<Share, 5> kShares = {{{1, "nvme-scratch"},
                                           {1, "pfs-home"},
                                           {2, "nvme-scratch"},
                                           {2, "pfs-dataset"},
                                           {3, "nvme-scratch"}}};

constexpr size_t kFillers = 18;     // quotas that are filled to the limit now and then
constexpr size_t kFalseAlarms = 4;  // quotas with a fresh burst at `now`
// A quota that was passed stays passed for longer than the horizon of a forecast.
constexpr double kGraceHours = 28;
constexpr double kCalmPeak = 0.95;  // nobody else comes closer than this to the limit
constexpr double kFutureSeconds = 3 * kDaySeconds;     // bursts go on for that long after `now`
constexpr double kProbeSeconds = 10 * kMinuteSeconds;  // no peak is shorter

}  // namespace

double Quota::OrdinaryLevel(double t) const {
  double level = base + breathing * Activity(t) + scratch * Scratch(t) + ripple.At(t);
  for (const Pulse& burst : bursts) level += burst.At(t);
  return level;
}

double Quota::Level(double t) const {
  double level = OrdinaryLevel(t);
  for (const Pulse& fill : fills) level += fill.At(t);
  return level;
}

double Quota::WrittenShare(double t) const {
  double written = (breathing + scratch) * BusySeconds(t) / kDaySeconds;
  for (const Pulse& burst : bursts) written += burst.Written(t);
  for (const Pulse& fill : fills) written += fill.Written(t);
  return written;
}

Story::Story(uint64_t seed, double now) : now_(now), random_(seed) {
  CastQuotas();
  for (Quota& quota : quotas_) LayOutOrdinaryLife(quota);

  std::vector<size_t> order(quotas_.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[random_() % (i + 1)]);

  const size_t hits = 1 + random_() % 2;
  for (size_t i = 0; i < quotas_.size(); ++i) {
    Quota& quota = quotas_[order[i]];
    const bool hit = i < hits;
    if (hit) {
      LayOutPresentFill(quota, Uniform(2.2, 4.8) * kHourSeconds);
    } else if (i < kFillers) {
      LayOutPastFills(quota, now_ - Uniform(30, 70) * kHourSeconds);
    } else if (i < kFillers + kFalseAlarms) {
      LayOutFalseAlarm(quota);
    }
    if (!hit) KeepClearOfLimit(quota);
  }
  LayOutOutages();
}

void Story::CastQuotas() {
  for (const std::string_view cluster : kClusters) {
    for (const std::string_view group : kGroups) {
      for (const Share& share : kShares) {
        Quota quota;
        quota.cluster = cluster;
        quota.group = group;
        quota.user = std::string(group) + "-" + std::to_string(share.user);
        quota.storage_type = share.storage_type;
        quota.limit_bytes = kLimitsTerabytes[random_() % kLimitsTerabytes.size()] * kTerabyte;
        quotas_.push_back(std::move(quota));
      }
    }
  }
}

void Story::LayOutOrdinaryLife(Quota& quota) {
  const bool scratch = quota.storage_type == "nvme-scratch";
  quota.base = Uniform(0.70, 0.91);
  quota.breathing = Uniform(0.003, 0.012);
  quota.scratch = scratch ? Uniform(0.01, 0.035) : Uniform(0.0, 0.008);
  for (Ripple::Wave& wave : quota.ripple.waves) {
    wave = {Uniform(5, 60) * kHourSeconds, Uniform(0, 6.28), Uniform(0.0003, 0.001)};
  }
  LayOutBursts(quota);
}

// Bursts begin when people work: a candidate moment is kept as often as the site is busy.
void Story::LayOutBursts(Quota& quota) {
  const double per_week = quota.storage_type == "nvme-scratch" ? Uniform(2, 6) : Uniform(0.3, 1.5);
  double t = now_ - kHistorySeconds;
  while (true) {
    t += -std::log(Uniform(1e-6, 1)) * 7 * kDaySeconds * 0.4 / per_week;
    if (t > now_ + kFutureSeconds) return;
    if (Uniform(0, 1) > Activity(t)) continue;
    quota.bursts.push_back({.start = t,
                            .rise = Uniform(15, 70) * kMinuteSeconds,
                            .hold = Uniform(1, 9) * kHourSeconds,
                            .fall = Uniform(5, 30) * kMinuteSeconds,
                            .size = Uniform(0.015, 0.06)});
    t = quota.bursts.back().end();
  }
}

// Fills from some days into the history up to last_end: two or three days of steady writing until
// the quota is passed (it is a soft one), then the grace period, then the clean-up.
void Story::LayOutPastFills(Quota& quota, double last_end) {
  quota.base = Uniform(0.70, 0.78);
  double end = last_end;
  while (true) {
    Pulse fill{.start = 0,
               .rise = Uniform(48, 72) * kHourSeconds,
               .hold = Uniform(kGraceHours, kGraceHours + 8) * kHourSeconds,
               .fall = Uniform(20, 60) * kMinuteSeconds,
               .size = 0};
    fill.start = end - fill.rise - fill.hold - fill.fall;
    if (fill.start < now_ - kHistorySeconds + kDaySeconds) return;
    std::erase_if(quota.bursts, [&](const Pulse& burst) {
      return burst.end() > fill.start && burst.start < fill.end();
    });
    fill.size = Uniform(1.03, 1.07) - quota.OrdinaryLevel(fill.start + fill.rise);
    quota.fills.push_back(fill);
    end = fill.start - Uniform(1.5, 4) * kDaySeconds;
  }
}

// The fill that is under way: it passes the quota at now + hit_after and goes on to 104 %.
void Story::LayOutPresentFill(Quota& quota, double hit_after) {
  quota.breathing = Uniform(0.002, 0.004);
  quota.scratch = 0;
  std::erase_if(quota.bursts, [&](const Pulse& burst) {
    return burst.end() > now_ - 4 * kDaySeconds && burst.start < now_ + kPromisedSeconds;
  });
  const double started_before = Uniform(46, 68) * kHourSeconds;
  LayOutPastFills(quota, now_ - started_before - Uniform(36, 60) * kHourSeconds);
  const double to_fill = 1 - quota.OrdinaryLevel(now_ + hit_after);
  const double per_second = to_fill / (started_before + hit_after);
  const double size = to_fill + 0.045;
  quota.fills.push_back({.start = now_ - started_before,
                         .rise = size / per_second,
                         .hold = Uniform(kGraceHours, kGraceHours + 8) * kHourSeconds,
                         .fall = Uniform(20, 60) * kMinuteSeconds,
                         .size = size});
}

// A burst of the last two hours, still there at `now`: a straight line through the last hours leads
// through the quota.
void Story::LayOutFalseAlarm(Quota& quota) {
  std::erase_if(quota.bursts, [&](const Pulse& burst) {
    return burst.end() > now_ - 7 * kHourSeconds && burst.start < now_ + 6 * kHourSeconds;
  });
  quota.base = Uniform(0.83, 0.87);
  quota.scratch = 0;
  const double rise = Uniform(30, 50) * kMinuteSeconds;
  quota.bursts.push_back({.start = now_ - rise - Uniform(40, 80) * kMinuteSeconds,
                          .rise = rise,
                          .hold = Uniform(1.5, 4) * kHourSeconds,
                          .fall = Uniform(5, 20) * kMinuteSeconds,
                          .size = Uniform(0.06, 0.08)});
}

// Lowers the base until the ordinary level stays below kCalmPeak through the whole story.
void Story::KeepClearOfLimit(Quota& quota) {
  double peak = 0;
  for (double t = now_ - kHistorySeconds; t < now_ + kFutureSeconds; t += kProbeSeconds) {
    peak = std::max(peak, quota.OrdinaryLevel(t));
  }
  quota.base -= std::max(0.0, peak - kCalmPeak);
}

void Story::LayOutOutages() {
  const double restart = now_ - Uniform(4, 20) * kDaySeconds;
  outages_.push_back({restart - Uniform(7, 12) * kMinuteSeconds, restart});
  for (int i = 0; i < 2; ++i) {
    const double start = now_ - Uniform(2, 28) * kDaySeconds;
    outages_.push_back({start, start + Uniform(12, 45) * kMinuteSeconds});
  }
}

double Story::UsedBytes(const Quota& quota, double t) const {
  return std::round(quota.Level(t) * quota.limit_bytes);
}

double Story::WrittenBytesTotal(const Quota& quota, double t) const {
  const double restart = outages_.front().end;
  const double since = t < restart ? now_ - kHistorySeconds : restart;
  const double share = quota.WrittenShare(t) - quota.WrittenShare(since);
  return std::round(std::max(0.0, share) * quota.limit_bytes);
}

bool Story::ScrapeSucceeds(double t) const {
  return std::none_of(outages_.begin(), outages_.end(),
                      [t](const Outage& o) { return t >= o.start && t < o.end; });
}

std::optional<double> Story::SecondsToLimit(const Quota& quota) const {
  for (double after = 0; after <= kPromisedSeconds; after += kMinuteSeconds) {
    if (quota.Level(now_ + after) >= 1) return after;
  }
  return std::nullopt;
}

double Story::Uniform(double low, double high) {
  return std::uniform_real_distribution<double>(low, high)(random_);
}

}  // namespace auspex::simulator
