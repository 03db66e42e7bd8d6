#include "sidecar/app/web.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <string>
#include <utility>

namespace auspex {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

// What `routes` answer; status 0 where they have no handler.
HttpResponse Ask(const HttpRouter& routes, const std::string& method, const std::string& path) {
  const HttpRoute* route = routes.Find(path);
  const HttpHandler* handler = route == nullptr ? nullptr : route->Find(method);
  if (handler == nullptr) return {.status = 0};
  HttpRequest request;
  request.method = method;
  request.path = path;
  return (*handler)(request);
}

TEST(WebTest, WhileStartingHealthAndMetricsAnswer) {
  prometheus::Registry metrics;
  prometheus::BuildGauge().Name("opening").Register(metrics).Add({}).Set(7);
  const HttpRouter routes = StartingRoutes(metrics);
  EXPECT_EQ(Ask(routes, "GET", "/-/healthy").status, 200);
  EXPECT_EQ(Ask(routes, "HEAD", "/-/healthy").status, 200);
  EXPECT_THAT(Ask(routes, "GET", "/metrics").body, HasSubstr("opening 7"));
  for (const auto& [method, path] :
       {std::pair("GET", "/-/ready"), std::pair("POST", "/api/v1/write"), std::pair("GET", "/"),
        std::pair("GET", "/forecasts"), std::pair("PUT", "/-/reload"), std::pair("GET", "/none")}) {
    const HttpResponse response = Ask(routes, method, path);
    EXPECT_EQ(response.status, 503) << path;
    EXPECT_THAT(response.headers, Contains(Pair("Retry-After", "1"))) << path;
  }
}

TEST(WebTest, ReadinessIsAskedEachTime) {
  prometheus::Registry metrics;
  bool ready = false;
  HttpRouter routes;
  RegisterWeb({[&ready] { return ready; }, nullptr, [] { return std::string(); }, metrics}, routes);
  EXPECT_EQ(Ask(routes, "GET", "/-/ready").status, 503);
  EXPECT_EQ(Ask(routes, "GET", "/-/healthy").status, 200);
  ready = true;
  EXPECT_EQ(Ask(routes, "GET", "/-/ready").status, 200);
  EXPECT_EQ(Ask(routes, "GET", "/none").status, 0);
}

TEST(WebTest, ReloadTellsWhatHappened) {
  prometheus::Registry metrics;
  const WebSources without = {[] { return true; }, nullptr, [] { return std::string(); }, metrics};
  HttpRouter off;
  RegisterWeb(without, off);
  EXPECT_EQ(Ask(off, "POST", "/-/reload").status, 403);

  absl::Status status;
  WebSources with = without;
  with.reload = [&status] { return status; };
  HttpRouter on;
  RegisterWeb(std::move(with), on);
  EXPECT_EQ(Ask(on, "POST", "/-/reload").status, 200);
  status = absl::InvalidArgumentError("line 3");
  const HttpResponse refused = Ask(on, "PUT", "/-/reload");
  EXPECT_EQ(refused.status, 500);
  EXPECT_EQ(refused.body, "failed to reload config: line 3");
}

}  // namespace
}  // namespace auspex
