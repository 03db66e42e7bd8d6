// The storage-quota story: who keeps how much where, from 30 days before `now` to days after it.
//
// About forty quotas live at 70-95 % of their limit, breathe with the working day, are purged at
// night, and see bursts: data written fast and deleted fast, which look like disaster to a straight
// line and are none. Some users fill their quota steadily for two or three days, pass it, and clean
// up when the grace period is over. One or two of them are filling right now and pass their quota 2
// to 5 hours after `now`; nobody else comes within 4 % of the quota in the 24 hours after `now`.
//
// Times are Unix seconds. Everything is a pure function of (seed, now): the same arguments tell the
// same story to the byte, at whatever hour of whichever day it is started.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "deploy/simulator/shapes.h"

namespace auspex::simulator {

inline constexpr double kHistorySeconds = 30 * kDaySeconds;
inline constexpr double kPromisedSeconds = 24 * kHourSeconds;

// One user's share of one storage of one cluster.
struct Quota {
  std::string cluster;
  std::string group;
  std::string user;
  std::string storage_type;
  double limit_bytes = 0;

  double base = 0;       // level without everything below
  double breathing = 0;  // height of the day over the night
  double scratch = 0;    // what a working day leaves until the purge
  Ripple ripple;
  std::vector<Pulse> bursts;
  std::vector<Pulse> fills;  // slow, steady, past the quota; at most one at a time

  // Share of the quota in use at t.
  double Level(double t) const;
  // The same without the fills.
  double OrdinaryLevel(double t) const;
  // What has been written since the epoch of the story, as a share of the quota.
  double WrittenShare(double t) const;
};

class Story {
 public:
  Story(uint64_t seed, double now);

  const std::vector<Quota>& quotas() const { return quotas_; }
  double now() const { return now_; }

  double UsedBytes(const Quota& quota, double t) const;
  // A counter: falls to 0 when the exporter restarted.
  double WrittenBytesTotal(const Quota& quota, double t) const;
  // Whether a scrape at t got an answer; false during outages and the restart.
  bool ScrapeSucceeds(double t) const;
  // Seconds from `now` until the quota is reached, nullopt if not within kPromisedSeconds.
  std::optional<double> SecondsToLimit(const Quota& quota) const;

 private:
  struct Outage {
    double start = 0;
    double end = 0;
  };

  void CastQuotas();
  void LayOutOrdinaryLife(Quota& quota);
  void LayOutBursts(Quota& quota);
  void LayOutPastFills(Quota& quota, double last_end);
  void LayOutPresentFill(Quota& quota, double hit_after);
  void LayOutFalseAlarm(Quota& quota);
  void KeepClearOfLimit(Quota& quota);
  void LayOutOutages();
  double Uniform(double low, double high);

  double now_;
  std::mt19937_64 random_;
  std::vector<Quota> quotas_;
  std::vector<Outage> outages_;  // the exporter restarts at the end of the first
};

}  // namespace auspex::simulator
