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
#include "sidecar/registry/registry_metrics.h"
#include "sidecar/registry/rule_directory.h"

namespace auspex {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kVersionPrefix = "v";
constexpr std::string_view kVersionSuffix = ".safetensors";
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

std::optional<uint64_t> PinnedVersion(const std::string& directory) {
  std::ifstream in(absl::StrCat(directory, "/", std::string(kPinnedFile)));
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

void ModelRegistry::LoadRule(const std::string& rule) {
  const std::vector<uint64_t> numbers = VersionsInDirectory(RuleDirectory(rule));
  std::vector<uint64_t> preferred(numbers.rbegin(), numbers.rend());
  if (const auto pinned = PinnedVersion(RuleDirectory(rule))) {
    preferred.insert(preferred.begin(), *pinned);
  }
  {
    absl::MutexLock lock(&mu_);
    rules_[rule].numbers = numbers;
  }
  for (const uint64_t number : preferred) {
    const auto version = ModelVersion::Load(VersionPath(rule, number), number);
    if (version.ok()) {
      Serve(rule, *version);
      return;
    }
    metrics_->corrupt_files.Increment();
    logger_.Warn("model version passed over",
                 {{"rule", rule}, {"version", number}, {"err", version.status()}});
  }
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

std::vector<uint64_t> ModelRegistry::Versions(const std::string& rule) const {
  absl::MutexLock lock(&mu_);
  const auto it = rules_.find(rule);
  return it == rules_.end() ? std::vector<uint64_t>() : it->second.numbers;
}

absl::StatusOr<std::shared_ptr<const ModelVersion>> ModelRegistry::Publish(
    const std::string& rule, const TrainedModels& models) {
  absl::MutexLock publishing(&publish_mu_);
  const std::vector<uint64_t> numbers = Versions(rule);
  const uint64_t number = numbers.empty() ? 1 : numbers.back() + 1;
  auto version = WriteAndLoad(rule, number, models);
  if (!version.ok()) {
    metrics_->publish_failures.Increment();
    return version.status();
  }
  std::error_code ignored;
  fs::remove(absl::StrCat(RuleDirectory(rule), "/", std::string(kPinnedFile)), ignored);
  {
    absl::MutexLock lock(&mu_);
    rules_[rule].numbers.push_back(number);
  }
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
  absl::Status pinned = WriteFileAtomically(
      absl::StrCat(RuleDirectory(rule), "/", std::string(kPinnedFile)), std::to_string(version));
  if (!pinned.ok()) return pinned;
  Serve(rule, *loaded);
  metrics_->rollbacks.Increment();
  logger_.Info("model version rolled back", {{"rule", rule}, {"version", version}});
  return absl::OkStatus();
}

void ModelRegistry::DropOldVersions(const std::string& rule) {
  std::vector<uint64_t> dropped;
  {
    absl::MutexLock lock(&mu_);
    std::vector<uint64_t>& numbers = rules_[rule].numbers;
    if (numbers.size() <= options_.versions_kept) return;
    const auto kept = numbers.end() - static_cast<ptrdiff_t>(options_.versions_kept);
    dropped.assign(numbers.begin(), kept);
    numbers.erase(numbers.begin(), kept);
  }
  for (const uint64_t number : dropped) {
    std::error_code error;
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
