#include "sidecar/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace auspex {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Tests run in the repository root.
constexpr const char* kExample = "deploy/auspex.example.yml";

Config MustParse(std::string_view text) {
  auto config = ParseConfig(text, "test.yml");
  EXPECT_TRUE(config.ok()) << config.status() << "\n" << text;
  return config.ok() ? *std::move(config) : Config();
}

AggregationRule Fold(std::string name, const char* selector, OverTime over_time,
                     std::vector<ByLabel> by) {
  return {.name = std::move(name),
          .selector = *Selector::Parse(selector),
          .over_time = over_time,
          .by = std::move(by)};
}

TEST(ConfigTest, TheExampleMeansWhatItSays) {
  const auto config = LoadConfig(kExample);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->global.external_labels, LabelSet({{"forecaster", "auspex"}}));
  EXPECT_EQ(config->global.timezone->UtcOffsetMinutes(0), 480);
  EXPECT_EQ(config->global.out_of_order_window_ms, 30 * kSecond);
  ASSERT_TRUE(config->upstream.has_value());
  EXPECT_EQ(*config->upstream, (UpstreamConfig{.url = "http://localhost:9090"}));
  EXPECT_THAT(
      config->remote_write,
      ElementsAre(RemoteWriteConfig{.url = "http://localhost:9090/api/v1/write", .name = "local"}));
  EXPECT_THAT(config->warnings, IsEmpty());

  const std::vector<ByLabel> by = {{"group", "group"},
                                   {"user", "user"},
                                   {"storage_type", "storage_type"},
                                   {"cluster", "cluster"}};
  Rule quota;
  quota.name = "storage_quota";
  quota.values = Fold("storage_quota", R"(storage_used_bytes{job="quota"})", OverTime::kLast, by);
  quota.base_name = "storage_used_bytes";
  quota.horizon_ms = kDay;
  quota.leads_ms = {kHour, 6 * kHour, 24 * kHour};
  quota.day = DayPeriod{.from_minute = 480, .to_minute = 1200};
  quota.limit =
      Limit{.aggregation = Fold("storage_quota/limit", "storage_quota_bytes", OverTime::kLast, by)};
  quota.covariates = {
      Fold("storage_quota/covariate/0", "storage_write_bytes_total", OverTime::kRate, by)};
  quota.model.hidden = 32;
  quota.retrain.cpu_percent = 50;

  Rule qps;
  qps.name = "api_qps";
  qps.values = {.name = "api_qps", .step_ms = kMinute};
  qps.query = "sum by (service) (rate(http_requests_total[5m]))";
  qps.base_name = "api_qps";
  qps.horizon_ms = 6 * kHour;
  qps.leads_ms = {kHour, 6 * kHour};
  ASSERT_EQ(config->rules.size(), 2u);
  EXPECT_TRUE(config->rules[0] == quota) << ConfigToYaml(*config);
  EXPECT_TRUE(config->rules[1] == qps) << ConfigToYaml(*config);
}

TEST(ConfigTest, DefaultsOfTheShortestRule) {
  const Config config = MustParse("rules: [{name: r, selector: up}]");
  Rule rule;
  rule.name = "r";
  rule.values = Fold("r", "up", OverTime::kLast, {});
  rule.base_name = "up";
  rule.leads_ms = {kHour, 6 * kHour, 24 * kHour};
  ASSERT_EQ(config.rules.size(), 1u);
  EXPECT_TRUE(config.rules[0] == rule) << ConfigToYaml(config);
  EXPECT_EQ(config.global, GlobalConfig());
  EXPECT_FALSE(config.upstream.has_value());
  EXPECT_THAT(config.remote_write, IsEmpty());
  EXPECT_THAT(config.warnings, IsEmpty());
}

TEST(ConfigTest, AnEmptyFileIsValidAndWarns) {
  for (const char* text : {"", "# only a comment\n", "{}"}) {
    EXPECT_THAT(MustParse(text).warnings, ElementsAre(HasSubstr("no rules"))) << text;
  }
}

TEST(ConfigTest, RenamesAsAndLimitsByNumber) {
  const Config config = MustParse(R"(
rules:
  - name: r
    selector: '{__name__=~"used|filled"}'
    as: disk:used
    by: [user, {label: team, as: group}, {label: horizon, as: view}]
    limit: 1.5e12
    leads: [2h, 30m]
)");
  const Rule& rule = config.rules[0];
  EXPECT_EQ(rule.base_name, "disk:used");
  EXPECT_THAT(rule.values.by, ElementsAre(ByLabel{"user", "user"}, ByLabel{"team", "group"},
                                          ByLabel{"horizon", "view"}));
  EXPECT_EQ(rule.limit->constant, 1.5e12);
  EXPECT_THAT(rule.leads_ms, ElementsAre(30 * kMinute, 2 * kHour));
}

TEST(ConfigTest, ARulesCalendarStandsInForTheGlobalOne) {
  const Config config = MustParse(R"(
global: {calendar: {days: [2026-12-25, "2026-01-01"]}}
rules:
  - {name: a, selector: a}
  - {name: b, selector: b, calendar: {days: ["1970-01-02"]}}
  - {name: c, selector: c, calendar: {days: []}}
)");
  EXPECT_THAT(config.global.special_days, ElementsAre(20'454, 20'812));
  EXPECT_THAT(config.rules[0].special_days, ElementsAre(20'454, 20'812));
  EXPECT_THAT(config.rules[1].special_days, ElementsAre(1));
  EXPECT_THAT(config.rules[2].special_days, IsEmpty());
}

TEST(ConfigTest, DefaultLeadsStayInsideAndRetentionCoversTheContext) {
  const Config config = MustParse(R"(
rules:
  - {name: a, selector: a, horizon: 30m}
  - {name: b, selector: b, horizon: 7h, model: {context: 60d}}
)");
  EXPECT_THAT(config.rules[0].leads_ms, ElementsAre(30 * kMinute));
  EXPECT_THAT(config.rules[1].leads_ms, ElementsAre(kHour, 6 * kHour));
  EXPECT_EQ(config.rules[0].retention_ms, 30 * kDay);
  EXPECT_EQ(config.rules[1].retention_ms, 60 * kDay);
}

TEST(ConfigTest, SecretFilesLieBesideTheConfiguration) {
  const auto config = ParseConfig(
      "upstream: {url: 'http://p:9090', bearer_token_file: secrets/token}\n"
      "remote_write: [{url: 'https://r/w', basic_auth: {username: u, password_file: /abs/pw}}]\n",
      "/etc/auspex/auspex.yml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->upstream->auth.bearer_token_file, "/etc/auspex/secrets/token");
  EXPECT_EQ(config->remote_write[0].auth.password_file, "/abs/pw");
  EXPECT_EQ(config->remote_write[0].name, "r");
}

TEST(ConfigTest, RemoteWritesGetDistinctNames) {
  const Config config = MustParse(
      "remote_write: [{url: 'http://h:1/a'}, {url: 'http://h:1/b'}, {url: 'http://i/', name: x}]");
  EXPECT_EQ(config.remote_write[0].name, "h:1");
  EXPECT_EQ(config.remote_write[1].name, "h:1-1");
  EXPECT_EQ(config.remote_write[2].name, "x");
}

// Every setting away from its default.
constexpr std::string_view kEverything = R"(
global:
  external_labels: {site: "yes: no", zone: "1", empty: "~"}
  timezone: America/New_York
  out_of_order_window: 90s
upstream: {url: http://p:9090/prefix, promql: 3, basic_auth: {username: u, password: hunter2}}
remote_write:
  - url: https://r.example/api/v1/write
    name: far
    protobuf_message: io.prometheus.write.v2.Request
    bearer_token_file: /secrets/token
    queue_config: {capacity: 7, max_shards: 3, max_samples_per_send: 5, batch_send_deadline: 2s,
                   min_backoff: 1ms, max_backoff: 1m30s, sample_age_limit: 1h}
rules:
  - name: a.b-c
    selector: used{path=~"a\\.b|\"c\"",env!="x"}
    over_time: increase
    aggregate: max
    by: [user, {label: team, as: group}]
    step: 10m
    horizon: 2d
    leads: [10m, 2d]
    interval: 20m
    day: {from: "22:05", to: "06:00"}
    limit: {selector: quota, over_time: max, aggregate: min}
    covariates: [{selector: x, over_time: rate}, {selector: y, aggregate: avg, by: []},
                 {selector: z, by: [{label: org, as: group}]}]
    calendar: {days: [2026-05-01]}
    model: {cell: none, hidden: 8, layers: 2, members: 5, context: 21d, quantiles: [0.95, 0.5, 0.05, 0.123456789]}
    retrain: {every: 12h, min_history: 5d, per_aggregate: false, cpu: 25%,
              tune: {trials: 9, time: 90s}, challenge: {for: 36h, share: 20%}}
    retention: 90d
    aggregates_max: 77
    reconcile: true
    as: disk
  - {name: q, query: 'sum(up{a="#"})', limit: 0.1, as: ups}
)";

TEST(ConfigToYamlTest, LoadsAgainToAnEqualConfiguration) {
  for (const std::string& text : {std::string(kEverything), std::string(), std::string(R"(
rules: [{name: r, selector: up, leads: []}]
)")}) {
    Config config = MustParse(text);
    const std::string yaml = ConfigToYaml(config);
    const Config again = MustParse(yaml);
    if (config.upstream && !config.upstream->auth.password.empty()) {
      config.upstream->auth.password = "<secret>";
    }
    EXPECT_TRUE(again.global == config.global) << yaml;
    EXPECT_TRUE(again.upstream == config.upstream) << yaml;
    EXPECT_TRUE(again.remote_write == config.remote_write) << yaml;
    EXPECT_TRUE(again.rules == config.rules) << yaml;
    EXPECT_EQ(ConfigToYaml(again), yaml);
  }
}

TEST(ConfigToYamlTest, HidesPasswords) {
  const std::string yaml = ConfigToYaml(MustParse(kEverything));
  EXPECT_THAT(yaml, ::testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(yaml, HasSubstr("password: <secret>"));
}

}  // namespace
}  // namespace auspex
