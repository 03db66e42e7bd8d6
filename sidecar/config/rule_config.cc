#include "sidecar/config/rule_config.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/config/calendar_config.h"
#include "sidecar/config/name_checks.h"
#include "sidecar/config/series_config.h"
#include "sidecar/core/duration.h"

namespace auspex {
namespace {

constexpr DurationMs kStepMin = 10 * kSecond;
// What the network takes (model/spec/model_spec.h).
constexpr int64_t kHorizonStepsMax = 100'000;
constexpr int64_t kContextStepsMax = 1'000'000;
constexpr int64_t kMembersMax = 9;
constexpr size_t kCovariatesMax = 8;
constexpr std::string_view kCells[] = {"lstm", "gru", "transformer", "none"};
constexpr int kCpuPercentMin = 5;  // less would not end within the hour that a job may take

constexpr int kTrialsMax = 1000;
// Leaves time for the rest of a job, which may take an hour.
constexpr DurationMs kTuneTimeMax = 30 * kMinute;
// Fewer outcomes than come in an hour decide nothing.
constexpr DurationMs kChallengeMin = kHour;

// Reads one rule; each method reads the keys of its concern.
class RuleReader {
 public:
  RuleReader(const YamlValue& value, const std::string& what, const Config& config)
      : map_(value, what), config_(config) {}

  Rule Read() {
    ReadName();
    ReadGrid();
    ReadSource();
    ReadBaseName();
    ReadLeads();
    ReadDay();
    ReadLimit();
    ReadCovariates();
    ReadSpecialDays();
    ReadModel();
    ReadRetrain();
    ReadRetention();
    map_.Integer("aggregates_max", 1, 10'000'000, &rule_.aggregates_max);
    map_.Bool("reconcile", &rule_.reconcile);
    map_.Finish();
    return std::move(rule_);
  }

 private:
  void ReadName() {
    const auto name = map_.Require("name");
    if (!name) return;
    rule_.name = name->Text().value_or("");
    if (!IsPlainName(rule_.name)) {
      name->Error("\"" + rule_.name + "\": a rule's name is made of letters, digits and _ . : -");
    }
    rule_.values.name = rule_.name;
  }

  void ReadGrid() {
    DurationMs& step = rule_.values.step_ms;
    if (const auto value = map_.Find("step")) {
      const DurationMs wanted = value->Duration(kStepMin, kDay).value_or(step);
      if (kDay % wanted == 0) {
        step = wanted;
      } else {
        value->Error("a step must divide a day into equal parts");
      }
    }
    map_.Duration("interval", kStepMin, &rule_.interval_ms);
    if (const auto value = map_.Find("horizon")) {
      rule_.horizon_ms = value->Duration(1, kDurationMax).value_or(rule_.horizon_ms);
      if (rule_.horizon_ms % step != 0) {
        value->Error("horizon is not a multiple of the step (" + FormatDuration(step) + ")");
      } else if (rule_.horizon_ms / step > kHorizonStepsMax) {
        value->Error("horizon is more than " + std::to_string(kHorizonStepsMax) + " steps");
      }
    }
  }

  // Either `selector` with how to fold it, or `query`.
  void ReadSource() {
    const auto query = map_.Find("query");
    const auto selector = map_.Find("selector");
    const auto by = map_.Find("by");
    if (query.has_value() == selector.has_value()) {
      map_.Error(query ? "give either selector or query, not both"
                       : "selector or query is missing");
    }
    if (!query) {
      if (selector) ReadFold(map_, &rule_.values);
      if (by) rule_.values.by = ReadBy(*by, config_.global.external_labels);
    }
    for (const char* key : {"over_time", "aggregate", "by"}) {
      const auto value = map_.Find(key);
      if (query && value) {
        value->Error(std::string(key) + " belongs to selector; a query says it in PromQL");
      }
    }
    if (!query) return;
    rule_.query = query->Text().value_or("");
    if (rule_.query.empty()) query->Error("the query is empty");
    if (!config_.upstream) query->Error("a query needs an upstream that answers it");
  }

  void ReadBaseName() {
    if (const auto as = map_.Find("as")) {
      rule_.base_name = as->Text().value_or("");
      if (!IsMetricName(rule_.base_name)) {
        as->Error("\"" + rule_.base_name + "\" is not a metric name");
      }
      return;
    }
    rule_.base_name =
        rule_.pulled() ? rule_.name : std::string(rule_.values.selector.metric_name());
    const bool selective = rule_.pulled() || !rule_.values.selector.matchers().empty();
    if (selective && !IsMetricName(rule_.base_name)) {
      map_.Error(rule_.pulled()
                     ? "its name is not a metric name: say how to name the series (as: ...)"
                     : "the selector fixes no metric name: say how to name the series "
                       "(as: ...)");
    }
  }

  void ReadLeads() {
    std::vector<DurationMs>& leads = rule_.leads_ms;
    const auto value = map_.Find("leads");
    if (!value) {
      for (const DurationMs lead : {kHour, 6 * kHour, 24 * kHour}) {
        if (lead <= rule_.horizon_ms) leads.push_back(lead);
      }
      if (leads.empty()) leads.push_back(rule_.horizon_ms);
      return;
    }
    for (const YamlValue& item : value->Items()) {
      const auto lead = item.Duration(1, kDurationMax);
      if (!lead) continue;
      if (*lead > rule_.horizon_ms) {
        item.Error("lead " + FormatDuration(*lead) + " is beyond the horizon (" +
                   FormatDuration(rule_.horizon_ms) + ")");
      } else if (std::find(leads.begin(), leads.end(), *lead) != leads.end()) {
        item.Error("lead " + FormatDuration(*lead) + " is given twice");
      } else {
        leads.push_back(*lead);
      }
    }
    std::sort(leads.begin(), leads.end());
  }

  // "HH:MM" as minutes after midnight.
  static std::optional<int> ReadTimeOfDay(YamlMap& map, const std::string& key) {
    const auto value = map.Require(key);
    const auto text = value ? value->Text() : std::nullopt;
    if (!text) return std::nullopt;
    const auto digit = [&](size_t i) { return (*text)[i] - '0'; };
    const bool shaped = text->size() == 5 && (*text)[2] == ':' &&
                        text->find_first_not_of("0123456789:") == std::string::npos &&
                        std::count(text->begin(), text->end(), ':') == 1;
    const int hour = shaped ? digit(0) * 10 + digit(1) : 24;
    const int minute = shaped ? digit(3) * 10 + digit(4) : 60;
    if (hour <= 23 && minute <= 59) return hour * 60 + minute;
    value->WrongType("a time of day from \"00:00\" to \"23:59\"");
    return std::nullopt;
  }

  void ReadDay() {
    const auto value = map_.Find("day");
    if (!value) return;
    YamlMap map(*value, "day");
    const auto from = ReadTimeOfDay(map, "from");
    const auto to = ReadTimeOfDay(map, "to");
    map.Finish();
    if (!from || !to) return;
    if (*from == *to) map.Error("from and to are the same time");
    rule_.day = DayPeriod{.from_minute = *from, .to_minute = *to};
  }

  void ReadLimit() {
    const auto value = map_.Find("limit");
    if (!value) return;
    if (!value->IsMap()) {
      rule_.limit = Limit{.constant = value->Number()};
      return;
    }
    if (rule_.pulled()) value->Error("the limit of a query rule is a number");
    rule_.limit =
        Limit{.aggregation = ReadCompanion(*value, "limit", rule_.values, rule_.name + "/limit")};
  }

  void ReadCovariates() {
    const auto value = map_.Find("covariates");
    if (!value) return;
    if (rule_.pulled()) value->Error("covariates belong to selector rules");
    for (const YamlValue& item : value->Items()) {
      const std::string place = std::to_string(rule_.covariates.size());
      rule_.covariates.push_back(ReadCovariate(item, "covariates[" + place + ']', rule_.values,
                                               rule_.name + "/covariate/" + place));
    }
    if (rule_.covariates.size() > kCovariatesMax) {
      value->Error("a rule has at most " + std::to_string(kCovariatesMax) + " covariates");
    }
  }

  void ReadSpecialDays() {
    rule_.special_days = config_.global.special_days;
    if (const auto calendar = map_.Find("calendar")) rule_.special_days = ReadCalendar(*calendar);
  }

  void ReadModel() {
    const auto value = map_.Find("model");
    if (!value) return CheckContext(std::nullopt);
    ModelConfig& model = rule_.model;
    YamlMap map(*value, "model");
    if (const auto cell = map.Find("cell")) {
      model.cell = cell->Text().value_or(model.cell);
      if (std::find(std::begin(kCells), std::end(kCells), model.cell) == std::end(kCells)) {
        cell->WrongType("lstm, gru, transformer or none");
      }
    }
    map.Integer("hidden", 1, 512, &model.hidden);
    map.Integer("layers", 1, 4, &model.layers);
    if (const auto members = map.Find("members")) {
      model.members = static_cast<int>(members->Integer(1, kMembersMax).value_or(model.members));
      if (model.members % 2 == 0) members->WrongType("an odd number: the middle one is published");
    }
    const auto context = map.Find("context");
    if (context) {
      model.context_ms = context->Duration(kStepMin, kDurationMax).value_or(model.context_ms);
    }
    CheckContext(context);
    if (const auto quantiles = map.Find("quantiles")) ReadQuantiles(*quantiles);
    map.Finish();
  }

  void CheckContext(const std::optional<YamlValue>& context) {
    const DurationMs step = rule_.values.step_ms;
    const auto error = [&](const std::string& text) {
      context ? context->Error(text) : map_.Error(text);
    };
    const std::string name = "model.context (" + FormatDuration(rule_.model.context_ms) + ")";
    if (rule_.model.context_ms % step != 0) {
      error(name + " is not a multiple of the step (" + FormatDuration(step) + ")");
    } else if (rule_.model.context_ms < 2 * step) {
      error(name + " is shorter than two steps");
    } else if (rule_.model.context_ms / step > kContextStepsMax) {
      error(name + " is more than " + std::to_string(kContextStepsMax) + " steps");
    }
  }

  void ReadQuantiles(const YamlValue& value) {
    std::vector<double>& quantiles = rule_.model.quantiles;
    quantiles.clear();
    for (const YamlValue& item : value.Items()) {
      const auto level = item.Number();
      if (!level) continue;
      if (*level <= 0 || *level >= 1) {
        item.WrongType("a quantile level between 0 and 1");
      } else if (std::find(quantiles.begin(), quantiles.end(), *level) != quantiles.end()) {
        item.Error("a quantile level is given twice");
      } else {
        quantiles.push_back(*level);
      }
    }
    std::sort(quantiles.begin(), quantiles.end());
    if (std::find(quantiles.begin(), quantiles.end(), 0.5) == quantiles.end()) {
      value.Error("quantiles must hold 0.5, the point forecast");
    }
  }

  void ReadRetrain() {
    const auto value = map_.Find("retrain");
    if (!value) return;
    YamlMap map(*value, "retrain");
    map.Duration("every", kMinute, &rule_.retrain.every_ms);
    map.Duration("min_history", kMinute, &rule_.retrain.min_history_ms);
    map.Bool("per_aggregate", &rule_.retrain.per_aggregate);
    if (const auto cpu = map.Find("cpu")) {
      rule_.retrain.cpu_percent =
          cpu->Percent(kCpuPercentMin, 100).value_or(rule_.retrain.cpu_percent);
    }
    if (const auto tune = map.Find("tune")) ReadTune(*tune);
    if (const auto challenge = map.Find("challenge")) ReadChallenge(*challenge);
    map.Finish();
  }

  void ReadTune(const YamlValue& value) {
    TuneConfig& tune = rule_.retrain.tune.emplace();
    YamlMap map(value, "tune");
    map.Integer("trials", 1, kTrialsMax, &tune.trials);
    if (const auto time = map.Find("time")) {
      tune.time_ms = time->Duration(kSecond, kTuneTimeMax).value_or(tune.time_ms);
    }
    map.Finish();
  }

  void ReadChallenge(const YamlValue& value) {
    ChallengeConfig& challenge = rule_.retrain.challenge.emplace();
    YamlMap map(value, "challenge");
    map.Duration("for", kChallengeMin, &challenge.for_ms);
    if (const auto share = map.Find("share")) {
      challenge.share_percent = share->Percent(0, 100).value_or(challenge.share_percent);
    }
    map.Finish();
  }

  // At least what a forecast reads; by default no less than that.
  void ReadRetention() {
    const DurationMs context = rule_.model.context_ms;
    const auto value = map_.Find("retention");
    if (!value) {
      rule_.retention_ms = std::max(rule_.retention_ms, context);
      return;
    }
    rule_.retention_ms = value->Duration(1, kDurationMax).value_or(rule_.retention_ms);
    if (rule_.retention_ms < context) {
      value->Error("retention is shorter than model.context (" + FormatDuration(context) + ")");
    }
  }

  YamlMap map_;
  const Config& config_;
  Rule rule_;
};

}  // namespace

std::vector<Rule> ReadRules(const YamlValue& value, const Config& config) {
  std::vector<Rule> rules;
  std::vector<int> lines;
  for (const YamlValue& item : value.Items()) {
    const std::string what = "rules[" + std::to_string(rules.size()) + ']';
    if (!item.IsMap()) {
      item.WrongType("a map for " + what);
      continue;
    }
    Rule rule = RuleReader(item, what, config).Read();
    for (size_t i = 0; i < rules.size(); ++i) {
      const std::string other = "\"" + rules[i].name + "\" in line " + std::to_string(lines[i]);
      if (!rule.name.empty() && rule.name == rules[i].name) {
        item.Error("two rules have the same name: " + other);
      } else if (!rule.base_name.empty() && rule.base_name == rules[i].base_name) {
        item.Error("rule \"" + rule.name + "\" would write the same series (" + rule.base_name +
                   "_forecast) as rule " + other + ": give one of them another name (as: ...)");
      }
    }
    lines.push_back(item.place().line);
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace auspex
