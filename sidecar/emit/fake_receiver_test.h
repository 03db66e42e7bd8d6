// A remote_write receiver for tests, behind a real HTTP server.
#pragma once

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "sidecar/core/label_set.h"
#include "sidecar/net/http_server.h"
#include "sidecar/wire/snappy_block.h"
#include "sidecar/wire/write_request_decoder.h"

namespace auspex {

// One request as the receiver saw it; one entry per sample, in order.
struct Received {
  WriteProtocol protocol = WriteProtocol::kV1;
  std::vector<LabelSet> labels;
  std::vector<std::string> series;  // the label `s`
  std::vector<double> values;
};

// Answers as the test tells it to. Thread-safe.
class FakeReceiver {
 public:
  using Answer = std::function<HttpResponse(const Received&)>;

  explicit FakeReceiver(Answer answer)
      : answer_(std::move(answer)), server_(Options(), Logger(), registry_) {
    HttpRouter routes;
    routes.Add("POST", "/write", [this](const HttpRequest& request) { return Take(request); });
    server_.SetRoutes(std::move(routes));
    EXPECT_TRUE(server_.Start().ok());
  }
  ~FakeReceiver() { server_.Stop(); }

  std::string url() const { return absl::StrCat("http://127.0.0.1:", server_.port(), "/write"); }

  std::vector<Received> requests() const {
    absl::MutexLock lock(&mu_);
    return requests_;
  }
  // Waits until that many requests came.
  bool Await(size_t count) const {
    absl::MutexLock lock(&mu_);
    const auto enough = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return requests_.size() >= count;
    };
    return mu_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(20));
  }

 private:
  static HttpServerOptions Options() {
    HttpServerOptions options;
    options.listen_address = "127.0.0.1:0";
    return options;
  }

  HttpResponse Take(const HttpRequest& request) {
    Received received;
    if (request.Header("Content-Type").find("v2") != std::string_view::npos) {
      received.protocol = WriteProtocol::kV2;
    }
    std::string body;
    EXPECT_TRUE(SnappyUncompress(request.body, kDecompressedBytesMax, &body).ok());
    const auto keep = [&](const DecodedSeries& series) {
      std::vector<LabelSet::Label> labels;
      for (const LabelView& label : series.labels) labels.emplace_back(label.name, label.value);
      const LabelSet set(std::move(labels));
      for (const Sample& sample : series.samples) {
        received.labels.push_back(set);
        received.series.emplace_back(set.Get("s"));
        received.values.push_back(sample.value);
      }
    };
    EXPECT_TRUE(WriteRequestDecoder().Decode(received.protocol, body, keep).ok());
    HttpResponse response = answer_(received);
    absl::MutexLock lock(&mu_);
    requests_.push_back(std::move(received));
    return response;
  }

  const Answer answer_;
  prometheus::Registry registry_;
  mutable absl::Mutex mu_;
  std::vector<Received> requests_ ABSL_GUARDED_BY(mu_);
  HttpServer server_;
};

}  // namespace auspex
