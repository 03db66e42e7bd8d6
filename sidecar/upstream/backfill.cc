#include "sidecar/upstream/backfill.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "sidecar/aggregate/group_accumulator.h"
#include "sidecar/aggregate/series_folder.h"
#include "sidecar/upstream/history_writer.h"
#include "sidecar/upstream/upstream_metrics.h"

namespace auspex {
namespace {

// What one aggregate costs for one step while a piece is read: its accumulator and its result.
constexpr size_t kRawCellBytes = sizeof(GroupAccumulator) + sizeof(double);
// ... and as JSON: its text, the parsed document, the sample and the result.
constexpr size_t kQueryCellBytes = 200;
// Keeps pieces short enough for progress to be seen: a week of 5-minute steps.
constexpr int64_t kPieceStepsMax = 2016;
constexpr size_t kAggregatesMin = 64;

// The matrix of query_range's answer, over steps from `first_ms` on.
FoldedRange ToMatrix(const std::vector<QuerySeries>& series, TimestampMs first_ms, size_t steps,
                     DurationMs step_ms) {
  FoldedRange folded{.steps = steps};
  folded.values.assign(series.size() * steps, Missing());
  for (const QuerySeries& one : series) {
    double* row = folded.values.data() + folded.aggregates.size() * steps;
    for (const Sample& sample : one.samples) {
      const int64_t step = (sample.timestamp_ms - first_ms) / step_ms;
      if (step >= 0 && step < static_cast<int64_t>(steps)) row[step] = sample.value;
    }
    folded.aggregates.push_back(one.labels);
  }
  return folded;
}

}  // namespace

// One call of Fill.
class Backfill::Run {
 public:
  Run(Backfill& backfill, const BackfillJob& job, const std::atomic<bool>& cancel)
      : backfill_(backfill),
        job_(job),
        cancel_(cancel),
        by_query_(!job.query.empty()),
        promql_(by_query_ ? job.query : job.aggregation.Promql()),
        writer_(backfill.history_, job.rule, job.aggregates_max),
        capacity_(std::max(writer_.aggregates(), kAggregatesMin)) {}

  absl::Status Fill(const ProgressCallback& on_progress);

 private:
  // Nothing: the piece holds more aggregates than it was cut for.
  using MaybeFolded = absl::StatusOr<std::optional<FoldedRange>>;

  absl::Status FillGap(StepRange gap, const ProgressCallback& on_progress);
  absl::Status FillPiece(StepRange piece, bool* fits);
  MaybeFolded Read(StepRange piece);
  MaybeFolded ReadRaw(StepRange piece);
  MaybeFolded ReadQuery(StepRange piece);
  bool Admit(const LabelSet& aggregate);
  // Makes room for more aggregates, in shorter pieces.
  absl::Status GrowCapacity();

  size_t memory_bytes_max() const { return backfill_.options_.memory_bytes_max; }
  size_t CellBytes() const { return by_query_ ? kQueryCellBytes : kRawCellBytes; }
  DurationMs step_ms() const { return job_.aggregation.step_ms; }
  int64_t Steps(StepRange range) const { return (range.last_ms - range.first_ms) / step_ms() + 1; }
  // How many steps a piece may have.
  int64_t PieceSteps() const;

  Backfill& backfill_;
  const BackfillJob& job_;
  const std::atomic<bool>& cancel_;
  bool by_query_;
  const std::string promql_;
  HistoryWriter writer_;
  size_t capacity_;  // aggregates for which pieces are cut
  bool refusal_logged_ = false;
  int64_t steps_total_ = 0;
  int64_t steps_done_ = 0;
  int64_t samples_ = 0;
};

absl::Status Backfill::Run::Fill(const ProgressCallback& on_progress) {
  const std::vector<StepRange> gaps = job_.replace_closed
                                          ? std::vector<StepRange>{job_.range}
                                          : backfill_.history_.Gaps(job_.rule, job_.range);
  for (const StepRange& gap : gaps) steps_total_ += Steps(gap);
  for (auto gap = gaps.rbegin(); gap != gaps.rend(); ++gap) {
    if (absl::Status status = FillGap(*gap, on_progress); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Backfill::Run::FillGap(StepRange gap, const ProgressCallback& on_progress) {
  while (gap.last_ms >= gap.first_ms) {
    if (cancel_.load()) return absl::CancelledError("the back-fill was cancelled");
    const StepRange piece{std::max(gap.first_ms, gap.last_ms - (PieceSteps() - 1) * step_ms()),
                          gap.last_ms};
    bool fits = false;
    if (absl::Status status = FillPiece(piece, &fits); !status.ok()) return status;
    if (!fits) continue;  // cut again, smaller
    gap.last_ms = piece.first_ms - step_ms();
    steps_done_ += Steps(piece);
    if (on_progress) {
      on_progress({static_cast<double>(steps_done_) / static_cast<double>(steps_total_), samples_});
    }
  }
  return absl::OkStatus();
}

absl::Status Backfill::Run::FillPiece(StepRange piece, bool* fits) {
  const MaybeFolded folded = Read(piece);
  if (!folded.ok()) return folded.status();
  *fits = folded->has_value();
  if (!*fits) return GrowCapacity();
  if (absl::Status status = writer_.Write(piece, **folded); !status.ok()) return status;
  backfill_.metrics_->Closed(job_.aggregation.name, by_query_ ? "query_range" : "remote_read",
                             Steps(piece));
  capacity_ = std::max(2 * (*folded)->aggregates.size(), kAggregatesMin);
  return absl::OkStatus();
}

absl::Status Backfill::Run::GrowCapacity() {
  const size_t capacity_max = std::max(memory_bytes_max() / CellBytes(), kAggregatesMin);
  if (capacity_ >= capacity_max) {
    return absl::ResourceExhaustedError(absl::StrCat("rule ", job_.aggregation.name,
                                                     ": a single step of the upstream exceeds ",
                                                     memory_bytes_max(), " bytes"));
  }
  capacity_ = std::min(4 * capacity_, capacity_max);
  return absl::OkStatus();
}

int64_t Backfill::Run::PieceSteps() const {
  const size_t steps = memory_bytes_max() / (CellBytes() * capacity_);
  return std::clamp<int64_t>(static_cast<int64_t>(steps), 1, kPieceStepsMax);
}

Backfill::Run::MaybeFolded Backfill::Run::Read(StepRange piece) {
  if (by_query_) return ReadQuery(piece);
  MaybeFolded folded = ReadRaw(piece);
  const absl::Status& status = folded.status();
  // What servers without remote read answer: 404, 405 or 501, or 400 (VictoriaMetrics).
  if (!absl::IsNotFound(status) && !absl::IsUnimplemented(status) &&
      !absl::IsInvalidArgument(status)) {
    return folded;
  }
  backfill_.logger_.Warn("no remote read, falling back to query_range",
                         {{"rule", job_.aggregation.name}, {"error", status}});
  by_query_ = true;
  // A point costs more by this way: the same piece may be too long for it.
  return Steps(piece) > PieceSteps() ? MaybeFolded(std::nullopt) : ReadQuery(piece);
}

Backfill::Run::MaybeFolded Backfill::Run::ReadRaw(StepRange piece) {
  RangeFolder folder(job_.aggregation, job_.dialect, piece.first_ms, piece.last_ms);
  absl::flat_hash_set<LabelSet> aggregates;
  bool fits = true;
  const auto visit = [&](const ReadSeries& series) -> absl::Status {
    LabelSet aggregate = AggregateKey(series.labels, job_.aggregation.by);
    if (!Admit(aggregate)) return absl::OkStatus();
    aggregates.insert(std::move(aggregate));
    fits = aggregates.size() <= capacity_;
    if (!fits) return absl::AbortedError("more aggregates than expected");
    folder.Add(series.labels, series.samples);
    return absl::OkStatus();
  };
  const absl::StatusOr<int64_t> samples = backfill_.api_.RemoteRead(
      job_.aggregation.selector, folder.samples_from_ms(), piece.last_ms, visit, &cancel_);
  if (!fits) return std::nullopt;
  if (!samples.ok()) return samples.status();
  samples_ += *samples;
  return folder.Take();
}

Backfill::Run::MaybeFolded Backfill::Run::ReadQuery(StepRange piece) {
  absl::StatusOr<std::vector<QuerySeries>> series =
      backfill_.api_.QueryRange(promql_, piece.first_ms, piece.last_ms, step_ms(), &cancel_);
  // The answer, or what the server had to load for it, was too large: a shorter range may do.
  const bool too_large = absl::IsResourceExhausted(series.status()) ||
                         (absl::IsFailedPrecondition(series.status()) && Steps(piece) > 1);
  if (too_large) return std::nullopt;
  if (!series.ok()) return series.status();
  std::erase_if(*series, [this](const QuerySeries& one) { return !Admit(one.labels); });
  for (const QuerySeries& one : *series) samples_ += static_cast<int64_t>(one.samples.size());
  return ToMatrix(*series, piece.first_ms, static_cast<size_t>(Steps(piece)), step_ms());
}

bool Backfill::Run::Admit(const LabelSet& aggregate) {
  if (writer_.Admit(aggregate)) return true;
  backfill_.metrics_->series_refused.Increment();
  if (!std::exchange(refusal_logged_, true)) {
    backfill_.logger_.Warn("the rule has more aggregates than its limit, others are left out",
                           {{"rule", job_.aggregation.name},
                            {"limit", job_.aggregates_max},
                            {"first", aggregate.ToString()}});
  }
  return false;
}

Backfill::Backfill(BackfillOptions options, PrometheusApi& api, History& history, Logger logger,
                   prometheus::Registry& registry)
    : options_(options),
      api_(api),
      history_(history),
      logger_(logger.For("upstream")),
      metrics_(std::make_unique<UpstreamMetrics>(registry)) {}

Backfill::~Backfill() = default;

absl::Status Backfill::Fill(const BackfillJob& job, const std::atomic<bool>& cancel,
                            const ProgressCallback& on_progress) {
  return Run(*this, job, cancel).Fill(on_progress);
}

}  // namespace auspex
