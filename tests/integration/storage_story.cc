#include "tests/integration/storage_story.h"

#include <cmath>
#include <numbers>
#include <random>
#include <utility>

namespace auspex {
namespace {

constexpr double kQuotaBytes = 1e12;

// The same for the same user and time, whoever asks.
double Noise(size_t user, TimestampMs t_ms) {
  std::minstd_rand random(static_cast<uint32_t>(t_ms / kSecond) * 31 + user);
  random.discard(2);
  return std::uniform_real_distribution<double>(-1, 1)(random);
}

}  // namespace

std::vector<std::string> StorageStory::Users() {
  return {"alice", "bob", "carol", "dave", kGrowingUser};
}

double StorageStory::UsedShare(size_t user, TimestampMs t_ms) const {
  const double noise = 0.002 * Noise(user, t_ms);
  if (Users()[user] == kGrowingUser) {
    const auto left_ms = static_cast<double>(present_ms_ + kFullIn - t_ms);
    return 1 - left_ms / (kLength + kFullIn) + noise / 10;
  }
  const double level = 0.35 + 0.05 * static_cast<double>(user);
  if (user % 2 == 1) return level + noise;
  const double day = static_cast<double>(t_ms % kDay) / kDay;
  return level + 0.1 * std::sin(2 * std::numbers::pi * day) + noise;
}

std::vector<LabeledSample> StorageStory::At(TimestampMs t_ms) const {
  const std::vector<std::string> users = Users();
  std::vector<LabeledSample> samples;
  for (size_t user = 0; user < users.size(); ++user) {
    const LabelSet labels = {{"job", "quota"}, {"user", users[user]}};
    const double used = kQuotaBytes * UsedShare(user, t_ms);
    samples.push_back({labels.With(kMetricName, "storage_used_bytes"), {t_ms, used}});
    samples.push_back({labels.With(kMetricName, "storage_quota_bytes"), {t_ms, kQuotaBytes}});
  }
  return samples;
}

}  // namespace auspex
