// From a request read in full to its response: routing, the worker pool, metrics.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "sidecar/base/log.h"
#include "sidecar/net/http_router.h"
#include "sidecar/net/net_metrics.h"
#include "sidecar/net/worker_pool.h"

namespace auspex {

// Thread-safe.
class HttpDispatcher {
 public:
  // Called exactly once per request, on the calling thread or on a worker.
  using Done = std::function<void(HttpResponse)>;

  // All of them must outlive the dispatcher's pending requests.
  HttpDispatcher(const ServedRoutes& routes, WorkerPool& pool, HttpServerMetrics& metrics,
                 Logger logger);

  // Answers 404, 405, OPTIONS and a full queue at once; everything else on a worker.
  void Dispatch(HttpRequest request, Done done);
  // Counts the answer to a request that was too broken to be dispatched.
  void CountRefused(int status) { metrics_.Answered("", status); }

 private:
  struct Job;
  // Runs the job's handler, on a worker.
  void Run(Job& job);
  void Finish(Job& job, HttpResponse response);

  const ServedRoutes& routes_;
  WorkerPool& pool_;
  HttpServerMetrics& metrics_;
  Logger logger_;
};

}  // namespace auspex
