// The servers that are compared: each a process of its own with an empty data directory.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace auspex {

class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual const std::string& url() const = 0;  // http://127.0.0.1:PORT
  virtual int pid() const = 0;
};

// `auspex serve` with one rule, on `metric`, and flags and settings as they are by default, except
// that a step waits 3 min for late samples, because connections here run 2 min apart.
absl::StatusOr<std::unique_ptr<Receiver>> StartAuspex(std::string_view metric);
// Prometheus 3 with its remote write receiver on.
absl::StatusOr<std::unique_ptr<Receiver>> StartPrometheus();
// VictoriaMetrics, the path of whose program is in AUSPEX_VICTORIA_METRICS.
absl::StatusOr<std::unique_ptr<Receiver>> StartVictoriaMetrics();

// The sum of all series of `name` in the server's /metrics whose labels hold `label` as they are
// written there ("" for all).
absl::StatusOr<double> ReadMetric(const Receiver& receiver, std::string_view name,
                                  std::string_view label);

}  // namespace auspex
