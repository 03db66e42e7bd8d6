// /api/v1/... as a client of the HTTP server sees it.
#include "sidecar/serve/api_http.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/history/store.h"
#include "sidecar/net/http_client.h"
#include "sidecar/net/http_server.h"
#include "tests/testing/manual_clock.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

using nlohmann::json;

// 2026-03-02 00:00 UTC.
constexpr TimestampMs kOrigin = 1'772'409'600'000;
constexpr DurationMs kStep = 5 * kMinute;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

ActiveRule RuleNamed(const std::string& name) {
  Rule rule;
  rule.name = name;
  rule.base_name = name + "_used_bytes";
  rule.values.name = name;
  rule.values.selector = Selector::Parse(name + "_used_bytes").value();
  rule.values.step_ms = kStep;
  rule.leads_ms = {kHour, 6 * kHour};
  return {rule, OutputNames(rule.base_name), RuleId{}, std::nullopt};
}

// A day ahead in which the median grows by `slope` per step from zero, quantiles 1 to either side.
Forecast Growing(const std::string& user, float slope, double limit) {
  Forecast forecast;
  forecast.labels = LabelSet({{"user", user}});
  forecast.origin_ms = kOrigin;
  forecast.issued_at_ms = kOrigin + kSecond;
  forecast.step_ms = kStep;
  forecast.quantile_levels = {0.1, 0.5, 0.9};
  for (int k = 1; k <= 288; ++k) {
    const float v = slope * static_cast<float>(k);
    forecast.values.insert(forecast.values.end(), {v - 1, v, v + 1});
  }
  forecast.model = "lstm";
  forecast.reason = "ok";
  forecast.limit = limit;
  return forecast;
}

struct Answer {
  int status = 0;
  json body;
};

class ApiHttpTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = Store::Open({.path = dir_.File("db")}, Logger());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    auto history = History::Open(*store_, {}, Logger(), metrics_);
    ASSERT_TRUE(history.ok()) << history.status();
    history_ = *std::move(history);
    auto registry = ModelRegistry::Open({.directory = dir_.File("models")}, Logger(), metrics_);
    ASSERT_TRUE(registry.ok()) << registry.status();
    registry_ = *std::move(registry);
    issued_ = std::make_unique<IssuedLog>(*store_);
    shadow_ = std::make_unique<IssuedLog>(*store_, Store::Family::kShadow);
    state_ = std::make_unique<StateStore>(*store_);
    ledger_ = std::make_unique<Ledger>(
        LedgerParts{*history_, *issued_, *shadow_, *state_, clock_, Logger(), metrics_});
    MakeRules();
    service_ = std::make_unique<ApiService>(ApiSources{[this] { return rules_; },
                                                       [this] { return config_yaml_; },
                                                       forecasts_,
                                                       *history_,
                                                       *registry_,
                                                       progress_,
                                                       clock_,
                                                       {"1.2.3", "abcdef", "gcc"},
                                                       "cpu",
                                                       ledger_.get()});
    server_ = std::make_unique<HttpServer>(HttpServerOptions{.listen_address = "127.0.0.1:0"},
                                           Logger(), metrics_);
    HttpRouter routes;
    RegisterApi(*service_, routes);
    server_->SetRoutes(std::move(routes));
    ASSERT_TRUE(server_->Start().ok());
  }

  // Two rules; history knows one of them.
  void MakeRules() {
    auto rules = std::make_shared<ActiveRules>();
    rules->rules = {RuleNamed("storage"), RuleNamed("inodes")};
    const auto id =
        history_->RegisterRule({.name = "storage",
                                .fingerprint = "f",
                                .step_ms = kStep,
                                .retention_ms = 30 * kDay,
                                .context_steps = static_cast<size_t>(14 * kDay / kStep)});
    ASSERT_TRUE(id.ok()) << id.status();
    rules->rules[0].values_id = *id;
    rules_ = std::move(rules);
  }

  void Publish(const std::string& rule, std::vector<Forecast> forecasts) {
    auto issue = std::make_shared<RuleForecasts>();
    issue->origin_ms = kOrigin;
    issue->issued_at_ms = kOrigin + kSecond;
    issue->forecasts = std::move(forecasts);
    forecasts_.Publish(rule, std::move(issue));
  }

  // Every answer must be JSON with Prometheus' envelope.
  Answer Get(const std::string& path, const std::string& method = "GET") {
    HttpClientRequest request;
    request.method = method;
    request.url = "http://127.0.0.1:" + std::to_string(server_->port()) + "/api/v1/" + path;
    const auto response = client_.Perform(request);
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok()) return {};
    Answer answer{response->status, json::parse(response->body, nullptr, false)};
    if (response->status != 405) {
      EXPECT_EQ(response->Header("Content-Type"), "application/json");
      EXPECT_TRUE(answer.body.is_object()) << response->body;
      EXPECT_EQ(answer.body.value("status", ""), response->status == 200 ? "success" : "error");
    }
    return answer;
  }
  json Data(const std::string& path) {
    const Answer answer = Get(path);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.body.value("data", json::object());
  }

  const TempDir dir_;
  prometheus::Registry metrics_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<History> history_;
  std::unique_ptr<ModelRegistry> registry_;
  ForecastStore forecasts_;
  ProgressBoard progress_;
  ManualClock clock_{kOrigin};
  std::unique_ptr<IssuedLog> issued_;
  std::unique_ptr<IssuedLog> shadow_;
  std::unique_ptr<StateStore> state_;
  std::unique_ptr<Ledger> ledger_;
  std::shared_ptr<const ActiveRules> rules_;
  std::string config_yaml_ = "rules:\n  - name: \"storage\"\n";
  std::unique_ptr<ApiService> service_;
  std::unique_ptr<HttpServer> server_;
  HttpClient client_;
};

TEST_F(ApiHttpTest, RulesSayWhatTheyAreDoing) {
  const RuleId id = rules_->rules[0].values_id;
  const auto ann = history_->Intern(id, LabelSet({{"user", "ann"}}));
  ASSERT_TRUE(ann.ok());
  const AggregateValue value = {*ann, 5};
  ASSERT_TRUE(history_->AppendStep(id, kOrigin, {&value, 1}).ok());
  progress_.Set("storage", Phase::kTraining, 0.5, "base");
  progress_.SetError("storage", "the trainer \"died\"");
  Publish("storage", {Growing("ann", 1, 100)});

  const json rules = Data("rules")["rules"];
  ASSERT_EQ(rules.size(), 2U);
  const json& storage = rules[0];
  EXPECT_EQ(storage["name"], "storage");
  EXPECT_EQ(storage["promql"], rules_->rules[0].rule.Promql());
  EXPECT_EQ(storage["step"], "5m");
  EXPECT_EQ(storage["horizon"], "1d");
  EXPECT_EQ(storage["base_name"], "storage_used_bytes");
  EXPECT_EQ(storage["aggregates"], 1);
  EXPECT_EQ(storage["forecasts"], 1);
  EXPECT_EQ(storage["last_step"], kOrigin / 1000);
  EXPECT_EQ(storage["last_forecast"], kOrigin / 1000 + 1);
  EXPECT_EQ(storage["phase"], "training");
  EXPECT_EQ(storage["progress"], 0.5);
  EXPECT_EQ(storage["stage"], "base");
  EXPECT_EQ(storage["last_error"], "the trainer \"died\"");
  EXPECT_FALSE(storage.contains("model_version"));
  EXPECT_FALSE(rules[1].contains("last_forecast"));
}

TEST_F(ApiHttpTest, RulesShowTheServingModelAndItsScores) {
  TrainedModels models;
  models.base = model::UntrainedWeights(models.spec);
  models.choice.candidate = "base";
  models.scores = {{"base", 0.5, 0.2}, {"seasonal_naive", 0.75, 0.3}};
  models.trained_at_ms = kOrigin;
  models.settings.learning_rate = 0.25;
  models.trials = {{.settings = {}, .iterations = 400, .loss = 0.5}, {.settings = models.settings}};
  models.tuning_cpu_seconds = 8;
  ASSERT_TRUE(registry_->Publish("storage", models).ok());

  const json storage = Data("rules")["rules"][0];
  EXPECT_EQ(storage["model_version"], 1);
  EXPECT_EQ(storage["trained_at"], kOrigin / 1000);
  EXPECT_EQ(storage["gate_choice"], "base");
  ASSERT_EQ(storage["scores"].size(), 2U);
  EXPECT_EQ(storage["scores"][1]["candidate"], "seasonal_naive");
  EXPECT_EQ(storage["scores"][1]["mae"], 0.75);
  EXPECT_EQ(storage["tuning"]["chosen"]["learning_rate"], 0.25);
  EXPECT_EQ(storage["tuning"]["cpu_seconds"], 8);
  ASSERT_EQ(storage["tuning"]["trials"].size(), 2U);
  EXPECT_EQ(storage["tuning"]["trials"][0]["loss"], 0.5);
  EXPECT_FALSE(storage["tuning"]["trials"][1].contains("loss"));
}

TEST_F(ApiHttpTest, RulesShowTheLatestChallenge) {
  TrainedModels models;
  models.base = model::UntrainedWeights(models.spec);
  models.trained_at_ms = kOrigin;
  ASSERT_TRUE(registry_->Publish("storage", models).ok());
  EXPECT_FALSE(Data("rules")["rules"][0].contains("challenge"));
  ASSERT_TRUE(registry_->PublishChallenger("storage", models, kDay).ok());
  const json running = Data("rules")["rules"][0];
  EXPECT_EQ(running["model_version"], 1);
  EXPECT_EQ(running["challenge"]["version"], 2);
  EXPECT_EQ(running["challenge"]["champion"], 1);
  EXPECT_EQ(running["challenge"]["state"], "running");
  EXPECT_EQ(running["challenge"]["started_at"], kOrigin / 1000);
  EXPECT_EQ(running["challenge"]["earliest_end"], (kOrigin + kDay) / 1000);
  EXPECT_FALSE(running["challenge"].contains("ended_at"));
  EXPECT_FALSE(running["challenge"].contains("loss_ratio"));

  Challenge challenge = registry_->LatestChallenge("storage").value();
  challenge.state = ChallengeState::kPromoted;
  challenge.ended_at_ms = kOrigin + 2 * kDay;
  challenge.reason = "not_worse";
  challenge.evidence = {.blocks = 9, .log_ratio = 0, .standard_error = 0.25};
  ASSERT_TRUE(registry_->EndChallenge("storage", challenge).ok());
  const json ended = Data("rules")["rules"][0];
  EXPECT_EQ(ended["model_version"], 2);
  EXPECT_EQ(ended["challenge"]["state"], "promoted");
  EXPECT_EQ(ended["challenge"]["reason"], "not_worse");
  EXPECT_EQ(ended["challenge"]["ended_at"], (kOrigin + 2 * kDay) / 1000);
  EXPECT_EQ(ended["challenge"]["blocks"], 9);
  EXPECT_EQ(ended["challenge"]["loss_ratio"], 1);
  EXPECT_EQ(ended["challenge"]["loss_ratio_error"], 0.25);
}

TEST_F(ApiHttpTest, AggregatesNameTheVersionThatServesThem) {
  std::vector<Forecast> forecasts = {Growing("ann", 1, 100), Growing("bob", 1, 100)};
  forecasts[0].model_version = 3;
  forecasts[1].model_version = 4;
  Publish("storage", forecasts);
  for (const auto& [user, version] : {std::pair{"ann", 3}, {"bob", 4}}) {
    const std::string filter = std::string("?rule=storage&user=") + user;
    EXPECT_EQ(Data("aggregates" + filter)["aggregates"][0]["model_version"], version);
    EXPECT_EQ(Data("forecast" + filter)["forecasts"][0]["model_version"], version);
  }
}

TEST_F(ApiHttpTest, AggregatesComeSoonestToTheirLimitFirst) {
  // ann reaches the limit in 200 minutes, bob in 50, eve not within the horizon, dan has none.
  Publish("storage", {Growing("ann", 1, 40), Growing("bob", 4, 40), Growing("eve", 0, 40),
                      Growing("dan", 1, Missing())});
  const json aggregates = Data("aggregates")["aggregates"];
  ASSERT_EQ(aggregates.size(), 4U);
  EXPECT_EQ(aggregates[0]["labels"]["user"], "bob");
  EXPECT_EQ(aggregates[1]["labels"]["user"], "ann");

  const json& bob = aggregates[0];
  EXPECT_EQ(bob["rule"], "storage");
  EXPECT_EQ(bob["limit"], 40);
  EXPECT_EQ(bob["quantiles"], json({0.1, 0.5, 0.9}));
  ASSERT_EQ(bob["leads"].size(), 2U);
  EXPECT_EQ(bob["leads"][0]["horizon"], "1h");
  EXPECT_EQ(bob["leads"][0]["values"], json({47.0, 48.0, 49.0}));
  EXPECT_EQ(bob["leads"][0]["breach_probability"], 1);
  ASSERT_EQ(bob["time_to_limit"].size(), 2U);
  EXPECT_EQ(bob["time_to_limit"][0]["quantile"], 0.5);
  EXPECT_EQ(bob["time_to_limit"][0]["seconds"], 50 * 60);
  EXPECT_LT(bob["time_to_limit"][1]["seconds"], 50 * 60);

  // The quantile never gets there: no number at all, rather than one that looks like a time.
  const json& eve = aggregates[2];
  EXPECT_EQ(eve["labels"]["user"], "eve");
  ASSERT_EQ(eve["time_to_limit"].size(), 2U);
  EXPECT_FALSE(eve["time_to_limit"][0].contains("seconds"));
  const json& dan = aggregates[3];
  EXPECT_FALSE(dan.contains("limit"));
  EXPECT_TRUE(dan["time_to_limit"].empty());
  EXPECT_FALSE(dan["leads"][0].contains("breach_probability"));
}

TEST_F(ApiHttpTest, ParametersFilterByRuleAndLabels) {
  Publish("storage", {Growing("ann", 1, 40), Growing("bob", 1, 40)});
  Publish("inodes", {Growing("ann", 1, 40)});
  EXPECT_EQ(Data("aggregates")["aggregates"].size(), 3U);
  EXPECT_EQ(Data("aggregates?rule=storage")["aggregates"].size(), 2U);
  EXPECT_EQ(Data("aggregates?user=ann")["aggregates"].size(), 2U);
  EXPECT_EQ(Data("aggregates?rule=storage&user=ann")["aggregates"].size(), 1U);
  EXPECT_TRUE(Data("aggregates?user=nobody")["aggregates"].empty());
  EXPECT_TRUE(Data("aggregates?team=a")["aggregates"].empty());
  EXPECT_EQ(Data("forecast?user=bob")["forecasts"].size(), 1U);
}

TEST_F(ApiHttpTest, WhatDoesNotExistIsNotFound) {
  Publish("storage", {Growing("ann", 1, 40)});
  for (const std::string path :
       {"aggregates?rule=none", "forecast?rule=none", "forecast?rule=storage&user=nobody",
        "forecast?rule=inodes", "aggregates?rule=a%22b%0A%C3%A9"}) {
    const Answer answer = Get(path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(answer.body.value("errorType", ""), "not_found") << path;
    EXPECT_FALSE(answer.body.value("error", "").empty()) << path;
  }
  EXPECT_EQ(Get("aggregates?rule=a%22b%0A").body["error"], "no rule named \"a\"b\n\"");
}

TEST_F(ApiHttpTest, AForecastIsItsWholeCurve) {
  Publish("storage", {Growing("ann", 2, 40)});
  const json forecast = Data("forecast?rule=storage")["forecasts"][0];
  EXPECT_EQ(forecast["rule"], "storage");
  EXPECT_EQ(forecast["labels"], json({{"user", "ann"}}));
  EXPECT_EQ(forecast["origin"], kOrigin / 1000);
  EXPECT_EQ(forecast["issued_at"], kOrigin / 1000 + 1);
  EXPECT_EQ(forecast["model"], "lstm");
  EXPECT_EQ(forecast["reason"], "ok");
  ASSERT_EQ(forecast["points"].size(), 288U);
  EXPECT_EQ(forecast["points"][1]["time"], (kOrigin + 2 * kStep) / 1000);
  EXPECT_EQ(forecast["points"][1]["values"], json({3.0, 4.0, 5.0}));
}

TEST_F(ApiHttpTest, ATotalTellsWhoseForecastMakesItRise) {
  auto rules = std::make_shared<ActiveRules>();
  rules->rules = {RuleNamed("users"), RuleNamed("cluster")};
  for (ActiveRule& rule : rules->rules) rule.rule.values.selector = Selector::Parse("used").value();
  rules->rules[0].rule.values.by = {{"user", "user"}};
  rules_ = std::move(rules);
  std::vector<Forecast> users = {Growing("idle", 0, Missing())};
  for (int i = 1; i <= 12; ++i) users.push_back(Growing("u" + std::to_string(i), 1, Missing()));
  users.push_back(Growing("ann", 4, Missing()));
  Publish("users", std::move(users));
  Forecast cluster = Growing("", 16, Missing());
  Publish("cluster", {cluster});

  const json contributions = Data("forecast?rule=cluster")["forecasts"][0]["contributions"];
  ASSERT_EQ(contributions.size(), 2U);  // one per lead
  const json& lead = contributions[1];
  EXPECT_EQ(lead["rule"], "users");
  EXPECT_EQ(lead["horizon"], "6h");
  EXPECT_EQ(lead["change"], 72 * 16);
  EXPECT_EQ(lead["members"], 14);
  ASSERT_EQ(lead["top"].size(), 10U);
  EXPECT_EQ(lead["top"][0]["labels"], json({{"user", "ann"}}));
  EXPECT_EQ(lead["top"][0]["last_value"], 0);
  EXPECT_EQ(lead["top"][0]["value"], 72 * 4);
  EXPECT_EQ(lead["top"][0]["change"], 72 * 4);
  EXPECT_EQ(lead["top"][0]["share"], 0.25);
  EXPECT_EQ(lead["top"][1]["share"], 1.0 / 16);
  // Members have none themselves, and another origin's members say nothing about this one.
  EXPECT_TRUE(Data("forecast?rule=users&user=ann")["forecasts"][0]["contributions"].empty());
  auto later = std::make_shared<RuleForecasts>();
  later->origin_ms = kOrigin + kStep;
  later->forecasts = {cluster};
  forecasts_.Publish("cluster", std::move(later));
  EXPECT_TRUE(Data("forecast?rule=cluster")["forecasts"][0]["contributions"].empty());
}

TEST_F(ApiHttpTest, NumbersThatJsonDoesNotHaveStayValidJson) {
  Forecast strange = Growing("ann", 1, kInfinity);
  strange.values.assign(strange.values.size(), std::numeric_limits<float>::quiet_NaN());
  strange.values[0] = -std::numeric_limits<float>::infinity();
  strange.last_value = -kInfinity;
  Forecast empty = Growing("bob", 1, Missing());
  empty.values.clear();
  empty.quantile_levels.clear();
  Publish("storage", {strange, empty});
  // Get and Data check that the answer is JSON.
  EXPECT_EQ(Data("aggregates")["aggregates"].size(), 2U);
  const json points = Data("forecast?user=ann")["forecasts"][0]["points"];
  EXPECT_EQ(points[0]["values"], json({"-Infinity", "NaN", "NaN"}));
  EXPECT_TRUE(Data("forecast?user=bob")["forecasts"][0]["points"].empty());
}

TEST_F(ApiHttpTest, AccuracyByLeadAndAggregate) {
  const ActiveRule& storage = rules_->rules[0];
  const AggregateId ann = *history_->Intern(storage.values_id, LabelSet({{"user", "ann"}}));
  const auto close = [&](TimestampMs t_ms, double value) {
    const AggregateValue row = {ann, value};
    ASSERT_TRUE(history_->AppendStep(storage.values_id, t_ms, {&row, 1}).ok());
    ledger_->Score(storage);
  };
  // Changes of 2 from day to day, a forecast of 10 for 13.
  close(kOrigin + kHour - 2 * kDay, 9);
  close(kOrigin + kHour - kDay, 11);
  close(kOrigin, 12);
  for (int i = 0; i < 60; ++i) ledger_->Score(storage);  // two days of steps, some at a time
  IssuedRow row;
  ledger_->FillIssued(storage, &row);
  row.quantile_levels = {0.1, 0.5, 0.9};
  IssuedForecast issued{ann, {}};
  for (size_t i = 0; i < row.leads_ms.size(); ++i) {
    issued.values.insert(issued.values.end(), {8, 10, 12.5F});
  }
  row.forecasts = {issued};
  ASSERT_TRUE(issued_->Put(storage.values_id, kOrigin, row).ok());
  for (TimestampMs t_ms = kOrigin + kStep; t_ms < kOrigin + kHour; t_ms += kStep) close(t_ms, 12);
  close(kOrigin + kHour, 13);

  const json rules = Data("accuracy")["rules"];
  ASSERT_EQ(rules.size(), 2U);
  const json& lead = rules[0]["leads"][0];
  EXPECT_EQ(lead["horizon"], "1h");
  EXPECT_EQ(lead["accuracy"]["targets"], 1);
  EXPECT_EQ(lead["accuracy"]["mase"], 1.5);
  EXPECT_EQ(lead["accuracy"]["seasonal_naive_mase"], 1);
  EXPECT_EQ(lead["accuracy"]["coverage"], 0);
  EXPECT_EQ(lead["accuracy"]["bias"], -1.5);
  EXPECT_GT(lead["interval_factor"], 1);
  EXPECT_FALSE(rules[0]["leads"][1]["accuracy"].contains("mase"));
  EXPECT_FALSE(rules[0].contains("drifted_at"));
  ASSERT_EQ(rules[0]["aggregates"].size(), 1U);
  EXPECT_EQ(rules[0]["aggregates"][0]["labels"], json({{"user", "ann"}}));
  EXPECT_EQ(rules[0]["aggregates"][0]["accuracy"]["mase"], 1.5);
  EXPECT_TRUE(rules[1]["leads"].empty());
  EXPECT_TRUE(Data("accuracy?rule=storage&user=bob")["rules"][0]["aggregates"].empty());
  EXPECT_EQ(Get("accuracy?rule=none").status, 404);
}

TEST_F(ApiHttpTest, StatusTellsConfigurationAndBuild) {
  EXPECT_EQ(Data("status/config")["yaml"], config_yaml_);
  const json build = Data("status/buildinfo");
  EXPECT_EQ(build["version"], "1.2.3");
  EXPECT_EQ(build["revision"], "abcdef");
  EXPECT_EQ(build["engine"], "cpu");
}

TEST_F(ApiHttpTest, OnlyGetIsAllowed) { EXPECT_EQ(Get("rules", "POST").status, 405); }

}  // namespace
}  // namespace auspex
