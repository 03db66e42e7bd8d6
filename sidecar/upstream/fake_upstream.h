// A Prometheus stand-in for tests: answers from samples that the test gives it.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/core/label_set.h"
#include "sidecar/core/sample.h"
#include "sidecar/net/http_server.h"

namespace auspex {

// Serves /api/v1/read as STREAMED_XOR_CHUNKS, one frame per series, without looking at matchers,
// and /api/v1/query and query_range by evaluating `query_value` at each time. Thread-safe.
class FakeUpstream {
 public:
  // The answer to any query at a time: one value per label set.
  using QueryValue = std::function<std::vector<std::pair<LabelSet, double>>(TimestampMs)>;

  explicit FakeUpstream(prometheus::Registry& registry);

  std::string url() const;
  void SetSeries(std::map<LabelSet, std::vector<Sample>> series);
  void SetQueryValue(QueryValue value);
  // Every request to this path gets this status and body instead; status 0 ends that.
  void Fail(const std::string& path, int status, std::string body);

  // Ranges of the remote reads, and [start, end] of the queries answered so far.
  std::vector<std::pair<TimestampMs, TimestampMs>> reads() const;
  std::vector<std::pair<TimestampMs, TimestampMs>> queries() const;

 private:
  struct Failure {
    int status = 0;
    std::string body;
  };

  HttpResponse Read(const HttpRequest& request);
  HttpResponse Query(const HttpRequest& request);
  bool Fails(const std::string& path, HttpResponse* response);

  mutable absl::Mutex mu_;
  std::map<LabelSet, std::vector<Sample>> series_ ABSL_GUARDED_BY(mu_);
  QueryValue query_value_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Failure> failures_ ABSL_GUARDED_BY(mu_);
  std::vector<std::pair<TimestampMs, TimestampMs>> reads_ ABSL_GUARDED_BY(mu_);
  std::vector<std::pair<TimestampMs, TimestampMs>> queries_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<HttpServer> server_;
};

}  // namespace auspex
