#include "sidecar/app/doctor_checks.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace auspex {
namespace {

constexpr char kRecommended[] = R"(
global:
  external_labels: {cluster: eu1}
remote_write:
  - url: http://auspex:9095/api/v1/write
    write_relabel_configs:
      - source_labels: [__name__]
        regex: "(.+)_forecast(_.+)?|ALERTS|ALERTS_FOR_STATE"
        action: drop
    queue_config: {retry_on_http_429: true}
remote_read:
  - url: http://auspex:9095/api/v1/read
    read_recent: true
    remote_timeout: 5s
    required_matchers: {forecast: curve}
)";

UpstreamFacts Facts(const std::string& yaml) {
  UpstreamFacts facts;
  facts.version = "3.5.3";
  facts.config = ParsePrometheusConfig(yaml).value();
  facts.flags = {{"web.enable-remote-write-receiver", "true"}};
  facts.write_back = true;
  facts.output_names = {"x_forecast", "x_forecast_state"};
  return facts;
}

int Count(const std::vector<Finding>& findings, Finding::Level level) {
  return static_cast<int>(std::count_if(findings.begin(), findings.end(),
                                        [&](const Finding& f) { return f.level == level; }));
}

bool Mentions(const std::vector<Finding>& findings, const std::string& text) {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& f) {
    return f.level != Finding::Level::kOk && f.what.find(text) != std::string::npos &&
           !f.remedy.empty();
  });
}

TEST(Doctor, TheRecommendedConfigurationIsHealthy) {
  const auto findings = CheckUpstream(Facts(kRecommended), 9095);
  EXPECT_EQ(Count(findings, Finding::Level::kProblem), 0);
  EXPECT_EQ(Count(findings, Finding::Level::kAdvice), 0);
  EXPECT_EQ(Count(findings, Finding::Level::kOk), 4);
}

TEST(Doctor, AnEmptyConfigurationLacksBothDirections) {
  UpstreamFacts facts = Facts("global: {}");
  facts.flags.clear();
  const auto findings = CheckUpstream(facts, 9095);
  EXPECT_TRUE(Mentions(findings, "no remote_write points at port 9095"));
  EXPECT_TRUE(Mentions(findings, "no remote_read points at port 9095"));
  EXPECT_TRUE(Mentions(findings, "write receiver is off"));
  EXPECT_EQ(Count(findings, Finding::Level::kProblem), 3);
}

TEST(Doctor, AnotherPortIsNotOurs) {
  EXPECT_TRUE(Mentions(CheckUpstream(Facts(kRecommended), 9999), "port 9999/api/v1/write"));
}

TEST(Doctor, EachWeaknessIsNamed) {
  struct Row {
    const char* remove;
    const char* mention;
  };
  const Row rows[] = {
      {"    read_recent: true\n", "without read_recent"},
      {"    required_matchers: {forecast: curve}\n", "without required_matchers"},
      {"    remote_timeout: 5s\n", "waits up to 1m"},
      {"    queue_config: {retry_on_http_429: true}\n", "retry_on_http_429"},
      {"(.+)_forecast(_.+)?|", "sends x_forecast back"},
      {"(_.+)?", "sends x_forecast_state back"},
  };
  for (const Row& row : rows) {
    std::string yaml = kRecommended;
    const size_t at = yaml.find(row.remove);
    ASSERT_NE(at, std::string::npos) << row.remove;
    yaml.erase(at, std::string(row.remove).size());
    const auto findings = CheckUpstream(Facts(yaml), 9095);
    EXPECT_TRUE(Mentions(findings, row.mention)) << row.mention;
    EXPECT_EQ(Count(findings, Finding::Level::kOk), 4) << row.mention;
  }
}

TEST(Doctor, WithoutWriteBackScrapingIsAdvised) {
  UpstreamFacts facts = Facts(kRecommended);
  facts.write_back = false;
  EXPECT_TRUE(Mentions(CheckUpstream(facts, 9095), "writes no forecasts back"));
}

TEST(PrometheusConfig, ReadsExternalLabelsAndRefusesGarbage) {
  EXPECT_EQ(Facts(kRecommended).config.external_labels.Get("cluster"), "eu1");
  EXPECT_FALSE(ParsePrometheusConfig("a: [").ok());
  EXPECT_TRUE(ParsePrometheusConfig("").ok());
}

}  // namespace
}  // namespace auspex
