// What the daemon costs: threads and memory with many senders connected, libraries; and what the
// command line answers.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sidecar/base/clock.h"
#include "sidecar/wire/write_request_encoder.h"
#include "tests/testing/auspex_server.h"

namespace auspex {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int kConnections = 200;
constexpr int kThreadsMax = 60;
constexpr int64_t kIdleResidentMax = 64 << 20;

constexpr char kConfig[] = R"(
rules:
  - name: used
    selector: used_bytes
    by: [user]
)";

// A keep-alive connection of a sender.
class Connection {
 public:
  explicit Connection(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~Connection() { close(fd_); }
  Connection(Connection&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}

  bool Send(const std::string& bytes) {
    return connected_ && send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                             static_cast<ssize_t>(bytes.size());
  }
  // The head of an answer without a body.
  std::string ReceiveHead() {
    std::string head;
    char piece[4096];
    while (!head.ends_with("\r\n\r\n")) {
      const ssize_t size = recv(fd_, piece, sizeof(piece), 0);
      if (size <= 0) break;
      head.append(piece, size);
    }
    return head;
  }

 private:
  int fd_;
  bool connected_;
};

std::string WriteRequest(const std::string& user) {
  const LabeledSample sample = {{{std::string(kMetricName), "used_bytes"}, {"user", user}},
                                {SystemClock().NowMs(), 1}};
  const std::string body = EncodeWriteRequest(WriteProtocol::kV1, {&sample, 1});
  return absl::StrCat("POST /api/v1/write HTTP/1.1\r\nHost: auspex\r\nContent-Type: ",
                      std::string(WriteContentType(WriteProtocol::kV1)),
                      "\r\nContent-Encoding: snappy\r\nContent-Length: ", body.size(), "\r\n\r\n",
                      body);
}

int64_t ResidentBytes(pid_t pid) {
  std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
  int64_t total = 0;
  int64_t resident = 0;
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

int64_t ThreadsOf(pid_t pid) {
  const std::filesystem::directory_iterator tasks("/proc/" + std::to_string(pid) + "/task");
  return std::distance(begin(tasks), end(tasks));
}

TEST(ConnectionsTest, ManySendersNeedFewThreads) {
  auto auspex = AuspexServer::Start({.config = kConfig});
  ASSERT_TRUE(auspex.ok()) << auspex.status();
  const pid_t pid = auspex->process().pid();
  std::cout << "idle: " << ResidentBytes(pid) / 1024 << " KiB, " << ThreadsOf(pid) << " threads\n";
  EXPECT_LT(ResidentBytes(pid), kIdleResidentMax);

  std::vector<Connection> senders;
  for (int i = 0; i < kConnections; ++i) senders.emplace_back(auspex->port());
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < kConnections; ++i) {
      ASSERT_TRUE(senders[i].Send(WriteRequest(std::to_string(i)))) << i;
    }
    for (int i = 0; i < kConnections; ++i) {
      ASSERT_THAT(senders[i].ReceiveHead(), StartsWith("HTTP/1.1 204 ")) << i;
    }
  }
  const auto healthy = auspex->Get("/-/healthy");
  EXPECT_TRUE(healthy.ok()) << healthy.status();
  const auto accepted = auspex->Metric("auspex_ingest_samples_total{outcome=\"accepted\"}");
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  EXPECT_EQ(*accepted, 3 * kConnections);
  std::cout << kConnections << " connections: " << ResidentBytes(pid) / 1024 << " KiB, "
            << ThreadsOf(pid) << " threads\n";
  EXPECT_LT(ThreadsOf(pid), kThreadsMax);
  const absl::Status stopped = auspex->Stop();
  EXPECT_TRUE(stopped.ok()) << stopped;
}

TEST(ConnectionsTest, TheDaemonDoesNotLinkLibTorch) {
  const auto binary = AuspexBinary();
  ASSERT_TRUE(binary.ok()) << binary.status();
  auto ldd = Subprocess::Start({.args = {"/usr/bin/ldd", *binary}});
  ASSERT_TRUE(ldd.ok()) << ldd.status();
  const auto status = ldd->Wait(10 * kSecond);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(*status, 0) << ldd->Log();
  EXPECT_THAT(ldd->Log(), HasSubstr("libprotobuf"));  // it does list what is linked
  EXPECT_THAT(ldd->Log(), Not(HasSubstr("libtorch")));
  EXPECT_THAT(ldd->Log(), Not(HasSubstr("libc10")));
}

TEST(CommandLineTest, SaysItsVersion) {
  const auto run = RunAuspex({"--version"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->status, 0);
  EXPECT_THAT(run->output, MatchesRegex("auspex, version [0-9]+\\.[0-9]+\\.[0-9]+ .*\n"));
}

TEST(CommandLineTest, BadConfigurationsAreRefusedWithTheirPlaces) {
  const TempDir directory;
  const std::string file = directory.File("auspex.yml");
  struct Case {
    std::string text;
    std::string place;
    std::string what;
  };
  const std::vector<Case> cases = {
      {"rules:\n  - name: a\n    selektor: x\n", ":3:5: ", "selector"},
      {"rules:\n  - {name: a, selector: x, step: 7m}\n", ":2:", "divide a day"},
      {"rules: [\n", ":2:", ""},
  };
  for (const Case& bad : cases) {
    std::ofstream(file) << bad.text;
    for (const std::vector<std::string>& args :
         {std::vector<std::string>{"check-config", file},
          std::vector<std::string>{"serve", "--config.file=" + file,
                                   "--storage.path=" + directory.File("data")}}) {
      const auto run = RunAuspex(args);
      ASSERT_TRUE(run.ok()) << run.status();
      EXPECT_NE(run->status, 0) << bad.text;
      EXPECT_THAT(run->output, HasSubstr(file + bad.place)) << bad.text;
      EXPECT_THAT(run->output, HasSubstr(bad.what)) << bad.text;
    }
  }
}

TEST(CommandLineTest, WhatIsMissingIsNamed) {
  const auto run = RunAuspex({"check-config", "/no/such/auspex.yml"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_NE(run->status, 0);
  EXPECT_THAT(run->output, HasSubstr("/no/such/auspex.yml"));
}

}  // namespace
}  // namespace auspex
