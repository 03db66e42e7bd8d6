#include "deploy/simulator/quota_metrics.h"

#include <array>
#include <string>
#include <utility>

namespace auspex::simulator {
namespace {

constexpr std::array<QuotaFamily, 3> kFamilies = {{
    {"storage_used_bytes", "Bytes that count against the quota.", false,
     [](const Story& story, const Quota& quota, double t) { return story.UsedBytes(quota, t); }},
    {"storage_quota_bytes", "Bytes that may be used.", false,
     [](const Story&, const Quota& quota, double) { return quota.limit_bytes; }},
    {"storage_written_bytes_total", "Bytes written since the exporter started.", true,
     [](const Story& story, const Quota& quota, double t) {
       return story.WrittenBytesTotal(quota, t);
     }},
}};

prometheus::ClientMetric Metric(const Quota& quota, bool is_counter, double value) {
  prometheus::ClientMetric metric;
  metric.label = {{"cluster", quota.cluster},
                  {"group", quota.group},
                  {"storage_type", quota.storage_type},
                  {"user", quota.user}};
  if (is_counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  return metric;
}

}  // namespace

std::span<const QuotaFamily> QuotaFamilies() { return kFamilies; }

std::vector<prometheus::MetricFamily> QuotaCollector::Collect() const {
  const double t = static_cast<double>(clock_.NowMs()) / 1000;
  std::vector<prometheus::MetricFamily> families;
  for (const QuotaFamily& family : kFamilies) {
    prometheus::MetricFamily out;
    out.name = family.name;
    out.help = family.help;
    out.type = family.is_counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    for (const Quota& quota : story_.quotas()) {
      out.metric.push_back(Metric(quota, family.is_counter, family.value(story_, quota, t)));
    }
    families.push_back(std::move(out));
  }
  return families;
}

}  // namespace auspex::simulator
