// Challengers in the registry: what serves meanwhile, and what is left after a restart or a crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "sidecar/base/file.h"
#include "sidecar/registry/challenge_record.h"
#include "sidecar/registry/registry_test.h"

namespace auspex {
namespace {

using ::testing::ElementsAre;

class ChallengeTest : public RegistryFixture {
 protected:
  ChallengeTest() { Reopen(); }

  void Reopen() {
    registry_.reset();
    registry_ = Open();
  }

  void Publish(float value) { ASSERT_TRUE(registry_->Publish("a", Models(value)).ok()); }
  void PublishChallenger(float value) {
    ASSERT_TRUE(registry_->PublishChallenger("a", Models(value), kDay).ok());
  }
  absl::Status End(uint64_t version, ChallengeState state) {
    Challenge ended = registry_->LatestChallenge("a").value_or(Challenge());
    ended.version = version;
    ended.state = state;
    ended.ended_at_ms = kDay;
    ended.reason = "because";
    ended.evidence = {.blocks = 9, .log_ratio = -0.5, .standard_error = 0.25};
    return registry_->EndChallenge("a", ended);
  }

  float Champion() const { return Weight(registry_->Serving("a", Models(1).spec).champion); }
  float Challenger() const { return Weight(registry_->Serving("a", Models(1).spec).challenger); }
  ChallengeState State() const { return registry_->LatestChallenge("a")->state; }

  std::unique_ptr<ModelRegistry> registry_;
};

TEST_F(ChallengeTest, WithoutAChampionItServesAtOnce) {
  PublishChallenger(1);
  EXPECT_EQ(Champion(), 1);
  EXPECT_EQ(Challenger(), -1);
  EXPECT_FALSE(registry_->LatestChallenge("a").has_value());
  // Nor does one of another shape count.
  TrainedModels other = Models(1);
  other.spec.horizon_steps += 1;
  ASSERT_TRUE(registry_->PublishChallenger("a", other, kDay).ok());
  EXPECT_EQ(registry_->Current("a")->number(), 2U);
  EXPECT_FALSE(registry_->LatestChallenge("a").has_value());
}

TEST_F(ChallengeTest, RunsOnOverARestart) {
  Publish(1);
  PublishChallenger(2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Champion(), 1);
    EXPECT_EQ(Challenger(), 2);
    EXPECT_EQ(Weight(registry_->Current("a")), 1);
    const Challenge challenge = *registry_->LatestChallenge("a");
    EXPECT_EQ(challenge.version, 2U);
    EXPECT_EQ(challenge.champion, 1U);
    EXPECT_EQ(challenge.started_at_ms, 2000);
    EXPECT_EQ(challenge.for_ms, kDay);
    EXPECT_EQ(challenge.state, ChallengeState::kRunning);
    EXPECT_TRUE(IsMissing(challenge.evidence.log_ratio));
    Reopen();
  }
}

TEST_F(ChallengeTest, APromotedOneServesAlsoAfterARestart) {
  Publish(1);
  PublishChallenger(2);
  EXPECT_EQ(Metric("auspex_registry_versions_published_total"), 1);
  ASSERT_TRUE(End(2, ChallengeState::kPromoted).ok());
  EXPECT_EQ(Metric("auspex_registry_versions_published_total"), 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Champion(), 2);
    EXPECT_EQ(Challenger(), -1);
    const Challenge challenge = *registry_->LatestChallenge("a");
    EXPECT_EQ(challenge.state, ChallengeState::kPromoted);
    EXPECT_EQ(challenge.reason, "because");
    EXPECT_EQ(challenge.evidence.blocks, 9);
    EXPECT_EQ(challenge.evidence.log_ratio, -0.5);
    EXPECT_EQ(challenge.evidence.standard_error, 0.25);
    Reopen();
  }
}

TEST_F(ChallengeTest, ADroppedOneNeverServes) {
  Publish(1);
  PublishChallenger(2);
  ASSERT_TRUE(End(2, ChallengeState::kDropped).ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Champion(), 1);
    EXPECT_EQ(Challenger(), -1);
    EXPECT_EQ(State(), ChallengeState::kDropped);
    EXPECT_THAT(registry_->Versions("a"), ElementsAre(1, 2));
    Reopen();
  }
}

TEST_F(ChallengeTest, OnlyTheOneThatRunsCanEnd) {
  EXPECT_EQ(End(1, ChallengeState::kDropped).code(), absl::StatusCode::kNotFound);
  Publish(1);
  PublishChallenger(2);
  EXPECT_EQ(End(1, ChallengeState::kPromoted).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Challenger(), 2);
  ASSERT_TRUE(End(2, ChallengeState::kDropped).ok());
  EXPECT_EQ(End(2, ChallengeState::kPromoted).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Champion(), 1);
}

TEST_F(ChallengeTest, ANewerOneTakesItsPlace) {
  Publish(1);
  PublishChallenger(2);
  PublishChallenger(3);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Champion(), 1);
    EXPECT_EQ(Challenger(), 3);
    Reopen();
  }
  EXPECT_EQ(ChallengeFromJson(*ReadFile(Path("a", 2, ".challenge.json")))->reason, "superseded");
  Publish(4);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Champion(), 4);
    EXPECT_EQ(Challenger(), -1);
    EXPECT_EQ(registry_->LatestChallenge("a")->reason, "superseded");
    Reopen();
  }
}

TEST_F(ChallengeTest, ARollbackEndsIt) {
  Publish(1);
  Publish(2);
  PublishChallenger(3);
  ASSERT_TRUE(registry_->Rollback("a", 1).ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Champion(), 1);
    EXPECT_EQ(Challenger(), -1);
    EXPECT_EQ(registry_->LatestChallenge("a")->reason, "rollback");
    Reopen();
  }
}

TEST_F(ChallengeTest, APromotionEndsARollback) {
  Publish(1);
  Publish(2);
  ASSERT_TRUE(registry_->Rollback("a", 1).ok());
  PublishChallenger(3);
  Reopen();
  EXPECT_EQ(Champion(), 1);
  EXPECT_EQ(Challenger(), 3);
  ASSERT_TRUE(End(3, ChallengeState::kPromoted).ok());
  Reopen();
  EXPECT_EQ(Champion(), 3);
  // One can still go back, also to a version that was dropped.
  PublishChallenger(4);
  ASSERT_TRUE(End(4, ChallengeState::kDropped).ok());
  ASSERT_TRUE(registry_->Rollback("a", 4).ok());
  Reopen();
  EXPECT_EQ(Champion(), 4);
}

TEST_F(ChallengeTest, AChampionOutlivesManyChallengers) {
  Publish(1);
  for (int i = 2; i <= 8; ++i) {
    PublishChallenger(static_cast<float>(i));
    ASSERT_TRUE(End(i, ChallengeState::kDropped).ok());
  }
  EXPECT_THAT(registry_->Versions("a"), ElementsAre(1, 4, 5, 6, 7, 8));
  EXPECT_FALSE(std::filesystem::exists(Path("a", 3)));
  EXPECT_FALSE(std::filesystem::exists(Path("a", 3, ".challenge.json")));
  Reopen();
  EXPECT_EQ(Champion(), 1);
}

TEST_F(ChallengeTest, ServesWhenTheChampionCannotBeRead) {
  Publish(1);
  PublishChallenger(2);
  ASSERT_TRUE(WriteFileAtomically(Path("a", 1), "rubbish").ok());
  for (int i = 0; i < 2; ++i) {
    Reopen();
    EXPECT_EQ(Champion(), 2);
    EXPECT_EQ(Challenger(), -1);
    EXPECT_EQ(registry_->LatestChallenge("a")->reason, "no_champion");
  }
}

TEST_F(ChallengeTest, ItsOwnFilesMayBeDamaged) {
  Publish(1);
  PublishChallenger(2);
  const std::string weights = *ReadFile(Path("a", 2));
  ASSERT_TRUE(WriteFileAtomically(Path("a", 2), "rubbish").ok());
  Reopen();
  EXPECT_EQ(Champion(), 1);
  EXPECT_EQ(Challenger(), -1);
  EXPECT_FALSE(registry_->LatestChallenge("a").has_value());

  ASSERT_TRUE(WriteFileAtomically(Path("a", 2), weights).ok());
  ASSERT_TRUE(WriteFileAtomically(Path("a", 2, ".challenge.json"), "{}").ok());
  Reopen();
  EXPECT_EQ(Champion(), 1);
  EXPECT_EQ(Challenger(), -1);
  EXPECT_EQ(Metric("auspex_registry_corrupt_files_total"), 1);
}

// A crash between the record and the version leaves a record alone.
TEST_F(ChallengeTest, ARecordWithoutItsVersionIsNothing) {
  Publish(1);
  const Challenge lost{.version = 2, .champion = 1};
  ASSERT_TRUE(WriteFileAtomically(Path("a", 2, ".challenge.json"), ChallengeToJson(lost)).ok());
  Reopen();
  EXPECT_FALSE(registry_->LatestChallenge("a").has_value());
  Publish(2);
  Reopen();
  EXPECT_EQ(Champion(), 2);
  EXPECT_EQ(Challenger(), -1);
}

TEST_F(ChallengeTest, AFailedPublicationLeavesWhatIs) {
  Publish(1);
  PublishChallenger(2);
  TrainedModels broken = Models(3);
  broken.base = model::Weights::FromVector({1, 2});
  EXPECT_FALSE(registry_->PublishChallenger("a", broken, kDay).ok());
  EXPECT_EQ(Champion(), 1);
  EXPECT_EQ(Challenger(), 2);
  EXPECT_EQ(Metric("auspex_registry_publish_failures_total"), 1);
}

TEST(ChallengeRecordTest, ComesBackExactly) {
  const Challenge challenge{.version = 7,
                            .champion = 3,
                            .started_at_ms = 12345,
                            .for_ms = kDay,
                            .state = ChallengeState::kPromoted,
                            .ended_at_ms = 67890,
                            .reason = "not_worse",
                            .evidence = {.blocks = 8, .log_ratio = 0.1, .standard_error = 0.2}};
  const std::string json = ChallengeToJson(challenge);
  const auto again = ChallengeFromJson(json);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ChallengeToJson(*again), json);
  EXPECT_EQ(again->version, 7U);
  EXPECT_EQ(again->state, ChallengeState::kPromoted);
  EXPECT_EQ(again->evidence.log_ratio, 0.1);
  for (const char* bad : {"", "[]", "{}", R"({"state":"paused"})"}) {
    EXPECT_TRUE(absl::IsDataLoss(ChallengeFromJson(bad).status())) << bad;
  }
}

}  // namespace
}  // namespace auspex
