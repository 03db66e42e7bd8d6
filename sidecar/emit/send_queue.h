// The remote_write sender: a bounded queue per shard between the forecast and the network.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "sidecar/base/clock.h"
#include "sidecar/base/log.h"
#include "sidecar/emit/remote_write_client.h"

namespace prometheus {
class Registry;
}

namespace auspex {

// Defaults are those of Prometheus' queue_config where it has the setting; all only affect speed
// and memory unless they say otherwise.
struct SendQueueOptions {
  std::string name;  // label remote_name of the metrics
  RemoteWriteEndpoint endpoint;
  size_t capacity = 10000;  // samples that wait per shard; a full shard drops the oldest
  // Connections. A series and those that succeed it stay on one, so that their order is kept.
  int shards = 2;
  size_t max_samples_per_send = 500;       // small: a 1.0 receiver refuses a batch as a whole
  DurationMs batch_deadline_ms = kSecond;  // a part-filled batch leaves after this
  DurationMs min_backoff_ms = 30;
  DurationMs max_backoff_ms = 5 * kSecond;
  // Older samples are dropped instead of retried: the next emission replaces them. Prometheus 2.42
  // answers some refusals with 5xx, so without this a sender would be stuck for ever.
  DurationMs sample_age_limit_ms = 5 * kMinute;
  // Allows timestamps more than 5 minutes ahead. Prometheus before 2.54 is damaged by them.
  bool future_capable = false;
};

// Enqueue never waits for the network. Thread-safe.
class SendQueue {
 public:
  // What it was given must outlive it.
  SendQueue(SendQueueOptions options, const Clock& clock, const Logger& logger,
            prometheus::Registry& registry);
  ~SendQueue();  // stops at once

  void Start();
  // Samples of one series and its successors (series_identity.h) leave in the order they were
  // given. Samples too far ahead of the clock are refused here, logged and counted.
  void Enqueue(const std::vector<LabeledSample>& samples);
  // Waits until as many samples fit without dropping others, or none wait; or until the queue
  // stops. False after `timeout_ms`.
  bool AwaitRoom(size_t samples, DurationMs timeout_ms);
  // Sends what waits, for at most `flush_ms`, then stops; what is left is counted as dropped.
  // Idempotent.
  void Stop(DurationMs flush_ms);
  // Samples that wait or are being sent.
  size_t pending() const;

 private:
  class Shard;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auspex
