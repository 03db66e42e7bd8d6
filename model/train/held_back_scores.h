// Scores the candidates of the publish gate on the held-back origins of a series, by the engine
// that will serve them and from exported weights: what is judged is what will be published.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "model/engine/engine.h"
#include "model/eval/gate_evidence.h"
#include "model/eval/interval_coverage.h"
#include "model/train/series_split.h"
#include "model/train/train.h"

namespace auspex::model {

// Errors over the held-back targets of one series, in units of each window's scale. NaN for
// candidates that were not scored; index = GateCandidate.
struct HeldBackScores {
  AggregateErrors errors = UnseenErrors();
  GateErrors pinball = UnseenErrors().mean;  // mean, summed over levels
  int origins = 0;
  // Of the interval between the outermost levels; index = GateCandidate.
  std::array<IntervalCoverage, kGateCandidates> coverage;

  // The candidates that were scored.
  std::vector<TrainedScore> List() const;
};

// Of each candidate over the series that it was scored on.
std::vector<TrainedScore> GeometricMeans(std::span<const std::vector<TrainedScore>> series);

// Thread-safe after construction.
class HeldBackScorer {
 public:
  // At most `origins_max` origins of a series, evenly spaced. `spec` and `engine` are borrowed.
  HeldBackScorer(const ModelSpec& spec, Engine& engine, int origins_max)
      : spec_(spec), engine_(engine), origins_max_(origins_max) {}

  // Adds the scores of the candidates that need `model`: the own ones, or else the base and the
  // naive ones. Adds nothing for a series with an empty tail.
  absl::Status Score(const TrainSeries& series, const SeriesSplit& split,
                     const PreparedModel& model, bool own, HeldBackScores* scores) const;

 private:
  const ModelSpec& spec_;
  Engine& engine_;
  const int origins_max_;
};

}  // namespace auspex::model
