#include "deploy/simulator/backfill.h"

#include <cstdint>
#include <fstream>
#include <functional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "deploy/simulator/quota_metrics.h"

namespace auspex::simulator {
namespace {

// The moments at which the scrapes of the history succeeded.
std::vector<double> ScrapeTimes(const Story& story, const BackfillOptions& options) {
  std::vector<double> times;
  for (double t = story.now() - options.days * kDaySeconds; t <= story.now(); t += options.step) {
    if (story.ScrapeSucceeds(t)) times.push_back(t);
  }
  return times;
}

void WriteFamily(const Story& story, const BackfillOptions& options, const QuotaFamily& family,
                 const std::vector<double>& times, std::ofstream& out) {
  // OpenMetrics names a counter's family without the suffix of its samples.
  std::string name(family.name);
  if (family.is_counter) name.resize(name.size() - std::string_view("_total").size());
  out << "# HELP " << name << " " << family.help << "\n# TYPE " << name
      << (family.is_counter ? " counter\n" : " gauge\n");
  std::string text;
  for (const Quota& quota : story.quotas()) {
    const std::string series =
        absl::StrCat(std::string(family.name), "{cluster=\"", quota.cluster, "\",group=\"",
                     quota.group, "\",instance=\"", options.instance, "\",job=\"", options.job,
                     "\",storage_type=\"", quota.storage_type, "\",user=\"", quota.user, "\"} ");
    text.clear();
    for (const double t : times) {
      const double value = family.value(story, quota, t);
      absl::StrAppend(&text, series, static_cast<int64_t>(value), " ", static_cast<int64_t>(t),
                      "\n");
    }
    out << text;
  }
}

}  // namespace

absl::Status WriteBackfill(const Story& story, const BackfillOptions& options,
                           const std::string& path) {
  if (!(options.step > 0) || !(options.days > 0) || options.days * kDaySeconds > kHistorySeconds) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the story has ", kHistorySeconds / kDaySeconds, " days of history and needs a step above ",
        "0 seconds, not ", options.days, " days and ", options.step, " seconds"));
  }
  std::ofstream out(path, std::ios::trunc);
  const std::vector<double> times = ScrapeTimes(story, options);
  for (const QuotaFamily& family : QuotaFamilies()) {
    WriteFamily(story, options, family, times, out);
  }
  out << "# EOF\n";
  out.close();
  if (!out) return absl::UnavailableError(absl::StrCat(path, ": cannot be written"));
  return absl::OkStatus();
}

}  // namespace auspex::simulator
