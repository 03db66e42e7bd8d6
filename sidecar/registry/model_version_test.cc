#include "sidecar/registry/model_version.h"

#include <gtest/gtest.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "absl/strings/str_cat.h"
#include "model/spec/model_tensors.h"
#include "model/spec/safetensors.h"
#include "sidecar/base/file.h"
#include "sidecar/registry/version_json.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

model::Weights Filled(const model::ModelSpec& spec, float value) {
  return model::Weights::FromVector(
      std::vector<float>(static_cast<size_t>(model::ParameterCount(spec)), value));
}

TrainedModels SomeModels() {
  TrainedModels models;
  models.spec.quantiles = {0.1, 0.5, 0.9};
  models.base = Filled(models.spec, 0.25F);
  models.choice = {.candidate = "base+last", .own = false, .blend = {0.5F, 0, 0.5F}};
  models.scores = {{"base", 0.5, 0.25}, {"last", 0.75, kNan}};
  models.origins = 12;
  models.base_iterations = 400;
  models.interval_factor = 1.25;
  models.settings = {.learning_rate = 2e-3, .encoder_dropout = 0.25, .weight_decay = 0.01};
  models.trials = {{.settings = {}, .iterations = 800, .loss = 0.5},
                   {.settings = models.settings, .iterations = 400, .loss = 0.375},
                   {.settings = {.learning_rate = 1}}};
  models.tuning_cpu_seconds = 12.5;
  models.seconds = 3.5;
  models.trained_at_ms = 1'700'000'000'000;
  models.aggregates.push_back({.aggregate = AggregateId{7},
                               .choice = {.candidate = "own", .own = true, .blend = {1, 0, 0}},
                               .scores = {{"own", 0.125, 0.0625}},
                               .evidence = {.weight = 1.9, .candidates = {{"own", 0.5, kNan}}},
                               .own = Filled(models.spec, 0.5F)});
  models.aggregates.push_back({.aggregate = AggregateId{9},
                               .choice = {.candidate = "last", .own = false, .blend = {0, 0, 1}},
                               .scores = {},
                               .evidence = {},
                               .own = {}});
  return models;
}

TEST(ModelVersionTest, ComesBackAsItWasWritten) {
  const TempDir dir;
  const TrainedModels models = SomeModels();
  const std::string path = dir.File("v3.safetensors");
  ASSERT_TRUE(WriteModelVersion(path, "storage", models).ok());
  const auto version = ModelVersion::Load(path, 3);
  ASSERT_TRUE(version.ok()) << version.status();

  EXPECT_EQ((*version)->number(), 3u);
  EXPECT_EQ((*version)->rule(), "storage");
  EXPECT_EQ((*version)->spec(), models.spec);
  EXPECT_EQ((*version)->own_models(), 1u);
  EXPECT_EQ((*version)->aggregates(), 2u);
  EXPECT_EQ((*version)->summary().trained_at_ms, models.trained_at_ms);
  EXPECT_EQ((*version)->summary().base_iterations, 400);
  EXPECT_EQ((*version)->summary().interval_factor, 1.25);
  EXPECT_EQ((*version)->summary().settings, models.settings);
  EXPECT_EQ((*version)->summary().tuning_cpu_seconds, 12.5);
  ASSERT_EQ((*version)->summary().trials.size(), 3u);
  EXPECT_EQ((*version)->summary().trials[1].settings, models.settings);
  EXPECT_EQ((*version)->summary().trials[1].loss, 0.375);
  EXPECT_EQ((*version)->summary().trials[2].iterations, 0);
  EXPECT_TRUE(std::isnan((*version)->summary().trials[2].loss));
  EXPECT_EQ((*version)->summary().scores[0], models.scores[0]);
  EXPECT_TRUE(std::isnan((*version)->summary().scores[1].pinball));
  EXPECT_TRUE(std::ranges::equal((*version)->base().values(), models.base.values()));

  EXPECT_EQ((*version)->ChoiceFor(AggregateId{7}), models.aggregates[0].choice);
  EXPECT_EQ((*version)->OwnWeights(AggregateId{7}).values()[0], 0.5F);
  EXPECT_EQ((*version)->ChoiceFor(AggregateId{9}), models.aggregates[1].choice);
  EXPECT_TRUE((*version)->OwnWeights(AggregateId{9}).empty());
}

TEST(ModelVersionTest, ReadsTheEvidenceOfAggregatesThatHaveSome) {
  const TempDir dir;
  const std::string path = dir.File("v3.safetensors");
  ASSERT_TRUE(WriteModelVersion(path, "storage", SomeModels()).ok());
  const auto version = *ModelVersion::Load(path, 3);
  std::filesystem::remove(path);  // pruned meanwhile: what is mapped is still there
  const auto evidence = version->ReadEvidence();
  ASSERT_TRUE(evidence.ok()) << evidence.status();
  ASSERT_EQ(evidence->size(), 1u);
  const ModelEvidence& own = evidence->at(AggregateId{7});
  EXPECT_EQ(own.weight, 1.9);
  ASSERT_EQ(own.candidates.size(), 1u);
  EXPECT_EQ(own.candidates[0].candidate, "own");
  EXPECT_EQ(own.candidates[0].mean, 0.5);
  EXPECT_TRUE(std::isnan(own.candidates[0].typical));
}

TEST(ModelVersionTest, ReadsAFileFromBeforeThereWasEvidence) {
  TrainedModels models = SomeModels();
  models.aggregates.clear();
  std::vector<model::TensorView> tensors;
  ASSERT_TRUE(model::AppendModel(models.spec, "base", models.base, &tensors).ok());
  const std::string document = VersionToJson("storage", models);
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  XXH3_64bits_update(&state, document.data(), document.size());
  for (const model::TensorView& tensor : tensors) {
    XXH3_64bits_update(&state, tensor.values.data(), tensor.values.size_bytes());
  }
  const std::string checksum =
      absl::StrCat(absl::Hex(XXH3_64bits_digest(&state), absl::kZeroPad16));
  const TempDir dir;
  const std::string path = dir.File("v1.safetensors");
  const auto bytes =
      model::EncodeSafetensors({{"auspex", document}, {"auspex_checksum", checksum}}, tensors);
  ASSERT_TRUE(bytes.ok() && WriteFileAtomically(path, *bytes).ok());
  const auto version = ModelVersion::Load(path, 1);
  ASSERT_TRUE(version.ok()) << version.status();
  const auto evidence = (*version)->ReadEvidence();
  ASSERT_TRUE(evidence.ok()) << evidence.status();
  EXPECT_TRUE(evidence->empty());
}

TEST(ModelVersionTest, EvidenceThatMakesNoSenseIsDataLoss) {
  for (const char* text :
       {"", "[1]", R"({"x": {"weight": 1, "candidates": []}})", R"({"7": {"weight": 1}})",
        R"({"7": {"weight": 1, "candidates": [[]]}})"}) {
    EXPECT_TRUE(absl::IsDataLoss(EvidenceFromJson(text).status())) << text;
  }
}

TEST(ModelVersionTest, TheDocumentHasTheScoresOfAggregates) {
  const TrainedModels models = SomeModels();
  const auto read = VersionFromJson(VersionToJson("storage", models));
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->models.aggregates.size(), 2u);
  EXPECT_EQ(read->models.aggregates[0].scores, models.aggregates[0].scores);
  EXPECT_TRUE(read->models.aggregates[1].scores.empty());
}

TEST(ModelVersionTest, ServesUnknownAggregatesByTheRulesChoice) {
  const TempDir dir;
  ASSERT_TRUE(WriteModelVersion(dir.File("v1.safetensors"), "storage", SomeModels()).ok());
  const auto version = ModelVersion::Load(dir.File("v1.safetensors"), 1);
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_FALSE((*version)->Knows(AggregateId{8}));
  EXPECT_EQ((*version)->ChoiceFor(AggregateId{8}).candidate, "base+last");
  EXPECT_TRUE((*version)->OwnWeights(AggregateId{8}).empty());
}

TEST(ModelVersionTest, WeightsOutliveTheVersionAndItsFile) {
  const TempDir dir;
  const std::string path = dir.File("v1.safetensors");
  ASSERT_TRUE(WriteModelVersion(path, "storage", SomeModels()).ok());
  model::Weights own;
  {
    const auto version = ModelVersion::Load(path, 1);
    ASSERT_TRUE(version.ok()) << version.status();
    own = (*version)->OwnWeights(AggregateId{7});
  }
  std::filesystem::remove(path);
  EXPECT_TRUE(std::ranges::all_of(own.values(), [](float value) { return value == 0.5F; }));
}

TEST(ModelVersionTest, FitsItsShapeInSummerAndWinter) {
  const TempDir dir;
  ASSERT_TRUE(WriteModelVersion(dir.File("v1.safetensors"), "storage", SomeModels()).ok());
  const auto version = ModelVersion::Load(dir.File("v1.safetensors"), 1);
  ASSERT_TRUE(version.ok()) << version.status();
  model::ModelSpec spec = SomeModels().spec;
  spec.utc_offset_minutes += 60;
  EXPECT_TRUE((*version)->Fits(spec));
  spec.hidden += 1;
  EXPECT_FALSE((*version)->Fits(spec));
}

// After an upgrade that reads a series differently, a rule learns anew.
TEST(ModelVersionTest, DoesNotFitOtherFeatures) {
  const TempDir dir;
  TrainedModels models = SomeModels();
  models.spec.features_version = 1;
  ASSERT_TRUE(WriteModelVersion(dir.File("v1.safetensors"), "storage", models).ok());
  const auto version = ModelVersion::Load(dir.File("v1.safetensors"), 1);
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_FALSE((*version)->Fits(SomeModels().spec));
}

TEST(ModelVersionTest, RefusesWeightsThatDoNotFitTheSpec) {
  const TempDir dir;
  TrainedModels models = SomeModels();
  models.aggregates[0].own = model::Weights::FromVector({1, 2, 3});
  const absl::Status status = WriteModelVersion(dir.File("v1.safetensors"), "storage", models);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_FALSE(std::filesystem::exists(dir.File("v1.safetensors")));
}

// Any cut and any changed byte must be seen.
TEST(ModelVersionTest, RefusesDamagedFiles) {
  const TempDir dir;
  const std::string path = dir.File("v1.safetensors");
  ASSERT_TRUE(WriteModelVersion(path, "storage", SomeModels()).ok());
  const std::string intact = *ReadFile(path);
  for (const size_t size :
       {size_t{0}, size_t{7}, size_t{8}, size_t{100}, intact.size() / 2, intact.size() - 1}) {
    ASSERT_TRUE(WriteFileAtomically(path, intact.substr(0, size)).ok());
    const auto version = ModelVersion::Load(path, 1);
    EXPECT_EQ(version.status().code(), absl::StatusCode::kDataLoss) << size;
  }
  // The header's padding is the one place where a changed byte says nothing; it is JSON's affair.
  for (size_t at = 0; at < intact.size(); at += 1 + intact.size() / 97) {
    std::string damaged = intact;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    ASSERT_TRUE(WriteFileAtomically(path, damaged).ok());
    const auto version = ModelVersion::Load(path, 1);
    EXPECT_FALSE(version.ok()) << "byte " << at;
    if (!version.ok()) {
      EXPECT_NE(version.status().message().find(path), absl::string_view::npos);
    }
  }
}

}  // namespace
}  // namespace auspex
