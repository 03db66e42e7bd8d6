#include "tests/bench/ingest/sender.h"

#include <algorithm>
#include <barrier>
#include <vector>

#include "sidecar/base/thread.h"
#include "sidecar/net/http_client.h"

namespace auspex {
namespace {

constexpr size_t kScrapesApart = 8;

absl::Status Post(HttpClient& client, const std::string& url, const std::string& body) {
  const auto response = client.Perform({.method = "POST",
                                        .url = url + "/api/v1/write",
                                        .headers = {{"Content-Type", "application/x-protobuf"},
                                                    {"Content-Encoding", "snappy"},
                                                    {"X-Prometheus-Remote-Write-Version", "0.1.0"}},
                                        .body = body});
  if (!response.ok()) return response.status();
  if (response->status == 204) return absl::OkStatus();
  return absl::InternalError(url + ": status " + std::to_string(response->status) + ": " +
                             response->body);
}

}  // namespace

absl::Status SendBodies(const Bodies& bodies, size_t first, size_t last, const std::string& url) {
  std::barrier together(static_cast<std::ptrdiff_t>(bodies.size()));
  std::vector<absl::Status> results(bodies.size());
  {
    std::vector<Thread> threads;
    threads.reserve(bodies.size());
    for (size_t connection = 0; connection < bodies.size(); ++connection) {
      threads.emplace_back("sender", [&, connection] {
        HttpClient client;
        for (size_t scrape = first; scrape < last; ++scrape) {
          if (scrape % kScrapesApart == 0) together.arrive_and_wait();
          absl::Status& result = results[connection];
          if (result.ok()) result = Post(client, url, bodies[connection][scrape]);
        }
      });
    }
  }
  const auto failed = std::ranges::find_if(results, [](const auto& s) { return !s.ok(); });
  return failed == results.end() ? absl::OkStatus() : *failed;
}

}  // namespace auspex
