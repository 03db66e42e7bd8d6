#include <yaml-cpp/yaml.h>

#include <array>
#include <charconv>
#include <string>

#include "sidecar/config/config.h"
#include "sidecar/core/date.h"
#include "sidecar/core/duration.h"

namespace auspex {
namespace {

using YAML::BeginMap;
using YAML::BeginSeq;
using YAML::Emitter;
using YAML::EndMap;
using YAML::EndSeq;
using YAML::Flow;
using YAML::Key;
using YAML::Value;

// The shortest decimal that reads back equal.
std::string Number(double value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string TimeOfDay(int minute) {
  const auto two = [](int n) { return std::string(n < 10 ? "0" : "") + std::to_string(n); };
  return two(minute / 60) + ':' + two(minute % 60);
}

template <typename T>
void Put(Emitter& out, const char* key, const T& value) {
  out << Key << key << Value << value;
}

void PutDuration(Emitter& out, const char* key, DurationMs duration_ms) {
  Put(out, key, FormatDuration(duration_ms));
}

void PutCalendar(Emitter& out, const std::vector<int>& days) {
  out << Key << "calendar" << Value << BeginMap << Key << "days" << Value << Flow << BeginSeq;
  for (const int day : days) out << FormatDate(day);
  out << EndSeq << EndMap;
}

void PutGlobal(Emitter& out, const GlobalConfig& global) {
  out << Key << "global" << Value << BeginMap;
  if (!global.external_labels.empty()) {
    out << Key << "external_labels" << Value << BeginMap;
    for (const auto& [name, value] : global.external_labels.labels()) {
      out << Key << name << Value << value;
    }
    out << EndMap;
  }
  Put(out, "timezone", global.timezone_name);
  PutDuration(out, "out_of_order_window", global.out_of_order_window_ms);
  PutCalendar(out, global.special_days);
  out << EndMap;
}

void PutAuth(Emitter& out, const HttpAuth& auth) {
  if (!auth.bearer_token_file.empty()) Put(out, "bearer_token_file", auth.bearer_token_file);
  if (auth.username.empty()) return;
  out << Key << "basic_auth" << Value << BeginMap;
  Put(out, "username", auth.username);
  if (!auth.password.empty()) Put(out, "password", "<secret>");
  if (!auth.password_file.empty()) Put(out, "password_file", auth.password_file);
  out << EndMap;
}

void PutUpstream(Emitter& out, const UpstreamConfig& upstream) {
  out << Key << "upstream" << Value << BeginMap;
  Put(out, "url", upstream.url);
  Put(out, "promql",
      !upstream.promql                         ? "auto"
      : *upstream.promql == PromqlDialect::kV2 ? "2"
                                               : "3");
  PutAuth(out, upstream.auth);
  out << EndMap;
}

void PutRemoteWrite(Emitter& out, const RemoteWriteConfig& write) {
  out << BeginMap;
  Put(out, "url", write.url);
  Put(out, "name", write.name);
  Put(out, "protobuf_message",
      write.message == RemoteWriteMessage::kV1 ? "prometheus.WriteRequest"
                                               : "io.prometheus.write.v2.Request");
  PutAuth(out, write.auth);
  out << Key << "queue_config" << Value << BeginMap;
  Put(out, "capacity", write.queue.capacity);
  Put(out, "max_shards", write.queue.max_shards);
  Put(out, "max_samples_per_send", write.queue.max_samples_per_send);
  PutDuration(out, "batch_send_deadline", write.queue.batch_send_deadline_ms);
  PutDuration(out, "min_backoff", write.queue.min_backoff_ms);
  PutDuration(out, "max_backoff", write.queue.max_backoff_ms);
  PutDuration(out, "sample_age_limit", write.queue.sample_age_limit_ms);
  out << EndMap << EndMap;
}

// The keys of a fold, inside a map that is open.
void PutFold(Emitter& out, const AggregationRule& rule) {
  Put(out, "selector", rule.selector.ToString());
  Put(out, "over_time", std::string(OverTimeName(rule.over_time)));
  Put(out, "aggregate", std::string(AggregateName(rule.aggregate)));
}

void PutBy(Emitter& out, const std::vector<ByLabel>& by) {
  out << Key << "by" << Value << Flow << BeginSeq;
  for (const ByLabel& b : by) {
    if (b.label == b.as) {
      out << b.label;
      continue;
    }
    out << Flow << BeginMap;
    Put(out, "label", b.label);
    Put(out, "as", b.as);
    out << EndMap;
  }
  out << EndSeq;
}

void PutSource(Emitter& out, const Rule& rule) {
  if (rule.pulled()) {
    Put(out, "query", rule.query);
  } else {
    PutFold(out, rule.values);
    PutBy(out, rule.values.by);
  }
  Put(out, "as", rule.base_name);
}

void PutLimit(Emitter& out, const Limit& limit) {
  out << Key << "limit" << Value;
  if (limit.constant) {
    out << Number(*limit.constant);
    return;
  }
  out << BeginMap;
  PutFold(out, *limit.aggregation);
  out << EndMap;
}

void PutModel(Emitter& out, const ModelConfig& model) {
  out << Key << "model" << Value << BeginMap;
  Put(out, "cell", model.cell);
  Put(out, "hidden", model.hidden);
  Put(out, "layers", model.layers);
  Put(out, "members", model.members);
  PutDuration(out, "context", model.context_ms);
  out << Key << "quantiles" << Value << Flow << BeginSeq;
  for (const double level : model.quantiles) out << Number(level);
  out << EndSeq << EndMap;
}

void PutRetrain(Emitter& out, const RetrainConfig& retrain) {
  out << Key << "retrain" << Value << BeginMap;
  PutDuration(out, "every", retrain.every_ms);
  PutDuration(out, "min_history", retrain.min_history_ms);
  Put(out, "per_aggregate", retrain.per_aggregate);
  Put(out, "cpu", std::to_string(retrain.cpu_percent) + '%');
  if (retrain.tune) {
    out << Key << "tune" << Value << BeginMap;
    Put(out, "trials", retrain.tune->trials);
    PutDuration(out, "time", retrain.tune->time_ms);
    out << EndMap;
  }
  if (retrain.challenge) {
    out << Key << "challenge" << Value << BeginMap;
    PutDuration(out, "for", retrain.challenge->for_ms);
    Put(out, "share", std::to_string(retrain.challenge->share_percent) + '%');
    out << EndMap;
  }
  out << EndMap;
}

void PutRule(Emitter& out, const Rule& rule) {
  out << BeginMap;
  Put(out, "name", rule.name);
  PutSource(out, rule);
  PutDuration(out, "step", rule.values.step_ms);
  PutDuration(out, "horizon", rule.horizon_ms);
  out << Key << "leads" << Value << Flow << BeginSeq;
  for (const DurationMs lead : rule.leads_ms) out << FormatDuration(lead);
  out << EndSeq;
  PutDuration(out, "interval", rule.interval_ms);
  PutDuration(out, "retention", rule.retention_ms);
  Put(out, "aggregates_max", rule.aggregates_max);
  Put(out, "reconcile", rule.reconcile);
  if (rule.day) {
    out << Key << "day" << Value << Flow << BeginMap;
    Put(out, "from", TimeOfDay(rule.day->from_minute));
    Put(out, "to", TimeOfDay(rule.day->to_minute));
    out << EndMap;
  }
  if (rule.limit) PutLimit(out, *rule.limit);
  if (!rule.covariates.empty()) {
    out << Key << "covariates" << Value << BeginSeq;
    for (const AggregationRule& covariate : rule.covariates) {
      out << BeginMap;
      PutFold(out, covariate);
      PutBy(out, covariate.by);
      out << EndMap;
    }
    out << EndSeq;
  }
  PutCalendar(out, rule.special_days);
  PutModel(out, rule.model);
  PutRetrain(out, rule.retrain);
  out << EndMap;
}

}  // namespace

std::string ConfigToYaml(const Config& config) {
  Emitter out;
  out << BeginMap;
  PutGlobal(out, config.global);
  if (config.upstream) PutUpstream(out, *config.upstream);
  if (!config.remote_write.empty()) {
    out << Key << "remote_write" << Value << BeginSeq;
    for (const RemoteWriteConfig& write : config.remote_write) PutRemoteWrite(out, write);
    out << EndSeq;
  }
  if (!config.rules.empty()) {
    out << Key << "rules" << Value << BeginSeq;
    for (const Rule& rule : config.rules) PutRule(out, rule);
    out << EndSeq;
  }
  out << EndMap;
  return std::string(out.c_str(), out.size()) + '\n';
}

}  // namespace auspex
