#include "sidecar/emit/send_queue.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <optional>
#include <span>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "sidecar/base/backoff.h"
#include "sidecar/base/thread.h"
#include "sidecar/emit/emit_metrics.h"
#include "sidecar/emit/series_identity.h"

namespace auspex {
namespace {

// Refused by construction beyond this (protocol notes: Prometheus accepts up to 10 minutes since
// 2.54 and is damaged beyond an hour before that).
constexpr DurationMs kAheadMax = 5 * kMinute;
// Requests that one refused batch may cost while good series are rescued from it.
constexpr int kRescueRequestsMax = 64;

}  // namespace

// One connection and the samples that wait for it.
class SendQueue::Shard {
 public:
  Shard(const SendQueueOptions& options, const Clock& clock, Logger logger, SendMetrics& metrics,
        uint64_t seed)
      : options_(options),
        clock_(clock),
        logger_(std::move(logger)),
        metrics_(metrics),
        client_(options.endpoint),
        backoff_(options.min_backoff_ms, options.max_backoff_ms, seed) {}

  void Start(int index) {
    thread_.emplace(absl::StrCat("send-", index), [this] { Run(); });
  }

  void Push(const LabeledSample& sample) {
    absl::MutexLock lock(&mu_);
    if (stopping_) {
      metrics_.dropped_stop.Increment();
      return;
    }
    if (waiting_.size() >= options_.capacity) {
      waiting_.pop_front();
      metrics_.dropped_full.Increment();
      metrics_.pending.Decrement();
    }
    if (waiting_.empty()) first_waiting_ms_ = clock_.NowMs();
    waiting_.push_back(sample);
    metrics_.pending.Increment();
  }

  // Any of them may be this shard's.
  bool AwaitRoom(size_t samples, absl::Duration timeout) {
    absl::MutexLock lock(&mu_);
    const auto room = [&]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
      return stopping_ || waiting_.empty() || waiting_.size() + samples <= options_.capacity;
    };
    return mu_.AwaitWithTimeout(absl::Condition(&room), timeout);
  }

  // Ends the thread once the queue is empty.
  void Drain() {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  // Ends the thread at once, also in the middle of a request or a wait.
  void Abort() {
    cancelled_ = true;
    Drain();
  }
  // Waits for the thread, and gives up what it left. Idempotent.
  void Join() {
    thread_.reset();
    absl::MutexLock lock(&mu_);
    metrics_.dropped_stop.Increment(static_cast<double>(waiting_.size()));
    metrics_.pending.Decrement(static_cast<double>(waiting_.size()));
    waiting_.clear();
  }

  size_t pending() const {
    absl::MutexLock lock(&mu_);
    return waiting_.size() + in_flight_;
  }
  bool AwaitIdle(absl::Duration timeout) {
    absl::MutexLock lock(&mu_);
    return mu_.AwaitWithTimeout(absl::Condition(this, &Shard::Idle), timeout);
  }

 private:
  bool Idle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return waiting_.empty() && in_flight_ == 0;
  }
  bool BatchFull() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return stopping_ || waiting_.size() >= options_.max_samples_per_send;
  }
  bool AnyWaiting() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return stopping_ || !waiting_.empty();
  }

  void Run() {
    while (true) {
      std::vector<LabeledSample> batch = TakeBatch();
      if (batch.empty()) return;
      int requests_left = kRescueRequestsMax;
      SendAll(batch, &requests_left);
      absl::MutexLock lock(&mu_);
      in_flight_ = 0;
    }
  }

  // Waits for a full batch, or for the deadline of a part-filled one. Empty: stopped.
  std::vector<LabeledSample> TakeBatch() {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(this, &Shard::AnyWaiting));
    const DurationMs left_ms = first_waiting_ms_ + options_.batch_deadline_ms - clock_.NowMs();
    mu_.AwaitWithTimeout(
        absl::Condition(this, &Shard::BatchFull),
        absl::Milliseconds(std::clamp<DurationMs>(left_ms, 0, options_.batch_deadline_ms)));
    if (cancelled_) return {};
    const size_t n = std::min(waiting_.size(), options_.max_samples_per_send);
    std::vector<LabeledSample> batch(std::make_move_iterator(waiting_.begin()),
                                     std::make_move_iterator(waiting_.begin() + n));
    waiting_.erase(waiting_.begin(), waiting_.begin() + n);
    first_waiting_ms_ = clock_.NowMs();
    in_flight_ = n;
    metrics_.pending.Decrement(static_cast<double>(n));
    return batch;
  }

  // Sends the batch, again and again while the answer is retryable; an invalid 1.0 batch in halves,
  // so that one bad series does not cost the others.
  void SendAll(std::span<LabeledSample> batch, int* requests_left) {
    while (!cancelled_) {
      batch = DropOld(batch);
      if (batch.empty()) return;
      const SendResult result = SendOnce(batch);
      --*requests_left;
      if (result.kind != SendResult::Kind::kRetry) {
        backoff_.Reset();
        if (MaySplit(batch, result, *requests_left)) {
          const size_t half = batch.size() / 2;
          SendAll(batch.first(half), requests_left);
          SendAll(batch.subspan(half), requests_left);
          return;
        }
        return Answered(batch, result);
      }
      metrics_.retried.Increment(static_cast<double>(batch.size()));
      const DurationMs wait_ms = std::max(result.retry_after_ms, backoff_.NextMs());
      logger_.Warn(
          "remote write failed, will retry",
          {{"url", options_.endpoint.url}, {"error", result.message}, {"wait_ms", wait_ms}});
      Wait(wait_ms);
    }
    metrics_.dropped_stop.Increment(static_cast<double>(batch.size()));
  }

  SendResult SendOnce(std::span<const LabeledSample> batch) {
    const TimestampMs started_ms = clock_.NowMs();
    SendResult result = client_.Send(batch, started_ms, &cancelled_);
    metrics_.batch_seconds.Observe(static_cast<double>(clock_.NowMs() - started_ms) / 1000.0);
    metrics_.bytes.Increment(static_cast<double>(result.bytes));
    return result;
  }

  bool MaySplit(std::span<const LabeledSample> batch, const SendResult& result,
                int requests_left) const {
    return result.kind == SendResult::Kind::kInvalid && batch.size() > 1 && requests_left >= 2 &&
           client_.protocol() == WriteProtocol::kV1;
  }

  // Counts what the final answer to a batch took and what it refused.
  void Answered(std::span<const LabeledSample> batch, const SendResult& result) {
    metrics_.samples.Increment(static_cast<double>(result.written));
    metrics_.failed.Increment(static_cast<double>(batch.size() - result.written));
    if (result.written > 0) {
      const double newest = static_cast<double>(batch.back().sample.timestamp_ms) / 1000.0;
      if (newest > metrics_.highest_sent_seconds.Value()) metrics_.highest_sent_seconds.Set(newest);
    }
    if (result.written == batch.size()) return;
    logger_.Error("remote write refused", {{"url", options_.endpoint.url},
                                           {"error", result.message},
                                           {"samples", batch.size() - result.written},
                                           {"series", batch.front().labels.ToString()}});
  }

  // The batch without the leading samples that are too old to matter. Samples of a shard are in
  // the order of their emissions.
  std::span<LabeledSample> DropOld(std::span<LabeledSample> batch) {
    const TimestampMs oldest_ms = clock_.NowMs() - options_.sample_age_limit_ms;
    size_t old = 0;
    while (old < batch.size() && batch[old].sample.timestamp_ms < oldest_ms) ++old;
    if (old > 0) metrics_.dropped_old.Increment(static_cast<double>(old));
    return batch.subspan(old);
  }

  // Sleeps, but not through Abort.
  void Wait(DurationMs wait_ms) {
    absl::MutexLock lock(&mu_);
    const auto cancelled = [](std::atomic<bool>* flag) { return flag->load(); };
    mu_.AwaitWithTimeout(absl::Condition(+cancelled, &cancelled_), absl::Milliseconds(wait_ms));
  }

  const SendQueueOptions& options_;
  const Clock& clock_;
  const Logger logger_;
  SendMetrics& metrics_;
  RemoteWriteClient client_;  // the thread's
  Backoff backoff_;           // the thread's
  std::atomic<bool> cancelled_{false};

  mutable absl::Mutex mu_;
  std::deque<LabeledSample> waiting_ ABSL_GUARDED_BY(mu_);
  TimestampMs first_waiting_ms_ ABSL_GUARDED_BY(mu_) = 0;
  size_t in_flight_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<Thread> thread_;
};

class SendQueue::Impl {
 public:
  Impl(SendQueueOptions send_options, const Clock& wall_clock, const Logger& log,
       prometheus::Registry& registry)
      : options(std::move(send_options)),
        clock(wall_clock),
        logger(log.For("emit")),
        metrics(registry, options.name, options.endpoint.url) {
    for (int i = 0; i < options.shards; ++i) {
      shards.push_back(std::make_unique<Shard>(options, clock, logger, metrics, i));
    }
    metrics.shards.Set(options.shards);
  }

  const SendQueueOptions options;
  const Clock& clock;
  const Logger logger;
  SendMetrics metrics;
  std::vector<std::unique_ptr<Shard>> shards;
};

SendQueue::SendQueue(SendQueueOptions options, const Clock& clock, const Logger& logger,
                     prometheus::Registry& registry)
    : impl_(std::make_unique<Impl>(std::move(options), clock, logger, registry)) {}

SendQueue::~SendQueue() { Stop(0); }

void SendQueue::Start() {
  for (size_t i = 0; i < impl_->shards.size(); ++i) impl_->shards[i]->Start(static_cast<int>(i));
}

void SendQueue::Enqueue(const std::vector<LabeledSample>& samples) {
  const TimestampMs ahead_ms = impl_->clock.NowMs() + kAheadMax;
  size_t refused = 0;
  for (const LabeledSample& sample : samples) {
    if (sample.sample.timestamp_ms > ahead_ms && !impl_->options.future_capable) {
      ++refused;
      continue;
    }
    // A marker must not overtake, or be overtaken by, the first sample of what comes after it.
    const size_t shard = SeriesIdentityHash(sample.labels) % impl_->shards.size();
    impl_->shards[shard]->Push(sample);
  }
  if (refused == 0) return;
  impl_->metrics.dropped_future.Increment(static_cast<double>(refused));
  impl_->logger.Error("samples stamped too far ahead are not sent",
                      {{"samples", refused}, {"url", impl_->options.endpoint.url}});
}

bool SendQueue::AwaitRoom(size_t samples, DurationMs timeout_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  return std::all_of(impl_->shards.begin(), impl_->shards.end(), [&](const auto& shard) {
    const auto left = deadline - std::chrono::steady_clock::now();
    return shard->AwaitRoom(samples, absl::FromChrono(left));
  });
}

void SendQueue::Stop(DurationMs flush_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(flush_ms);
  for (auto& shard : impl_->shards) shard->Drain();
  for (auto& shard : impl_->shards) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (!shard->AwaitIdle(absl::FromChrono(left))) shard->Abort();
  }
  for (auto& shard : impl_->shards) shard->Join();
}

size_t SendQueue::pending() const {
  size_t pending = 0;
  for (const auto& shard : impl_->shards) pending += shard->pending();
  return pending;
}

}  // namespace auspex
