#include "tests/integration/promql_scenario.h"

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <utility>

namespace auspex {
namespace {

enum class Kind { kGauge, kCounter };

// Draws of one series. std::mt19937_64 and plain arithmetic: the same on every machine.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}

  // Uniform in [0, 1).
  double Unit() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  bool Chance(double probability) { return Unit() < probability; }
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(Unit() * static_cast<double>(high - low + 1));
  }

 private:
  std::mt19937_64 engine_;
};

// The next value of a series.
class ValueSource {
 public:
  ValueSource(Kind kind, bool is_strange, Dice& dice)
      : kind_(kind), is_strange_(is_strange), dice_(dice) {
    if (kind == Kind::kGauge) value_ = 1e11 * (1 + dice.Unit());
    Restart();
  }

  // The process behind the series is a new one: its counter may have risen a little already.
  void Restart() {
    if (kind_ == Kind::kCounter) value_ = kRiseMax * dice_.Unit();
  }

  double Next() {
    if (kind_ == Kind::kGauge) {
      value_ += 1e9 * (dice_.Unit() - 0.5);
    } else if (dice_.Chance(0.004)) {
      value_ = dice_.Chance(0.5) ? 0 : 1e3 * dice_.Unit();
    } else if (dice_.Chance(0.8)) {
      value_ += kRiseMax * dice_.Unit();
    }
    if (is_strange_ && dice_.Chance(0.02)) return StrangeValue();
    return value_;
  }

 private:
  static constexpr double kRiseMax = 1e4;  // of a counter between two scrapes

  double StrangeValue() {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    switch (dice_.Between(0, 3)) {
      case 0:
        return kInfinity;
      case 1:
        return -kInfinity;
      default:
        return std::numeric_limits<double>::quiet_NaN();
    }
  }

  const Kind kind_;
  const bool is_strange_;
  Dice& dice_;
  double value_ = 0;
};

std::vector<Sample> MakeSeries(const ScenarioOptions& options, Kind kind, bool is_strange,
                               bool is_on_grid, Dice& dice) {
  ValueSource values(kind, is_strange, dice);
  std::vector<Sample> samples;
  const TimestampMs end_ms = options.start_ms + options.length_ms;
  // Samples on the grid meet the bounds of windows exactly, where the dialects differ.
  const DurationMs phase_ms = is_on_grid ? 0 : dice.Between(0, options.scrape_interval_ms - 1);
  const DurationMs jitter_ms = is_on_grid ? 0 : 20;
  TimestampMs t_ms = options.start_ms;
  if (dice.Chance(0.25)) t_ms += dice.Between(1, 8) * 15 * kMinute;  // appears later
  for (; t_ms < end_ms - options.scrape_interval_ms; t_ms += options.scrape_interval_ms) {
    if (dice.Chance(0.03)) continue;  // one scrape failed
    const TimestampMs at_ms = t_ms + phase_ms + dice.Between(-jitter_ms, jitter_ms);
    if (at_ms < options.start_ms) continue;
    if (dice.Chance(0.004)) {
      // It vanishes; with a marker it ends at once, without one after the lookback.
      if (dice.Chance(0.6)) samples.push_back({at_ms, StaleMarker()});
      t_ms += dice.Between(1, 60) * options.scrape_interval_ms;
      if (dice.Chance(0.5)) values.Restart();
      continue;
    }
    samples.push_back({at_ms, values.Next()});
  }
  return samples;
}

LabelSet Labels(const std::string& metric, int group, int user, int disk) {
  std::vector<LabelSet::Label> labels = {{"__name__", metric},
                                         {"job", "scenario"},
                                         {"group", "g" + std::to_string(group)},
                                         {"user", "u" + std::to_string(user)},
                                         {"disk", "d" + std::to_string(disk)}};
  if (user % 2 == 0) labels.emplace_back("team", "t" + std::to_string(user));
  return LabelSet(std::move(labels));
}

}  // namespace

Scenario::Scenario(const ScenarioOptions& options) : end_ms_(options.start_ms + options.length_ms) {
  uint64_t seed = options.seed;
  for (const auto& [metric, kind] : {std::pair("scenario_used_bytes", Kind::kGauge),
                                     std::pair("scenario_written_bytes_total", Kind::kCounter),
                                     std::pair("scenario_unwanted", Kind::kGauge)}) {
    for (int group = 0; group < 3; ++group) {
      for (int user = 0; user < 4; ++user) {
        for (int disk = 0; disk < 2; ++disk) {
          Dice dice(++seed);
          const bool is_strange = group == 2 && user == 3;
          const bool is_on_grid = disk == 1 && user == 1;
          series_[Labels(metric, group, user, disk)] =
              MakeSeries(options, kind, is_strange, is_on_grid, dice);
        }
      }
    }
  }
  MakeRequests(options);
}

void Scenario::MakeRequests(const ScenarioOptions& options) {
  struct Arrival {
    TimestampMs arrival_ms;
    const LabelSet* labels;
    Sample sample;
  };
  Dice dice(options.seed + 1'000'000);
  std::vector<Arrival> arrivals;
  const auto send = [&](const LabelSet& labels, const Sample& sample, DurationMs delay_ms) {
    arrivals.push_back({sample.timestamp_ms + delay_ms, &labels, sample});
  };
  for (const auto& [labels, samples] : series_) {
    for (const Sample& sample : samples) {
      const bool is_late = dice.Chance(0.05);
      send(labels, sample, dice.Between(0, is_late ? options.lateness_max_ms : 3 * kSecond));
      if (dice.Chance(0.02)) send(labels, sample, dice.Between(0, options.lateness_max_ms));
    }
  }
  std::ranges::stable_sort(arrivals, {}, &Arrival::arrival_ms);
  for (const Arrival& arrival : arrivals) {
    if (requests_.empty() ||
        arrival.arrival_ms >= requests_.back().arrival_ms + options.request_interval_ms) {
      requests_.push_back({.arrival_ms = arrival.arrival_ms});
    }
    requests_.back().samples.push_back({.labels = *arrival.labels, .sample = arrival.sample});
  }
  // A request is sent when its last sample is there.
  for (ScenarioRequest& request : requests_) request.arrival_ms += options.request_interval_ms;
}

}  // namespace auspex
