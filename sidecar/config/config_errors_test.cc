#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "sidecar/config/config.h"

namespace auspex {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// The lines of the error of a text that must not load.
std::vector<std::string> Errors(const std::string& text) {
  const auto config = ParseConfig(text, "f.yml");
  if (config.ok()) return {"no error"};
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  return absl::StrSplit(std::string(config.status().message()), '\n');
}

struct Case {
  std::string text;
  const char* place;  // line:column
  const char* what;
};

void ExpectOneErrorEach(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const std::vector<std::string> errors = Errors(c.text);
    EXPECT_THAT(errors, ElementsAre(StartsWith("f.yml:" + std::string(c.place) + ": "))) << c.text;
    EXPECT_THAT(errors, ElementsAre(HasSubstr(c.what))) << c.text;
  }
}

// A valid selector rule with further keys; they start in line 2, column 3.
std::string SelectorRule(const std::string& more) {
  return "rules:\n- name: r\n  selector: up\n  " + more + "\n";
}

TEST(ConfigErrorsTest, TopLevel) {
  ExpectOneErrorEach({
      {"a: [1\n", "2:1", "not YAML"},
      {"rules: []\n---\nrules: []\n", "3:1", "one YAML document"},
      {"- 1\n", "1:1", "want a map for the configuration, found a list"},
      {"rule: []\n", "1:1", "unknown key \"rule\" in the configuration (did you mean \"rules\"?)"},
      {"xyzzy: 1\n", "1:1", "known: global, upstream, remote_write, rules"},
      {"rules: []\nrules: []\n", "2:1", "given twice (first in line 1)"},
      {"? [a]\n: 1\n", "1:3", "not text"},
      {"rules:\n", "1:1", "\"rules\" of the configuration has no value"},
      {"rules: {name: r}\n", "1:8", "want a list, found a map"},
      {"rules: [r]\n", "1:9", "want a map for rules[0], found \"r\""},
  });
}

TEST(ConfigErrorsTest, Global) {
  ExpectOneErrorEach({
      {"global: {timezone: Mars/Olympus}", "1:20", "unknown time zone \"Mars/Olympus\""},
      {"global: {time_zone: UTC}", "1:10", "did you mean \"timezone\"?"},
      {"global: {out_of_order_window: 5}", "1:31", "bad duration \"5\""},
      {"global: {out_of_order_window: 2d}", "1:31", "from 0s to 1d"},
      {"global: {external_labels: {a-b: c}}", "1:28", "not a label name"},
      {"global: {external_labels: {quantile: c}}", "1:28", "reserved"},
      {"global: {external_labels: {a: 1, a: 2}}", "1:34", "given twice"},
      {"global: {external_labels: {a: [1]}}", "1:31", "want text, found a list"},
  });
}

TEST(ConfigErrorsTest, Endpoints) {
  ExpectOneErrorEach({
      {"upstream: {}", "1:11", "\"url\" is missing"},
      {"upstream: {url: localhost:9090}", "1:17", "not a URL"},
      {"upstream: {url: 'http://u:p@h'}", "1:17", "use basic_auth"},
      {"upstream: {url: 'http://h', promql: 4}", "1:37", "want auto, 2 or 3, found \"4\""},
      {"upstream: {url: 'http://h', basic_auth: {username: u, password: a, password_file: b}}",
       "1:41", "either password or password_file"},
      {"upstream: {url: 'http://h', basic_auth: {password: a}}", "1:41", "\"username\" is missing"},
      {"upstream: {url: 'http://h', bearer_token_file: t, basic_auth: {username: u}}", "1:11",
       "either basic_auth or bearer_token_file"},
      {"remote_write: [{url: 'http://h', protobuf_message: v2}]", "1:52", "\"v2\" (known:"},
      {"remote_write: [{url: 'http://h', name: a}, {url: 'http://h', name: a}]", "1:68",
       "given twice"},
      {"remote_write: [{url: 'http://h', queue_config: {capacity: 0}}]", "1:59",
       "want a whole number from 1"},
      {"remote_write: [{url: 'http://h', queue_config: {capacity: many}}]", "1:59",
       "found \"many\""},
      {"remote_write: [{url: 'http://h', queue_config: {min_shards: 1}}]", "1:49",
       "did you mean \"max_shards\"?"},
      {"remote_write: [{url: 'http://h', queue_config: {min_backoff: 9s}}]", "1:48",
       "min_backoff is above max_backoff"},
      {"remote_write: [{url: 'http://h', queue_config: {capacity: 10}}]", "1:48",
       "max_samples_per_send is above capacity"},
  });
}

TEST(ConfigErrorsTest, NamesAndSources) {
  ExpectOneErrorEach({
      {"rules: [{selector: up}]", "1:9", "\"name\" is missing"},
      {"rules: [{name: a/b, selector: up}]", "1:16", "letters, digits"},
      {"rules: [{name: r}]", "1:9", "selector or query is missing"},
      {"upstream: {url: 'http://h'}\nrules: [{name: r, selector: up, query: up}]", "2:9",
       "not both"},
      {"rules: [{name: r, query: up}]", "1:26", "needs an upstream"},
      {"upstream: {url: 'http://h'}\nrules: [{name: r, query: up, by: [a]}]", "2:34",
       "belongs to selector"},
      {"upstream: {url: 'http://h'}\nrules: [{name: r, query: up, limit: {selector: q}}]", "2:37",
       "is a number"},
      {"upstream: {url: 'http://h'}\nrules: [{name: a-b, query: up}]", "2:9", "(as: ...)"},
      {"rules: [{name: r, selector: 'up{'}]", "1:29", "selector, column 4:"},
      {"rules: [{name: r, selector: '{a=~\".*\"}', as: x}]", "1:29", "empty string"},
      {"rules: [{name: r, selector: '{a=\"b\"}'}]", "1:9", "fixes no metric name"},
      {"rules: [{name: r, selector: up, as: a-b}]", "1:37", "not a metric name"},
      {"rules: [{name: r, selector: up, over_time: median}]", "1:44",
       "unknown over_time function \"median\""},
      {"rules: [{name: r, selector: up, aggregate: p99}]", "1:44",
       "unknown aggregate function \"p99\""},
      {"rules: [{name: r, selector: up}, {name: r, selector: down}]", "1:34",
       "same name: \"r\" in line 1"},
      {"rules: [{name: r, selector: up}, {name: s, selector: up}]", "1:34",
       "would write the same series (up_forecast)"},
  });
}

TEST(ConfigErrorsTest, Labels) {
  ExpectOneErrorEach({
      {SelectorRule("by: [1a]"), "4:8", "not a label name"},
      {SelectorRule("by: [__name__]"), "4:8", "internal"},
      {SelectorRule("by: [a, a]"), "4:11", "two labels become \"a\""},
      {SelectorRule("by: [a, {label: b, as: a}]"), "4:11", "two labels become \"a\""},
      {SelectorRule("by: [{as: a}]"), "4:8", "\"label\" is missing"},
      {SelectorRule("by: [{label: a, to: b}]"), "4:19", "unknown key \"to\""},
      {SelectorRule("by: [[a]]"), "4:8", "want text, found a list"},
      {SelectorRule("by: a"), "4:7", "want a list, found \"a\""},
      {"global: {external_labels: {a: b}}\n" + SelectorRule("by: [a]"), "5:8",
       "global.external_labels"},
  });
  for (const std::string label :
       {"horizon", "quantile", "period", "forecast", "model", "reason", "le"}) {
    ExpectOneErrorEach({{SelectorRule("by: [" + label + "]"), "4:8", "(rename it: "},
                        {SelectorRule("by: [{label: x, as: " + label + "}]"), "4:8", "reserved"}});
  }
}

TEST(ConfigErrorsTest, Times) {
  ExpectOneErrorEach({
      {SelectorRule("step: 7m"), "4:9", "must divide a day"},
      {SelectorRule("step: 5s"), "4:9", "from 10s to 1d, found \"5s\""},
      {SelectorRule("step: [5m]"), "4:9", "want a duration, like 5m, found a list"},
      {SelectorRule("horizon: 7m"), "4:12", "not a multiple of the step (5m)"},
      {SelectorRule("horizon: 0s"), "4:12", "found \"0s\""},
      {SelectorRule("horizon: 1000d"), "4:12", "more than 100000 steps"},
      {SelectorRule("interval: 1s"), "4:13", "from 10s"},
      {SelectorRule("leads: [1h, 25h]"), "4:15", "lead 1d1h is beyond the horizon (1d)"},
      {SelectorRule("leads: [1h, 60m]"), "4:15", "lead 1h is given twice"},
      {SelectorRule("day: {from: \"08:00\", to: \"08:00\"}"), "4:8", "same time"},
      {SelectorRule("day: {from: \"08:00\", to: \"24:00\"}"), "4:28",
       "from \"00:00\" to \"23:59\""},
      {SelectorRule("day: {from: \"8:00\", to: \"20:00\"}"), "4:15", "time of day"},
      {SelectorRule("day: {from: \"08:00\"}"), "4:8", "\"to\" is missing"},
      {SelectorRule("retention: 1d"), "4:14", "shorter than model.context (2w)"},
  });
}

TEST(ConfigErrorsTest, LimitsModelsAndTraining) {
  ExpectOneErrorEach({
      {SelectorRule("limit: much"), "4:10", "want a number, found \"much\""},
      {SelectorRule("limit: .inf"), "4:10", "want a number"},
      {SelectorRule("limit: {over_time: max}"), "4:10", "\"selector\" is missing"},
      {SelectorRule("limit: {selector: q, by: [a]}"), "4:24", "unknown key \"by\" in limit"},
      {SelectorRule("covariates: [{selector: '{}'}]"), "4:27", "selector, column 1"},
      {SelectorRule("by: [user, group]\n  covariates: [{selector: a, by: [group]}, "
                    "{selector: b, by: [group, pool]}]"),
       "5:62", "covariates[1] groups by \"pool\", which rule r does not"},
      {SelectorRule("by: [{label: team, as: group}]\n  covariates: [{selector: a, by: [team]}]"),
       "5:34", "groups by \"team\""},
      {SelectorRule("covariates: [{selector: a}, {selector: a}, {selector: a}, {selector: a}, "
                    "{selector: a}, {selector: a}, {selector: a}, {selector: a}, {selector: a}]"),
       "4:15", "at most 8 covariates"},
      {SelectorRule("calendar: [2026-12-25]"), "4:13", "want a map for calendar"},
      {SelectorRule("calendar: {}"), "4:13", "\"days\" is missing"},
      {SelectorRule("calendar: {days: [25.12.2026]}"), "4:21", "want a date, like 2026-12-25"},
      {SelectorRule("calendar: {days: [2026-02-30]}"), "4:21", "want a date, like 2026-12-25"},
      {SelectorRule("calendar: {days: [2026-12-25, 2026-12-25]}"), "4:33", "is given twice"},
      {SelectorRule("model: {cell: gpt}"), "4:17", "want lstm, gru, transformer or none"},
      {SelectorRule("model: {hidden: 0}"), "4:19", "from 1 to 512"},
      {SelectorRule("model: {layers: 1.5}"), "4:19", "whole number"},
      {SelectorRule("model: {members: 11}"), "4:20", "from 1 to 9"},
      {SelectorRule("model: {members: 2}"), "4:20", "want an odd number"},
      {SelectorRule("model: {context: 5m}"), "4:20", "shorter than two steps"},
      {SelectorRule("model: {context: 11m}"), "4:20", "not a multiple of the step"},
      {SelectorRule("model: {quantiles: [0.1, 0.9]}"), "4:22", "must hold 0.5"},
      {SelectorRule("model: {quantiles: [0.5, 1]}"), "4:28", "between 0 and 1"},
      {SelectorRule("model: {quantiles: [0.5, 0.50]}"), "4:28", "given twice"},
      {SelectorRule("retrain: {per_aggregate: maybe}"), "4:28", "want true or false"},
      {SelectorRule("retrain: {cpu: 0.25}"), "4:18", "want a percentage from 5% to 100%"},
      {SelectorRule("retrain: {cpu: 101%}"), "4:18", "want a percentage from 5% to 100%"},
      {SelectorRule("retrain: {cpu: 4%}"), "4:18", "found \"4%\""},
      {SelectorRule("retrain: {tune: {trials: 0}}"), "4:28", "want a whole number from 1"},
      {SelectorRule("retrain: {tune: {time: 2h}}"), "4:26", "30m"},
      {SelectorRule("retrain: {tune: {trails: 4}}"), "4:20", "did you mean \"trials\"?"},
      {SelectorRule("retrain: {tune: true}"), "4:19", "want a map for tune"},
      {SelectorRule("retrain: {challenge: true}"), "4:24", "want a map for challenge"},
      {SelectorRule("retrain: {challenge: {for: 5m}}"), "4:30", "from 1h"},
      {SelectorRule("retrain: {challenge: {for: 24}}"), "4:30", "bad duration \"24\""},
      {SelectorRule("retrain: {challenge: {share: 0.2}}"), "4:32",
       "want a percentage from 0% to 100%"},
      {SelectorRule("retrain: {challenge: {share: 101%}}"), "4:32", "found \"101%\""},
      {SelectorRule("retrain: {challenge: {shares: 5%}}"), "4:25", "did you mean \"share\"?"},
      {SelectorRule("retrain: {challenges: {for: 1d}}"), "4:13", "did you mean \"challenge\"?"},
      {SelectorRule("aggregates_max: 0"), "4:19", "want a whole number from 1"},
      {SelectorRule("horizons: 1h"), "4:3", "did you mean \"horizon\"?"},
  });
}

TEST(ConfigErrorsTest, AllErrorsOfAFileAreReportedByLine) {
  EXPECT_THAT(
      Errors("rules:\n"
             "- nam: r\n"
             "  selector: up{\n"
             "  step: 7m\n"
             "global: {timezone: Mars}\n"),
      ElementsAre(HasSubstr("f.yml:2:3: rules[0]: \"name\" is missing"),
                  HasSubstr("f.yml:2:3: unknown key \"nam\""),
                  HasSubstr("f.yml:3:13: selector, column 4"), HasSubstr("f.yml:4:9: a step must"),
                  HasSubstr("f.yml:5:20: unknown time zone")));
}

TEST(ConfigErrorsTest, AMissingFileIsNotFound) {
  const auto config = LoadConfig("/no/such/auspex.yml");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("/no/such/auspex.yml"));
}

}  // namespace
}  // namespace auspex
