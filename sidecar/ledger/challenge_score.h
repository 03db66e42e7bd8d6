// Whether a challenger may replace the champion: their losses on the same targets, and a verdict.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sidecar/core/challenge.h"
#include "sidecar/core/forecast.h"
#include "sidecar/core/sample.h"
#include "sidecar/ledger/outcome.h"

namespace auspex {

// Leads up to this are compared, in blocks of this length: an eighth of the challenge, but no less
// than the shortest lead. So the errors of one forecast fall into two blocks at most, and there are
// enough blocks soon after `for_ms`.
DurationMs ChallengeBlock(DurationMs for_ms, DurationMs shortest_lead_ms);

// The losses of both models' forecasts of one target: scaled pinball (loss_sums.h).
struct PairedLoss {
  AggregateId aggregate{};
  double champion = 0;
  double challenger = 0;
};

// The pair of an outcome whose quantiles are the champion's at `levels`, then the challenger's.
// Nothing where a loss has no scale. A forecast that is no number has the largest loss that counts.
std::optional<PairedLoss> PairedLossOf(const Outcome& both, std::span<const double> levels);

// Adds up pairs. Within a block an aggregate's losses are averaged for each model, their ratio is
// taken, and the mean of its logarithm over the aggregates, as the publish gate does it: no large
// or noisy aggregate decides alone. The blocks are what the standard error rests on. Not
// thread-safe.
class ChallengeScore {
 public:
  ChallengeScore() = default;
  // REQUIRES: block_ms > 0.
  ChallengeScore(uint64_t version, DurationMs block_ms) : state_{version, block_ms} {}

  // Takes the pairs of one target time, of any leads. Times come in ascending order; one that does
  // not come after the newest has been counted and is passed over.
  void Add(TimestampMs target_ms, std::span<const PairedLoss> pairs);

  uint64_t version() const { return state_.version; }  // of the challenger
  DurationMs block_ms() const { return state_.block_ms; }
  ChallengeEvidence evidence() const;  // from blocks that have ended

  // Everything as bytes of this machine.
  std::string Serialize() const;
  // False, with nothing changed, when `bytes` is not what Serialize wrote.
  bool Parse(std::string_view bytes);

 private:
  struct State {
    uint64_t version = 0;
    DurationMs block_ms = 0;
    TimestampMs block_start_ms = 0;  // 0: no pair yet
    TimestampMs newest_ms = 0;
    double mean = 0;     // of the blocks' log ratios
    double squares = 0;  // sum of squared distances from it
    int64_t blocks = 0;
  };
  struct Sums {
    double champion = 0;
    double challenger = 0;
    int64_t count = 0;
  };

  void CloseBlock();

  State state_;
  std::map<AggregateId, Sums> open_;  // of the block that has not ended
};

enum class ChallengeVerdict { kGoesOn, kPromote, kDrop };

struct ChallengeDecision {
  ChallengeVerdict verdict = ChallengeVerdict::kGoesOn;
  std::string_view reason;  // as Challenge::reason; why not, when it goes on
};

// Promoted unless it is worse, once it has lasted for `for_ms` and eight blocks have ended: fewer
// leave the standard error itself uncertain by more than a quarter. Worse is a mean log ratio more
// than one standard error, and one percent, above 0. A challenger that cannot be told apart is the
// newer one and has passed the publish gate, so it is promoted. One that has no eight blocks after
// three times as long as they take is dropped as undecided: nothing is promoted without evidence.
// Eight blocks decide surely only what is plain: an equal challenger is dropped now and then, and
// one that is worse by less than a block's deviation is promoted now and then; neighbouring blocks
// that are alike make both more frequent.
ChallengeDecision DecideChallenge(const ChallengeEvidence& evidence, DurationMs age_ms,
                                  DurationMs for_ms, DurationMs block_ms);

}  // namespace auspex
