// The configuration file of the daemon, checked and with every default filled in.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sidecar/core/day_period.h"
#include "sidecar/core/label_set.h"
#include "sidecar/core/rule.h"
#include "sidecar/core/sample.h"

namespace auspex {

struct GlobalConfig {
  LabelSet external_labels;  // on every series that we emit
  std::string timezone_name = "UTC";
  std::shared_ptr<const TimeZone> timezone = std::make_shared<TimeZone>();  // decides day and night
  // How long after its boundary a step stays open for late samples. More tolerance delays every
  // forecast by as much.
  DurationMs out_of_order_window_ms = 30 * kSecond;
  // Of rules that have no calendar of their own; as Rule::special_days.
  std::vector<int> special_days;

  // A zone is its name.
  bool operator==(const GlobalConfig& other) const {
    return external_labels == other.external_labels && timezone_name == other.timezone_name &&
           out_of_order_window_ms == other.out_of_order_window_ms &&
           special_days == other.special_days;
  }
};

// How requests to one server are authorized: a user name with a password (here or in a file), or a
// token in a file, or not at all. Files are read for every use, so that secrets can be rotated.
struct HttpAuth {
  std::string username;
  std::string password;
  std::string password_file;
  std::string bearer_token_file;
  bool operator==(const HttpAuth&) const = default;
};

// The Prometheus that we belong to.
struct UpstreamConfig {
  std::string url;                      // without the API path
  std::optional<PromqlDialect> promql;  // nothing: as the server's version says
  HttpAuth auth;
  bool operator==(const UpstreamConfig&) const = default;
};

// Named as Prometheus' remote_write names them in `protobuf_message`.
enum class RemoteWriteMessage { kV1, kV2 };

// As in Prometheus' queue_config; all only affect speed and memory unless they say otherwise.
struct QueueConfig {
  size_t capacity = 10'000;  // samples that wait per shard; a full shard drops the oldest
  int max_shards = 2;        // connections
  size_t max_samples_per_send = 500;
  DurationMs batch_send_deadline_ms = kSecond;  // a part-filled batch leaves after this
  DurationMs min_backoff_ms = 30;
  DurationMs max_backoff_ms = 5 * kSecond;
  DurationMs sample_age_limit_ms = 5 * kMinute;  // older samples are dropped, not sent
  bool operator==(const QueueConfig&) const = default;
};

// Where forecasts are written back to.
struct RemoteWriteConfig {
  std::string url;
  std::string name;  // unique; label of our metrics
  RemoteWriteMessage message = RemoteWriteMessage::kV1;
  HttpAuth auth;
  QueueConfig queue;
  bool operator==(const RemoteWriteConfig&) const = default;
};

struct Config {
  GlobalConfig global;
  std::optional<UpstreamConfig> upstream;
  std::vector<RemoteWriteConfig> remote_write;
  std::vector<Rule> rules;            // names are unique
  std::vector<std::string> warnings;  // valid, but perhaps not what was meant; "file:line:col: ..."
};

// Reads and checks a file. The message of an error has one line per mistake, each of the form
// "file:line:column: what", all mistakes of the file, by line.
absl::StatusOr<Config> LoadConfig(const std::string& path);

// As LoadConfig, of text. `filename` stands in the messages, and relative paths in the text
// (password_file, ...) start at its directory.
absl::StatusOr<Config> ParseConfig(std::string_view text, const std::string& filename);

// YAML that loads to an equal configuration, with all defaults written out; passwords are shown as
// "<secret>".
std::string ConfigToYaml(const Config& config);

}  // namespace auspex
