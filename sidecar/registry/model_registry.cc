#include "sidecar/registry/model_registry.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/base/file.h"
#include "sidecar/registry/challenge_record.h"
#include "sidecar/registry/registry_metrics.h"
#include "sidecar/registry/rule_directory.h"

namespace auspex {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kVersionPrefix = "v";
constexpr std::string_view kVersionSuffix = ".safetensors";
constexpr std::string_view kChallengeSuffix = ".challenge.json";
// Names the version that a rollback chose; absent otherwise.
constexpr std::string_view kPinnedFile = "PINNED";

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number == 0) return std::nullopt;
  return number;
}

std::optional<uint64_t> VersionOfFile(std::string_view name) {
  if (!name.starts_with(kVersionPrefix) || !name.ends_with(kVersionSuffix)) return std::nullopt;
  name.remove_prefix(kVersionPrefix.size());
  name.remove_suffix(kVersionSuffix.size());
  return ParseNumber(name);
}

std::vector<uint64_t> VersionsInDirectory(const std::string& directory) {
  std::vector<uint64_t> numbers;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const auto number = VersionOfFile(entry.path().filename().string());
    if (number) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::optional<uint64_t> PinnedVersion(const std::string& path) {
  std::ifstream in(path);
  std::string text;
  if (!std::getline(in, text)) return std::nullopt;
  return ParseNumber(text);
}

}  // namespace

ModelRegistry::ModelRegistry(RegistryOptions options, Logger logger, prometheus::Registry& registry)
    : options_(std::move(options)),
      logger_(std::move(logger)),
      metrics_(std::make_unique<RegistryMetrics>(registry)) {}

ModelRegistry::~ModelRegistry() = default;

absl::StatusOr<std::unique_ptr<ModelRegistry>> ModelRegistry::Open(RegistryOptions options,
                                                                   Logger logger,
                                                                   prometheus::Registry& registry) {
  std::error_code error;
  fs::create_directories(options.directory, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("registry: cannot make ", options.directory, ": ", error.message()));
  }
  std::unique_ptr<ModelRegistry> opened(
      new ModelRegistry(std::move(options), std::move(logger), registry));
  absl::MutexLock lock(&opened->publish_mu_);
  for (const auto& entry : fs::directory_iterator(opened->options_.directory, error)) {
    const auto rule = RuleOfDirectory(entry.path().filename().string());
    if (rule && entry.is_directory()) opened->LoadRule(*rule);
  }
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("registry: cannot list ", opened->options_.directory, ": ", error.message()));
  }
  return opened;
}

std::string ModelRegistry::RuleDirectory(const std::string& rule) const {
  return absl::StrCat(options_.directory, "/", DirectoryOfRule(rule));
}

std::string ModelRegistry::VersionPath(const std::string& rule, uint64_t version) const {
  return absl::StrCat(RuleDirectory(rule), "/", std::string(kVersionPrefix), version,
                      std::string(kVersionSuffix));
}

std::string ModelRegistry::ChallengePath(const std::string& rule, uint64_t version) const {
  return absl::StrCat(RuleDirectory(rule), "/", std::string(kVersionPrefix), version,
                      std::string(kChallengeSuffix));
}

std::string ModelRegistry::PinnedPath(const std::string& rule) const {
  return absl::StrCat(RuleDirectory(rule), "/", std::string(kPinnedFile));
}

void ModelRegistry::LoadRule(const std::string& rule) {
  const std::vector<uint64_t> numbers = VersionsInDirectory(RuleDirectory(rule));
  std::vector<uint64_t> preferred;
  if (const auto pinned = PinnedVersion(PinnedPath(rule))) preferred.push_back(*pinned);
  std::optional<Challenge> latest;
  for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
    const auto challenge = ReadChallenge(rule, *number);
    if (!challenge || challenge->state == ChallengeState::kPromoted) preferred.push_back(*number);
    if (challenge && !latest) latest = challenge;
  }
  std::shared_ptr<const ModelVersion> champion;
  for (size_t i = 0; champion == nullptr && i < preferred.size(); ++i) {
    champion = LoadVersion(rule, preferred[i]);
  }
  std::shared_ptr<const ModelVersion> challenger;
  if (latest && latest->state == ChallengeState::kRunning) {
    challenger = LoadVersion(rule, latest->version);
    if (challenger == nullptr) latest.reset();
  }
  {
    absl::MutexLock lock(&mu_);
    rules_[rule] = {numbers, nullptr, latest, challenger};
  }
  if (champion != nullptr) {
    Serve(rule, std::move(champion));
  } else if (challenger != nullptr) {
    latest->state = ChallengeState::kPromoted;
    latest->ended_at_ms = latest->started_at_ms;
    latest->reason = "no_champion";
    if (absl::Status status = Promote(rule, *latest); !status.ok()) {
      logger_.Error("challenger not promoted", {{"rule", rule}, {"err", status}});
    }
  }
}

std::shared_ptr<const ModelVersion> ModelRegistry::LoadVersion(const std::string& rule,
                                                               uint64_t number) {
  auto version = ModelVersion::Load(VersionPath(rule, number), number);
  if (version.ok()) return *std::move(version);
  metrics_->corrupt_files.Increment();
  logger_.Warn("model version passed over",
               {{"rule", rule}, {"version", number}, {"err", version.status()}});
  return nullptr;
}

std::optional<Challenge> ModelRegistry::ReadChallenge(const std::string& rule, uint64_t number) {
  const auto text = ReadFile(ChallengePath(rule, number));
  if (absl::IsNotFound(text.status())) return std::nullopt;
  auto challenge = text.ok() ? ChallengeFromJson(*text) : text.status();
  if (challenge.ok()) return *std::move(challenge);
  metrics_->corrupt_files.Increment();
  logger_.Warn("record of a challenge not readable: its version does not serve",
               {{"rule", rule}, {"version", number}, {"err", challenge.status()}});
  return Challenge{.version = number, .state = ChallengeState::kDropped};
}

absl::Status ModelRegistry::WriteChallenge(const std::string& rule, const Challenge& challenge) {
  return WriteFileAtomically(ChallengePath(rule, challenge.version), ChallengeToJson(challenge));
}

void ModelRegistry::Serve(const std::string& rule, std::shared_ptr<const ModelVersion> version) {
  metrics_->SetCurrent(
      rule, {.number = version->number(),
             .trained_at_seconds = static_cast<double>(version->summary().trained_at_ms) / 1000,
             .file_bytes = version->file_bytes(),
             .own_models = version->own_models()});
  // The old version is dropped outside the lock: unmapping a large file takes time.
  absl::MutexLock lock(&mu_);
  rules_[rule].current.swap(version);
}

std::shared_ptr<const ModelVersion> ModelRegistry::Current(const std::string& rule) const {
  absl::MutexLock lock(&mu_);
  const auto it = rules_.find(rule);
  return it == rules_.end() ? nullptr : it->second.current;
}

std::shared_ptr<const ModelVersion> ModelRegistry::Current(const std::string& rule,
                                                           const model::ModelSpec& spec) const {
  std::shared_ptr<const ModelVersion> current = Current(rule);
  return current != nullptr && current->Fits(spec) ? current : nullptr;
}

ServingVersions ModelRegistry::Serving(const std::string& rule,
                                       const model::ModelSpec& spec) const {
  ServingVersions serving;
  {
    absl::MutexLock lock(&mu_);
    const auto it = rules_.find(rule);
    if (it == rules_.end()) return serving;
    serving = {it->second.current, it->second.challenger};
  }
  if (serving.champion == nullptr || !serving.champion->Fits(spec)) return {};
  if (serving.challenger != nullptr && !serving.challenger->Fits(spec)) serving.challenger.reset();
  return serving;
}

std::optional<Challenge> ModelRegistry::LatestChallenge(const std::string& rule) const {
  absl::MutexLock lock(&mu_);
  const auto it = rules_.find(rule);
  return it == rules_.end() ? std::nullopt : it->second.challenge;
}

std::vector<uint64_t> ModelRegistry::Versions(const std::string& rule) const {
  absl::MutexLock lock(&mu_);
  const auto it = rules_.find(rule);
  return it == rules_.end() ? std::vector<uint64_t>() : it->second.numbers;
}

absl::StatusOr<std::shared_ptr<const ModelVersion>> ModelRegistry::Publish(
    const std::string& rule, const TrainedModels& models) {
  absl::MutexLock publishing(&publish_mu_);
  const uint64_t number = NextNumber(rule);
  std::error_code ignored;
  // Of a challenger whose version was never written.
  fs::remove(ChallengePath(rule, number), ignored);
  auto version = AddVersion(rule, number, models);
  if (!version.ok()) return version.status();
  DropChallenger(rule, "superseded", models.trained_at_ms);
  fs::remove(PinnedPath(rule), ignored);
  Serve(rule, *version);
  DropOldVersions(rule);
  metrics_->published.Increment();
  logger_.Info("model version published", {{"rule", rule},
                                           {"version", number},
                                           {"bytes", (*version)->file_bytes()},
                                           {"choice", models.choice.candidate},
                                           {"own_models", (*version)->own_models()}});
  return version;
}

absl::StatusOr<std::shared_ptr<const ModelVersion>> ModelRegistry::PublishChallenger(
    const std::string& rule, const TrainedModels& models, DurationMs for_ms) {
  const auto champion = Current(rule, models.spec);
  if (champion == nullptr) return Publish(rule, models);
  absl::MutexLock publishing(&publish_mu_);
  const Challenge challenge{.version = NextNumber(rule),
                            .champion = champion->number(),
                            .started_at_ms = models.trained_at_ms,
                            .for_ms = for_ms};
  // The record comes first: a version without one serves after a crash.
  if (absl::Status status = WriteChallenge(rule, challenge); !status.ok()) {
    metrics_->publish_failures.Increment();
    return status;
  }
  auto version = AddVersion(rule, challenge.version, models);
  if (!version.ok()) return version.status();
  DropChallenger(rule, "superseded", models.trained_at_ms);
  {
    absl::MutexLock lock(&mu_);
    rules_[rule].challenge = challenge;
    rules_[rule].challenger = *version;
  }
  DropOldVersions(rule);
  logger_.Info("model version challenges the one that serves",
               {{"rule", rule},
                {"version", challenge.version},
                {"champion", challenge.champion},
                {"choice", models.choice.candidate}});
  return version;
}

absl::Status ModelRegistry::EndChallenge(const std::string& rule, const Challenge& ended) {
  absl::MutexLock publishing(&publish_mu_);
  const auto running = LatestChallenge(rule);
  if (!running || running->state != ChallengeState::kRunning || running->version != ended.version) {
    return absl::NotFoundError(
        absl::StrCat("rule ", rule, ": version ", ended.version, " does not challenge"));
  }
  if (ended.state == ChallengeState::kPromoted) return Promote(rule, ended);
  if (absl::Status status = WriteChallenge(rule, ended); !status.ok()) return status;
  ForgetChallenger(rule, ended);
  return absl::OkStatus();
}

absl::Status ModelRegistry::Promote(const std::string& rule, const Challenge& promoted) {
  if (absl::Status status = WriteChallenge(rule, promoted); !status.ok()) return status;
  // After the record: a crash between the two leaves what a rollback chose.
  std::error_code ignored;
  fs::remove(PinnedPath(rule), ignored);
  Serve(rule, ForgetChallenger(rule, promoted));
  metrics_->published.Increment();
  return absl::OkStatus();
}

std::shared_ptr<const ModelVersion> ModelRegistry::ForgetChallenger(const std::string& rule,
                                                                    const Challenge& ended) {
  absl::MutexLock lock(&mu_);
  rules_[rule].challenge = ended;
  return std::exchange(rules_[rule].challenger, nullptr);
}

void ModelRegistry::DropChallenger(const std::string& rule, const std::string& reason,
                                   TimestampMs now_ms) {
  auto challenge = LatestChallenge(rule);
  if (!challenge || challenge->state != ChallengeState::kRunning) return;
  challenge->state = ChallengeState::kDropped;
  challenge->ended_at_ms = now_ms;
  challenge->reason = reason;
  if (absl::Status status = WriteChallenge(rule, *challenge); !status.ok()) {
    logger_.Warn("end of a challenge not kept", {{"rule", rule}, {"err", status}});
  }
  ForgetChallenger(rule, *challenge);
  logger_.Info("challenge ended", {{"rule", rule},
                                   {"version", challenge->version},
                                   {"state", ChallengeStateName(challenge->state)},
                                   {"reason", reason}});
}

uint64_t ModelRegistry::NextNumber(const std::string& rule) const {
  const std::vector<uint64_t> numbers = Versions(rule);
  return numbers.empty() ? 1 : numbers.back() + 1;
}

absl::StatusOr<std::shared_ptr<const ModelVersion>> ModelRegistry::AddVersion(
    const std::string& rule, uint64_t number, const TrainedModels& models) {
  auto version = WriteAndLoad(rule, number, models);
  if (!version.ok()) {
    metrics_->publish_failures.Increment();
    return version.status();
  }
  absl::MutexLock lock(&mu_);
  rules_[rule].numbers.push_back(number);
  return version;
}

absl::StatusOr<std::shared_ptr<const ModelVersion>> ModelRegistry::WriteAndLoad(
    const std::string& rule, uint64_t number, const TrainedModels& models) {
  std::error_code error;
  fs::create_directories(RuleDirectory(rule), error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("registry: cannot make ", RuleDirectory(rule), ": ", error.message()));
  }
  const std::string path = VersionPath(rule, number);
  if (absl::Status written = WriteModelVersion(path, rule, models); !written.ok()) return written;
  auto version = ModelVersion::Load(path, number);
  if (!version.ok()) fs::remove(path, error);
  return version;
}

absl::Status ModelRegistry::Rollback(const std::string& rule, uint64_t version) {
  absl::MutexLock publishing(&publish_mu_);
  const std::vector<uint64_t> numbers = Versions(rule);
  if (!std::binary_search(numbers.begin(), numbers.end(), version)) {
    return absl::NotFoundError(absl::StrCat("rule ", rule, ": version ", version, " is not kept"));
  }
  const auto loaded = ModelVersion::Load(VersionPath(rule, version), version);
  if (!loaded.ok()) return loaded.status();
  absl::Status pinned = WriteFileAtomically(PinnedPath(rule), std::to_string(version));
  if (!pinned.ok()) return pinned;
  DropChallenger(rule, "rollback", /*now_ms=*/0);
  Serve(rule, *loaded);
  metrics_->rollbacks.Increment();
  logger_.Info("model version rolled back", {{"rule", rule}, {"version", version}});
  return absl::OkStatus();
}

void ModelRegistry::DropOldVersions(const std::string& rule) {
  std::vector<uint64_t> dropped;
  {
    absl::MutexLock lock(&mu_);
    RuleVersions& versions = rules_[rule];
    std::vector<uint64_t>& numbers = versions.numbers;
    if (numbers.size() <= options_.versions_kept) return;
    const auto kept = numbers.end() - static_cast<ptrdiff_t>(options_.versions_kept);
    dropped.assign(numbers.begin(), kept);
    numbers.erase(numbers.begin(), kept);
    // A champion may outlive many challengers.
    const uint64_t serving = versions.current == nullptr ? 0 : versions.current->number();
    if (std::erase(dropped, serving) > 0) numbers.insert(numbers.begin(), serving);
  }
  for (const uint64_t number : dropped) {
    std::error_code error;
    fs::remove(ChallengePath(rule, number), error);
    fs::remove(VersionPath(rule, number), error);
    if (error) {
      logger_.Warn("old model version not removed",
                   {{"rule", rule}, {"version", number}, {"err", error.message()}});
    }
  }
}

absl::Status ModelRegistry::Retain(const std::vector<std::string>& rules) {
  absl::MutexLock publishing(&publish_mu_);
  std::vector<std::string> dropped;
  {
    absl::MutexLock lock(&mu_);
    for (const auto& [rule, versions] : rules_) {
      if (std::find(rules.begin(), rules.end(), rule) == rules.end()) dropped.push_back(rule);
    }
    for (const std::string& rule : dropped) rules_.erase(rule);
  }
  for (const std::string& rule : dropped) {
    metrics_->Forget(rule);
    std::error_code error;
    fs::remove_all(RuleDirectory(rule), error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("registry: cannot remove ", RuleDirectory(rule), ": ", error.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace auspex
