// Receiving must not touch the heap per sample once the series are known: samples come for months.
// Counts every allocation of this test program.
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "sidecar/aggregate/aggregator.h"
#include "sidecar/ingest/write_handler.h"
#include "sidecar/wire/write_request_encoder.h"
#include "tests/testing/manual_clock.h"

namespace {

std::atomic<int64_t> allocations = 0;

}  // namespace

// Not inlined: GCC would take new and free in one place for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace auspex {
namespace {

constexpr TimestampMs kStart = 400'000 * kHour;
constexpr DurationMs kScrapeInterval = 15 * kSecond;

class IngestAllocationTest : public testing::Test {
 protected:
  IngestAllocationTest() {
    AggregatorRule rule;
    rule.rule.name = "r";
    rule.rule.selector = *Selector::Parse("used");
    rule.rule.over_time = OverTime::kLast;
    rule.rule.by = {{"group", "group"}};
    rule.rule.step_ms = 5 * kMinute;
    aggregator_.SetRules({rule});
  }

  // The request of one scrape: a sample of each of `series` series.
  static HttpRequest Scrape(const std::string& metric, int series, int scrape) {
    std::vector<LabeledSample> samples;
    for (int i = 0; i < series; ++i) {
      samples.push_back({.labels = LabelSet({{"__name__", metric},
                                             {"group", std::to_string(i % 10)},
                                             {"user", "user-" + std::to_string(i)}}),
                         .sample = {kStart + scrape * kScrapeInterval, 0.5 * i * scrape}});
    }
    return {.method = "POST",
            .path = "/api/v1/write",
            .headers = {{"Content-Type", "application/x-protobuf"}, {"Content-Encoding", "snappy"}},
            .body = EncodeWriteRequest(WriteProtocol::kV1, samples)};
  }

  // Allocations while the request is handled.
  int64_t Handle(const HttpRequest& request) {
    clock_.Advance(kScrapeInterval);
    const int64_t before = allocations;
    EXPECT_EQ(handler_.Handle(request).status, 204);
    const int64_t after = allocations;
    aggregator_.CloseDue(clock_.NowMs());
    return after - before;
  }

  // The most allocations of a request among the last ones of a long run.
  int64_t WorstWhenWarm(const std::string& metric, int series) {
    constexpr int kScrapes = 200;
    int64_t worst = 0;
    clock_.Set(kStart);
    for (int scrape = 1; scrape <= kScrapes; ++scrape) {
      const HttpRequest request = Scrape(metric, series, scrape);
      const int64_t count = Handle(request);
      if (scrape > kScrapes / 2) worst = std::max(worst, count);
    }
    return worst;
  }

  ManualClock clock_{kStart};
  prometheus::Registry registry_;
  int64_t logged_bytes_ = 0;
  Aggregator aggregator_{{},
                         clock_,
                         [this](std::string_view record, TimestampMs) {
                           logged_bytes_ += static_cast<int64_t>(record.size());
                           return absl::OkStatus();
                         },
                         Logger(),
                         registry_};
  WriteHandler handler_{aggregator_, {}, clock_, Logger(), registry_};
};

TEST_F(IngestAllocationTest, WantedSamples) {
  EXPECT_GT(Handle(Scrape("used", 1000, 1)), 1000) << "series are learned";
  EXPECT_LT(WorstWhenWarm("used", 1000), 100);
  EXPECT_GT(logged_bytes_, 200 * 1000 * 8);
}

TEST_F(IngestAllocationTest, SamplesThatNoRuleWants) {
  EXPECT_LT(WorstWhenWarm("unwanted", 1000), 50);
  EXPECT_EQ(logged_bytes_, 0);
}

}  // namespace
}  // namespace auspex
