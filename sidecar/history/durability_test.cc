// What was written survives SIGKILL: the writer is a process of its own.
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "sidecar/history/history.h"
#include "sidecar/history/pending_log.h"
#include "sidecar/history/state_store.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

constexpr DurationMs kStep = kMinute;
constexpr TimestampMs kStart = 1'772'409'600'000;

HistoryRule TestRule() {
  HistoryRule rule;
  rule.name = "rule";
  rule.fingerprint = "f";
  rule.step_ms = kStep;
  rule.retention_ms = 100 * kDay;
  rule.context_steps = 10;
  return rule;
}

// Writes steps, log rows and state for ever, and reports each finished round on `pipe`.
[[noreturn]] void WriteForEver(const std::string& path, int pipe) {
  prometheus::Registry registry;
  auto store = Store::Open({.path = path}, Logger());
  if (!store.ok()) _exit(1);
  auto history = History::Open(**store, {.block_steps = 16}, Logger(), registry);
  if (!history.ok()) _exit(2);
  const auto rule = (*history)->RegisterRule(TestRule());
  const auto aggregate = (*history)->Intern(*rule, LabelSet({{"user", "ann"}}));
  PendingLog log(**store);
  StateStore state(**store);
  for (int i = 0;; ++i) {
    const AggregateValue value = {*aggregate, 3.0 * i};
    const bool ok = (*history)->AppendStep(*rule, kStart + i * kStep, {&value, 1}).ok() &&
                    log.Append(absl::StrCat("record ", i), i).ok() &&
                    state.Put("round", absl::StrCat(i)).ok() &&
                    (*history)->Maintain(kStart + i * kStep).ok();
    if (!ok || write(pipe, &i, sizeof(i)) != sizeof(i)) _exit(3);
  }
}

TEST(Durability, WhatWasWrittenSurvivesSigkill) {
  TempDir dir;
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(pipe_fds[0]);
    WriteForEver(dir.File("db"), pipe_fds[1]);
  }
  close(pipe_fds[1]);
  int finished = -1;
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(read(pipe_fds[0], &finished, sizeof(finished)), ssize_t{sizeof(finished)});
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  for (int next; read(pipe_fds[0], &next, sizeof(next)) == sizeof(next);) finished = next;
  close(pipe_fds[0]);

  prometheus::Registry registry;
  auto store = Store::Open({.path = dir.File("db")}, Logger());
  ASSERT_TRUE(store.ok()) << store.status();
  auto history = History::Open(**store, {.block_steps = 16}, Logger(), registry);
  ASSERT_TRUE(history.ok());
  const auto rule = (*history)->RegisterRule(TestRule());
  ASSERT_TRUE(rule.ok()) << rule.status();
  ASSERT_EQ((*history)->Aggregates(*rule).size(), 1U);
  const AggregateId aggregate = (*history)->Aggregates(*rule)[0].first;
  const auto values = (*history)->Read(aggregate, {kStart, kStart + finished * kStep});
  ASSERT_TRUE(values.ok()) << values.status();
  ASSERT_EQ(values->size(), static_cast<size_t>(finished) + 1);
  for (int i = 0; i <= finished; ++i) EXPECT_EQ((*values)[i], 3.0 * i);
  EXPECT_TRUE((*history)->Gaps(*rule, {kStart, kStart + finished * kStep}).empty());

  PendingLog log(**store);
  int rows = 0;
  ASSERT_TRUE(log.Replay([&](std::string_view record) {
                   EXPECT_EQ(record, absl::StrCat("record ", rows++));
                   return absl::OkStatus();
                 })
                  .ok());
  EXPECT_GT(rows, finished);
  EXPECT_GE(std::stoi(*StateStore(**store).Get("round")), finished);
}

// The newest write-ahead log of a database.
std::filesystem::path NewestLog(const std::string& database) {
  std::filesystem::path newest;
  for (const auto& entry : std::filesystem::directory_iterator(database)) {
    if (entry.path().extension() == ".log") newest = std::max(newest, entry.path());
  }
  return newest;
}

// As after a power cut: the end of the log is missing, or was never written although the file had
// already grown. What is left is a state that once was.
TEST(Durability, ATornLogLosesOnlyItsEnd) {
  constexpr int kSteps = 50;
  for (const bool zeros : {false, true}) {
    TempDir dir;
    const std::string database = dir.File("db");
    prometheus::Registry registry;
    {
      auto store = Store::Open({.path = database}, Logger());
      ASSERT_TRUE(store.ok()) << store.status();
      auto history = History::Open(**store, {}, Logger(), registry);
      const auto rule = (*history)->RegisterRule(TestRule());
      const auto aggregate = (*history)->Intern(*rule, LabelSet({{"user", "ann"}}));
      for (int i = 0; i < kSteps; ++i) {
        const AggregateValue value = {*aggregate, 3.0 * i};
        ASSERT_TRUE((*history)->AppendStep(*rule, kStart + i * kStep, {&value, 1}).ok());
      }
    }
    const std::filesystem::path log = NewestLog(database);
    const auto size = std::filesystem::file_size(log);
    std::filesystem::resize_file(log, size - 150);
    if (zeros) std::filesystem::resize_file(log, size);

    auto store = Store::Open({.path = database}, Logger());
    ASSERT_TRUE(store.ok()) << store.status();
    auto history = History::Open(**store, {}, Logger(), registry);
    const auto rule = (*history)->RegisterRule(TestRule());
    ASSERT_TRUE(rule.ok()) << rule.status();
    const TimestampMs last_ms = (*history)->LastStep(*rule);
    EXPECT_LT(last_ms, kStart + (kSteps - 1) * kStep);
    EXPECT_GT(last_ms, kStart + (kSteps - 10) * kStep);
    EXPECT_TRUE((*history)->Gaps(*rule, {kStart, last_ms}).empty());
    const AggregateId aggregate = (*history)->Aggregates(*rule)[0].first;
    const auto values = (*history)->Read(aggregate, {kStart, last_ms});
    for (size_t i = 0; i < values->size(); ++i) EXPECT_EQ((*values)[i], 3.0 * i);
  }
}

}  // namespace
}  // namespace auspex
