#include "sidecar/config/endpoint_config.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

#include "sidecar/config/name_checks.h"

namespace auspex {
namespace {

// The part of an http(s) URL between the scheme and the path, or "" when it is no such URL.
std::string HostOf(const std::string& url) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (url.substr(0, scheme.size()) != scheme) continue;
    const size_t end = url.find_first_of("/?#", scheme.size());
    return url.substr(scheme.size(), end - scheme.size());
  }
  return "";
}

std::string ReadUrl(YamlMap& map) {
  const auto value = map.Require("url");
  const auto url = value ? value->Text() : std::nullopt;
  if (!url) return "";
  const std::string host = HostOf(*url);
  if (host.empty() || url->find_first_of(" \t\n") != std::string::npos) {
    value->Error("\"" + *url + "\" is not a URL of the form http://host:port/path");
  } else if (host.find('@') != std::string::npos) {
    value->Error("a URL may not hold a user name or password: use basic_auth");
  }
  return *url;
}

// A path of the configuration, which starts at the configuration's own directory.
void ReadPath(YamlMap& map, const std::string& key, std::string* out) {
  const auto value = map.Find(key);
  const auto path = value ? value->Text() : std::nullopt;
  if (!path) return;
  const auto directory = std::filesystem::absolute(value->report()->filename()).parent_path();
  *out = (directory / *path).lexically_normal().string();
}

HttpAuth ReadAuth(YamlMap& map) {
  HttpAuth auth;
  ReadPath(map, "bearer_token_file", &auth.bearer_token_file);
  const auto basic = map.Find("basic_auth");
  if (!basic) return auth;
  YamlMap basic_map(*basic, "basic_auth");
  if (const auto username = basic_map.Require("username")) {
    auth.username = username->Text().value_or("");
    // RFC 7617 ends the user name at the first colon.
    if (auth.username.empty() || auth.username.find(':') != std::string::npos) {
      username->Error("a user name is not empty and has no colon");
    }
  }
  basic_map.Text("password", &auth.password);
  ReadPath(basic_map, "password_file", &auth.password_file);
  if (!auth.password.empty() && !auth.password_file.empty()) {
    basic_map.Error("give either password or password_file");
  }
  if (!auth.bearer_token_file.empty()) map.Error("give either basic_auth or bearer_token_file");
  basic_map.Finish();
  return auth;
}

QueueConfig ReadQueue(const YamlValue& value, const std::string& what) {
  QueueConfig queue;
  YamlMap map(value, what);
  map.Integer("capacity", 1, 10'000'000, &queue.capacity);
  map.Integer("max_shards", 1, 200, &queue.max_shards);
  map.Integer("max_samples_per_send", 1, 100'000, &queue.max_samples_per_send);
  map.Duration("batch_send_deadline", 1, &queue.batch_send_deadline_ms);
  map.Duration("min_backoff", 1, &queue.min_backoff_ms);
  map.Duration("max_backoff", 1, &queue.max_backoff_ms);
  map.Duration("sample_age_limit", kSecond, &queue.sample_age_limit_ms);
  map.Finish();
  if (queue.min_backoff_ms > queue.max_backoff_ms) {
    map.Error("min_backoff is above max_backoff");
  }
  if (queue.max_samples_per_send > queue.capacity) {
    map.Error("max_samples_per_send is above capacity");
  }
  return queue;
}

void ReadMessage(YamlMap& map, RemoteWriteMessage* out) {
  const auto value = map.Find("protobuf_message");
  const auto text = value ? value->Text() : std::nullopt;
  if (!text) return;
  if (*text == "prometheus.WriteRequest") {
    *out = RemoteWriteMessage::kV1;
  } else if (*text == "io.prometheus.write.v2.Request") {
    *out = RemoteWriteMessage::kV2;
  } else {
    value->Error("unknown protobuf_message \"" + *text +
                 "\" (known: prometheus.WriteRequest, io.prometheus.write.v2.Request)");
  }
}

bool IsTaken(const std::vector<RemoteWriteConfig>& others, const std::string& name) {
  return std::any_of(others.begin(), others.end(),
                     [&](const RemoteWriteConfig& other) { return other.name == name; });
}

// The configured name, or the host, made unique by its position in the list.
std::string ReadName(YamlMap& map, const std::string& url,
                     const std::vector<RemoteWriteConfig>& others) {
  const auto value = map.Find("name");
  if (!value) {
    const std::string host = HostOf(url);
    return IsTaken(others, host) ? host + '-' + std::to_string(others.size()) : host;
  }
  std::string name = value->Text().value_or("");
  if (!IsPlainName(name)) value->Error("a name is made of letters, digits and _ . : -");
  if (IsTaken(others, name)) value->Error("the name \"" + name + "\" is given twice");
  return name;
}

}  // namespace

UpstreamConfig ReadUpstream(const YamlValue& value) {
  UpstreamConfig upstream;
  YamlMap map(value, "upstream");
  upstream.url = ReadUrl(map);
  if (const auto promql = map.Find("promql")) {
    const std::string text = promql->Text().value_or("auto");
    if (text == "2") {
      upstream.promql = PromqlDialect::kV2;
    } else if (text == "3") {
      upstream.promql = PromqlDialect::kV3;
    } else if (text != "auto") {
      promql->WrongType("auto, 2 or 3");
    }
  }
  upstream.auth = ReadAuth(map);
  map.Finish();
  return upstream;
}

std::vector<RemoteWriteConfig> ReadRemoteWrites(const YamlValue& value) {
  std::vector<RemoteWriteConfig> writes;
  for (const YamlValue& item : value.Items()) {
    const std::string what = "remote_write[" + std::to_string(writes.size()) + ']';
    RemoteWriteConfig write;
    YamlMap map(item, what);
    write.url = ReadUrl(map);
    write.name = ReadName(map, write.url, writes);
    ReadMessage(map, &write.message);
    write.auth = ReadAuth(map);
    if (const auto queue = map.Find("queue_config")) {
      write.queue = ReadQueue(*queue, what + ".queue_config");
    }
    map.Finish();
    writes.push_back(std::move(write));
  }
  return writes;
}

}  // namespace auspex
