#include "tests/bench/ingest/bodies.h"

#include <random>

#include "sidecar/wire/write_request_encoder.h"

namespace auspex {
namespace {

constexpr size_t kClusters = 5;
constexpr size_t kServices = 50;

// The number with at least so many digits.
std::string Digits(size_t number, size_t digits) {
  std::string text = std::to_string(number);
  return text.size() >= digits ? text : std::string(digits - text.size(), '0') + text;
}

// About 200 bytes with the framing of protobuf.
LabelSet SeriesLabels(const std::string& metric, size_t series) {
  static constexpr const char* kMethods[] = {"GET", "PUT", "POST", "DELETE"};
  const size_t service = series % kServices;
  return LabelSet({{"__name__", metric},
                   {"cluster", "cluster-" + Digits(service % kClusters, 2)},
                   {"code", series % 3 == 0 ? "500" : "200"},
                   {"instance", "10.24." + Digits(series / 40, 1) + ".17:9100"},
                   {"job", "kubernetes-service-endpoints"},
                   {"method", kMethods[(series / kServices) % 4]},
                   {"pod", "backend-6b7f9d5c4-" + Digits(series, 5)},
                   {"region", "eu-central-1"},
                   {"service", "service-" + Digits(service, 2)}});
}

}  // namespace

Bodies MakeBodies(const std::string& metric, TimestampMs first_ms, size_t scrapes) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> growth(0, 1000);
  Bodies bodies(kConnections);
  for (size_t connection = 0; connection < kConnections; ++connection) {
    std::vector<LabeledSample> samples;
    for (size_t i = 0; i < kSamplesPerRequest; ++i) {
      samples.push_back({.labels = SeriesLabels(metric, connection * kSamplesPerRequest + i)});
    }
    for (size_t scrape = 0; scrape < scrapes; ++scrape) {
      for (LabeledSample& labeled : samples) {
        labeled.sample.timestamp_ms = first_ms + static_cast<DurationMs>(scrape) * kScrapeInterval;
        labeled.sample.value += growth(random) / 8.0;
      }
      bodies[connection].push_back(EncodeWriteRequest(WriteProtocol::kV1, samples));
    }
  }
  return bodies;
}

Bodies MakeManySeries(const std::string& metric, TimestampMs t_ms, size_t series) {
  Bodies bodies(kConnections);
  for (size_t first = 0; first < series; first += kSamplesPerRequest) {
    std::vector<LabeledSample> samples;
    for (size_t i = first; i < first + kSamplesPerRequest; ++i) {
      samples.push_back({.labels = SeriesLabels(metric, i), .sample = {t_ms, 1}});
    }
    bodies[first / kSamplesPerRequest % kConnections].push_back(
        EncodeWriteRequest(WriteProtocol::kV1, samples));
  }
  return bodies;
}

}  // namespace auspex
