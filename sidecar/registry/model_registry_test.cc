#include "sidecar/registry/model_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "sidecar/base/file.h"
#include "sidecar/registry/registry_test.h"

namespace auspex {
namespace {

using ::testing::ElementsAre;

class ModelRegistryTest : public RegistryFixture {
 protected:
  // The weight of the serving version, or -1.
  static float Serving(const ModelRegistry& registry, const std::string& rule) {
    return Weight(registry.Current(rule));
  }
};

TEST_F(ModelRegistryTest, ServesNothingUntilSomethingIsPublished) {
  const auto registry = Open();
  EXPECT_EQ(registry->Current("a"), nullptr);
  EXPECT_TRUE(registry->Versions("a").empty());
}

TEST_F(ModelRegistryTest, ServesTheNewestVersionAlsoAfterARestart) {
  auto registry = Open();
  ASSERT_TRUE(registry->Publish("a/b", Models(1)).ok());
  ASSERT_TRUE(registry->Publish("a/b", Models(2)).ok());
  EXPECT_EQ(Serving(*registry, "a/b"), 2);
  registry.reset();
  registry = Open();
  EXPECT_EQ(Serving(*registry, "a/b"), 2);
  EXPECT_THAT(registry->Versions("a/b"), ElementsAre(1, 2));
  EXPECT_EQ(Metric("auspex_registry_model_version"), 2);
  EXPECT_EQ(Metric("auspex_registry_model_trained_timestamp_seconds"), 2);
}

TEST_F(ModelRegistryTest, KeepsTheLastFiveVersions) {
  const auto registry = Open();
  for (int i = 1; i <= 7; ++i) ASSERT_TRUE(registry->Publish("a", Models(1)).ok());
  EXPECT_THAT(registry->Versions("a"), ElementsAre(3, 4, 5, 6, 7));
  EXPECT_FALSE(std::filesystem::exists(Path("a", 2)));
  EXPECT_TRUE(std::filesystem::exists(Path("a", 3)));
}

TEST_F(ModelRegistryTest, ReadersKeepTheVersionThatTheyHold) {
  const auto registry = Open();
  ASSERT_TRUE(registry->Publish("a", Models(1)).ok());
  const std::weak_ptr<const ModelVersion> old = registry->Current("a");
  {
    const auto held = registry->Current("a");
    for (int i = 2; i <= 8; ++i) ASSERT_TRUE(registry->Publish("a", Models(9)).ok());
    EXPECT_FALSE(std::filesystem::exists(Path("a", 1)));
    EXPECT_TRUE(std::ranges::all_of(held->base().values(), [](float v) { return v == 1; }));
  }
  EXPECT_TRUE(old.expired());
}

TEST_F(ModelRegistryTest, SwapsUnderReadersWithoutAHole) {
  const auto registry = Open();
  ASSERT_TRUE(registry->Publish("a", Models(1)).ok());
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::thread reader([&] {
    while (!stop) {
      const auto current = registry->Current("a");
      const float first = current == nullptr ? -1 : current->base().values().front();
      if (first < 1 || current->base().values().back() != first) ++torn;
    }
  });
  for (int i = 2; i <= 20; ++i) {
    EXPECT_TRUE(registry->Publish("a", Models(static_cast<float>(i))).ok());
  }
  stop = true;
  reader.join();
  EXPECT_EQ(torn, 0);
}

TEST_F(ModelRegistryTest, PassesOverACorruptFile) {
  auto registry = Open();
  ASSERT_TRUE(registry->Publish("a", Models(1)).ok());
  ASSERT_TRUE(registry->Publish("a", Models(2)).ok());
  ASSERT_TRUE(registry->Publish("a", Models(3)).ok());
  registry.reset();
  const std::string newest = *ReadFile(Path("a", 3));
  ASSERT_TRUE(WriteFileAtomically(Path("a", 3), newest.substr(0, newest.size() - 4)).ok());
  ASSERT_TRUE(WriteFileAtomically(Path("a", 2), "rubbish").ok());

  registry = Open();
  EXPECT_EQ(Serving(*registry, "a"), 1);
  EXPECT_EQ(Metric("auspex_registry_corrupt_files_total"), 2);
  // The number of a corrupt file is not used again.
  ASSERT_TRUE(registry->Publish("a", Models(4)).ok());
  EXPECT_THAT(registry->Versions("a"), ElementsAre(1, 2, 3, 4));
}

TEST_F(ModelRegistryTest, ServesNothingWhenAllIsCorrupt) {
  auto registry = Open();
  ASSERT_TRUE(registry->Publish("a", Models(1)).ok());
  registry.reset();
  ASSERT_TRUE(WriteFileAtomically(Path("a", 1), "").ok());
  EXPECT_EQ(Open()->Current("a"), nullptr);
}

TEST_F(ModelRegistryTest, AFailedPublicationLeavesThePresentVersion) {
  const auto registry = Open();
  ASSERT_TRUE(registry->Publish("a", Models(1)).ok());
  TrainedModels broken = Models(2);
  broken.base = model::Weights::FromVector({1, 2});
  EXPECT_EQ(registry->Publish("a", broken).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Serving(*registry, "a"), 1);
  EXPECT_THAT(registry->Versions("a"), ElementsAre(1));
  EXPECT_EQ(Metric("auspex_registry_publish_failures_total"), 1);
}

TEST_F(ModelRegistryTest, RollsBackUntilTheNextPublication) {
  auto registry = Open();
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(registry->Publish("a", Models(static_cast<float>(i))).ok());
  }
  ASSERT_TRUE(registry->Rollback("a", 1).ok());
  EXPECT_EQ(Serving(*registry, "a"), 1);
  registry.reset();
  registry = Open();
  EXPECT_EQ(Serving(*registry, "a"), 1);
  ASSERT_TRUE(registry->Publish("a", Models(4)).ok());
  EXPECT_EQ(Serving(*registry, "a"), 4);
  EXPECT_THAT(registry->Versions("a"), ElementsAre(1, 2, 3, 4));
  registry.reset();
  EXPECT_EQ(Serving(*Open(), "a"), 4);
}

TEST_F(ModelRegistryTest, RollsBackOnlyToWhatIsKeptAndIntact) {
  const auto registry = Open();
  ASSERT_TRUE(registry->Publish("a", Models(1)).ok());
  ASSERT_TRUE(registry->Publish("a", Models(2)).ok());
  EXPECT_EQ(registry->Rollback("a", 9).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(registry->Rollback("b", 1).code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(WriteFileAtomically(Path("a", 1), "rubbish").ok());
  EXPECT_EQ(registry->Rollback("a", 1).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Serving(*registry, "a"), 2);
}

TEST_F(ModelRegistryTest, DoesNotServeAnotherShape) {
  const auto registry = Open();
  ASSERT_TRUE(registry->Publish("a", Models(1)).ok());
  model::ModelSpec spec = Models(1).spec;
  EXPECT_NE(registry->Current("a", spec), nullptr);
  spec.horizon_steps += 1;
  EXPECT_EQ(registry->Current("a", spec), nullptr);
}

TEST_F(ModelRegistryTest, ForgetsRulesThatAreGone) {
  const auto registry = Open();
  ASSERT_TRUE(registry->Publish("a", Models(1)).ok());
  ASSERT_TRUE(registry->Publish("b", Models(2)).ok());
  ASSERT_TRUE(registry->Retain({"b"}).ok());
  EXPECT_EQ(registry->Current("a"), nullptr);
  EXPECT_FALSE(std::filesystem::exists(Path("a", 1)));
  EXPECT_EQ(Serving(*registry, "b"), 2);
}

}  // namespace
}  // namespace auspex
