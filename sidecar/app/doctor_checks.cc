#include "sidecar/app/doctor_checks.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/core/duration.h"
#include "sidecar/core/matcher.h"

namespace auspex {
namespace {

using Level = Finding::Level;

// A read that outlasts this delays every rule group that uses it.
constexpr DurationMs kReadTimeoutMax = 10 * kSecond;

bool PointsAt(const std::string& url, int port, std::string_view path) {
  return url.find(absl::StrCat(":", port, std::string(path))) != std::string::npos;
}

// Whether a relabel rule on the metric name drops `name`.
bool Drops(const PrometheusConfig::RelabelDrop& drop, const std::string& name) {
  if (drop.source_labels != std::vector<std::string>{std::string(kMetricName)}) return false;
  const auto matcher = Matcher::Create(Matcher::Type::kRegex, std::string(kMetricName), drop.regex);
  return matcher.ok() && matcher->Matches(name);
}

std::string RemoteWriteRemedy(int port) {
  return absl::StrCat("remote_write:\n  - url: http://<auspex>:", port,
                      "/api/v1/write\n    write_relabel_configs:\n"
                      "      - source_labels: [__name__]\n"
                      "        regex: \"(.+)_forecast(_.+)?|ALERTS|ALERTS_FOR_STATE\"\n"
                      "        action: drop\n    queue_config: {retry_on_http_429: true}");
}

std::string RemoteReadRemedy(int port) {
  return absl::StrCat("remote_read:\n  - url: http://<auspex>:", port,
                      "/api/v1/read\n    read_recent: true\n    remote_timeout: 5s\n"
                      "    required_matchers: {forecast: curve}");
}

void CheckRemoteWrite(const UpstreamFacts& facts, int port, std::vector<Finding>& findings) {
  const auto& writes = facts.config.remote_write;
  const auto ours = std::find_if(writes.begin(), writes.end(), [&](const auto& write) {
    return PointsAt(write.url, port, "/api/v1/write");
  });
  if (ours == writes.end()) {
    findings.push_back({Level::kProblem,
                        absl::StrCat("no remote_write points at port ", port, "/api/v1/write"),
                        RemoteWriteRemedy(port)});
    return;
  }
  findings.push_back({Level::kOk, absl::StrCat("remote_write to ", ours->url), ""});
  for (const std::string& name : facts.output_names) {
    const bool dropped = std::any_of(ours->drops.begin(), ours->drops.end(),
                                     [&](const auto& drop) { return Drops(drop, name); });
    if (dropped) continue;
    findings.push_back({Level::kAdvice,
                        absl::StrCat("remote_write to us sends ", name,
                                     " back, which is ignored but costs traffic"),
                        RemoteWriteRemedy(port)});
    break;
  }
  if (!ours->retry_on_http_429) {
    findings.push_back({Level::kAdvice,
                        "queue_config.retry_on_http_429 is off: a proxy in between that answers "
                        "429 makes Prometheus drop samples",
                        "queue_config: {retry_on_http_429: true}"});
  }
}

void CheckRemoteRead(const UpstreamFacts& facts, int port, std::vector<Finding>& findings) {
  const auto& reads = facts.config.remote_read;
  const auto ours = std::find_if(reads.begin(), reads.end(), [&](const auto& read) {
    return PointsAt(read.url, port, "/api/v1/read");
  });
  if (ours == reads.end()) {
    findings.push_back({Level::kProblem,
                        absl::StrCat("no remote_read points at port ", port,
                                     "/api/v1/read: curves cannot be queried"),
                        RemoteReadRemedy(port)});
    return;
  }
  findings.push_back({Level::kOk, absl::StrCat("remote_read from ", ours->url), ""});
  if (!ours->read_recent) {
    findings.push_back({Level::kProblem,
                        "remote_read without read_recent: curves end 4 h ahead, and vanish once "
                        "the first block is written",
                        "read_recent: true"});
  }
  const std::pair<std::string, std::string> required = {"forecast", "curve"};
  const auto& matchers = ours->required_matchers;
  if (std::find(matchers.begin(), matchers.end(), required) == matchers.end()) {
    findings.push_back({Level::kAdvice,
                        "remote_read without required_matchers: every query asks us too, and "
                        "mixes curve samples into sums",
                        "required_matchers: {forecast: curve}"});
  }
  const auto timeout = ParseDuration(ours->remote_timeout);
  if (timeout.ok() && *timeout > kReadTimeoutMax) {
    findings.push_back({Level::kAdvice,
                        absl::StrCat("remote_read waits up to ", ours->remote_timeout,
                                     " for us: rule groups that read curves would stall"),
                        "remote_timeout: 5s"});
  }
}

void CheckReceiver(const UpstreamFacts& facts, std::vector<Finding>& findings) {
  if (!facts.write_back) {
    findings.push_back({Level::kAdvice, "our configuration writes no forecasts back to this server",
                        "scrape /forecasts, or add remote_write with this server's /api/v1/write"});
    return;
  }
  const auto flag = facts.flags.find("web.enable-remote-write-receiver");
  if (flag == facts.flags.end() || flag->second != "true") {
    findings.push_back({Level::kProblem, "the remote write receiver is off",
                        "start Prometheus with --web.enable-remote-write-receiver"});
  } else {
    findings.push_back({Level::kOk, "the remote write receiver is on", ""});
  }
}

}  // namespace

std::vector<Finding> CheckUpstream(const UpstreamFacts& facts, int port) {
  std::vector<Finding> findings;
  findings.push_back({Level::kOk, absl::StrCat("Prometheus ", facts.version, " answers"), ""});
  CheckRemoteWrite(facts, port, findings);
  CheckRemoteRead(facts, port, findings);
  CheckReceiver(facts, findings);
  return findings;
}

}  // namespace auspex
