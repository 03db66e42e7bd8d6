// Metrics of the remote_write sender, named as Prometheus names its own.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

namespace auspex {

// Of one endpoint. References into the registry that it was made with, which must outlive it.
// Thread-safe.
struct SendMetrics {
  SendMetrics(prometheus::Registry& registry, const std::string& name, const std::string& url);

  prometheus::Counter& samples;         // sent and accepted
  prometheus::Counter& failed;          // refused by the receiver
  prometheus::Counter& retried;         // sent again after a retryable answer
  prometheus::Counter& dropped_full;    // the queue was full
  prometheus::Counter& dropped_old;     // older than the age limit
  prometheus::Counter& dropped_future;  // refused by construction
  prometheus::Counter& dropped_stop;    // not sent when the sender stopped
  prometheus::Counter& bytes;
  prometheus::Gauge& pending;
  prometheus::Gauge& shards;
  prometheus::Gauge& highest_sent_seconds;
  prometheus::Histogram& batch_seconds;
};

}  // namespace auspex
