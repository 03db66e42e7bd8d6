// What the daemon answers while it starts, and how it ends when it cannot.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "sidecar/net/http_client.h"
#include "tests/testing/auspex_server.h"
#include "tests/testing/free_port.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

constexpr DurationMs kPatience = 60 * kSecond;
constexpr char kConfig[] = R"(
rules:
  - name: used
    selector: used_bytes
    by: [user]
)";

// A model file that is read for as long as the test wants: a FIFO, whose reader waits for a writer.
class SlowModelFile {
 public:
  explicit SlowModelFile(const std::string& path) : path_(path) {
    fs::create_directories(fs::path(path).parent_path());
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
  }

  // Lets the reader go on, with an empty file. False when none came.
  bool Release() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatience);
    while (std::chrono::steady_clock::now() < deadline) {
      const int fd = open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
      if (fd >= 0) return close(fd) == 0;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

 private:
  const std::string path_;
};

class StartTest : public ::testing::Test {
 protected:
  StartTest() { std::ofstream(directory_.File("auspex.yml")) << kConfig; }

  std::vector<std::string> Serve(const std::string& storage, int port) const {
    return {"serve", "--config.file=" + directory_.File("auspex.yml"), "--storage.path=" + storage,
            "--web.listen-address=127.0.0.1:" + std::to_string(port),
            "--grpc.listen-address=127.0.0.1:0"};
  }

  TempDir directory_;
};

TEST_F(StartTest, IsHealthyBeforeItsStoresAreOpenAndReadyAfter) {
  const SlowModelFile model(directory_.File("data/models/used/v1.safetensors"));
  const int port = FreePort();
  const auto binary = AuspexBinary();
  ASSERT_TRUE(binary.ok()) << binary.status();
  std::vector<std::string> args = Serve(directory_.File("data"), port);
  args.insert(args.begin(), *binary);
  auto process = Subprocess::Start({.args = args});
  ASSERT_TRUE(process.ok()) << process.status();
  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  const absl::Status healthy = WaitForHttp200(*process, url + "/-/healthy", kPatience);
  ASSERT_TRUE(healthy.ok()) << healthy;

  HttpClient client;
  const auto metrics = client.Perform({.method = "GET", .url = url + "/metrics"});
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_EQ(metrics->status, 200);
  EXPECT_THAT(metrics->body, HasSubstr("auspex_http_connections"));
  for (const auto& [method, path] :
       {std::pair("GET", "/-/ready"), std::pair("POST", "/api/v1/write"),
        std::pair("GET", "/api/v1/rules"), std::pair("POST", "/-/reload"), std::pair("GET", "/")}) {
    const auto answer = client.Perform({.method = method, .url = url + path});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->status, 503) << path;
    EXPECT_EQ(answer->Header("Retry-After"), "1") << path;
    EXPECT_THAT(answer->body, HasSubstr("is starting")) << path;
  }

  ASSERT_TRUE(model.Release()) << process->Log();
  for (const char* path : {"/-/ready", "/-/healthy", "/api/v1/rules", "/"}) {
    const absl::Status ready = WaitForHttp200(*process, url + path, kPatience);
    EXPECT_TRUE(ready.ok()) << path << ": " << ready;
  }
  process->Signal(SIGTERM);
  const auto status = process->Wait(kPatience);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(*status, 0) << process->Log();
}

TEST_F(StartTest, AStorageDirectoryInUseEndsIt) {
  auto first = AuspexServer::Start({.config = kConfig});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = RunAuspex(Serve(first->storage_path(), FreePort()));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->status, 2);
  EXPECT_THAT(second->output, HasSubstr("cannot start"));
  EXPECT_THAT(second->output, HasSubstr("is another process using this directory?"));
}

TEST_F(StartTest, AnAddressInUseEndsItBeforeAnythingIsTouched) {
  auto first = AuspexServer::Start({.config = kConfig});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = RunAuspex(Serve(directory_.File("data"), first->port()));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->status, 2);
  EXPECT_THAT(second->output, HasSubstr("cannot listen on"));
  EXPECT_FALSE(fs::exists(directory_.File("data")));
}

}  // namespace
}  // namespace auspex
