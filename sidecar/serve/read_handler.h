// POST /api/v1/read: remote read of the curves, for Prometheus.
#pragma once

#include <functional>

#include "sidecar/base/log.h"
#include "sidecar/core/label_set.h"
#include "sidecar/net/http_handler.h"
#include "sidecar/serve/curve_reader.h"
#include "sidecar/serve/serve_metrics.h"

namespace auspex {

// Answers SAMPLES only (Prometheus 3.5 breaks on a series that spans two streamed frames, 2.42
// knows nothing else). What is not ours is an empty answer, at once; nothing here waits for the
// network, so that our own back-fill, which comes back to us through Prometheus, cannot stall.
// Errors: 400 with text for a body that cannot be understood. Thread-safe.
class ReadHandler {
 public:
  // `reader` must outlive it. `upstream_labels` gives the external labels of our Prometheus.
  ReadHandler(const CurveReader& reader, std::function<LabelSet()> upstream_labels, Logger logger,
              prometheus::Registry& registry)
      : reader_(reader),
        upstream_labels_(std::move(upstream_labels)),
        logger_(logger.For("serve")),
        metrics_(registry) {}

  HttpResponse Handle(const HttpRequest& request);

 private:
  const CurveReader& reader_;
  const std::function<LabelSet()> upstream_labels_;
  const Logger logger_;
  ServeMetrics metrics_;
};

}  // namespace auspex
