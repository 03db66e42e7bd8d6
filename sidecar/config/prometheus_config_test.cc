#include "sidecar/config/prometheus_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace auspex {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(PrometheusConfigTest, ReadsWhatConcernsUs) {
  const auto config = ParsePrometheusConfig(R"(
global:
  external_labels: {cluster: a}
remote_write:
- url: http://localhost:9095/api/v1/write
  queue_config: {retry_on_http_429: true}
  write_relabel_configs:
  - {source_labels: [__name__], regex: x_forecast, action: drop}
  - {source_labels: [job], regex: y, action: keep}
remote_read:
- url: http://localhost:9095/api/v1/read
  read_recent: true
  required_matchers: {forecast: curve}
)");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->external_labels, LabelSet({{"cluster", "a"}}));
  ASSERT_EQ(config->remote_write.size(), 1u);
  EXPECT_TRUE(config->remote_write[0].retry_on_http_429);
  ASSERT_EQ(config->remote_write[0].drops.size(), 1u);
  EXPECT_THAT(config->remote_write[0].drops[0].source_labels, ElementsAre("__name__"));
  ASSERT_EQ(config->remote_read.size(), 1u);
  EXPECT_TRUE(config->remote_read[0].read_recent);
  EXPECT_EQ(config->remote_read[0].remote_timeout, "1m");
  EXPECT_THAT(config->remote_read[0].required_matchers, ElementsAre(Pair("forecast", "curve")));
}

TEST(PrometheusConfigTest, AbsentAndOddSectionsAreEmpty) {
  for (const char* text : {"", "{}", "global: {}", "global: 5", "remote_write: [{url: x}]",
                           "remote_write: [x]", "remote_read: 1"}) {
    const auto config = ParsePrometheusConfig(text);
    ASSERT_TRUE(config.ok()) << text << ": " << config.status();
    EXPECT_TRUE(config->external_labels.empty());
  }
}

TEST(PrometheusConfigTest, WhatIsNotYamlIsRefused) {
  EXPECT_EQ(ParsePrometheusConfig("a: [").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace auspex
