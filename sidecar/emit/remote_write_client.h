// Sends one batch to one remote_write endpoint and says what its answer means.
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/core/sample.h"
#include "sidecar/net/http_client.h"
#include "sidecar/wire/write_request_encoder.h"

namespace auspex {

struct RemoteWriteEndpoint {
  std::string url;
  WriteProtocol protocol = WriteProtocol::kV1;
  std::vector<std::pair<std::string, std::string>> headers;  // authorization
  DurationMs timeout_ms = 30 * kSecond;
};

// Retryable or final is decided here, once.
struct SendResult {
  enum class Kind {
    kSent,      // 2xx
    kRetry,     // 5xx, 429, or no answer: the same batch again, later
    kInvalid,   // 400, 409, 413: something in the batch is refused; a part of it may be taken
    kRejected,  // any other status: no batch of ours is taken
  };
  Kind kind = Kind::kSent;
  // Samples that were stored: all of a 1.0 batch or none; a 2.0 receiver stores the good ones of a
  // batch that it answers with 400, and says how many.
  size_t written = 0;
  DurationMs retry_after_ms = 0;  // what Retry-After asks for; 0 when it asks for nothing
  size_t bytes = 0;               // of the last body sent
  std::string message;            // status and first line of the answer; empty when sent
};

// Not thread-safe: one per shard.
class RemoteWriteClient {
 public:
  explicit RemoteWriteClient(RemoteWriteEndpoint endpoint) : endpoint_(std::move(endpoint)) {}

  // `now_ms` resolves a Retry-After that is a date; `cancel` ends the transfer. A 2.0 answer
  // without the X-Prometheus-Remote-Write-*-Written headers comes from a receiver that understood
  // nothing and stored nothing (Prometheus 2.42, VictoriaMetrics): the endpoint is then taken as
  // 1.0 from there on and the batch sent again; a 415 means the same.
  SendResult Send(std::span<const LabeledSample> batch, TimestampMs now_ms,
                  const std::atomic<bool>* cancel);

  WriteProtocol protocol() const { return endpoint_.protocol; }

 private:
  RemoteWriteEndpoint endpoint_;
  HttpClient http_;
};

}  // namespace auspex
