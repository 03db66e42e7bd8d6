#include "sidecar/upstream/prometheus_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include "absl/strings/str_cat.h"
#include "sidecar/net/http_server.h"
#include "sidecar/upstream/frame_builder.h"

namespace auspex {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A server that answers every API path with what the test says.
class PrometheusApiTest : public ::testing::Test {
 protected:
  PrometheusApiTest() {
    HttpServerOptions options;
    options.listen_address = "127.0.0.1:0";
    server_ = std::make_unique<HttpServer>(options, Logger(), registry_);
    const auto answer = [this](const HttpRequest& request) {
      request_ = request;
      return answer_;
    };
    HttpRouter routes;
    routes.Add("GET", "/prefix/*", answer);
    routes.Add("POST", "/prefix/*", answer);
    server_->SetRoutes(std::move(routes));
    EXPECT_TRUE(server_->Start().ok());
    PrometheusApiOptions prometheus;
    prometheus.url = absl::StrCat("http://127.0.0.1:", server_->port(), "/prefix/");
    prometheus.headers = {{"Authorization", "Bearer token"}};
    api_ = std::make_unique<PrometheusApi>(prometheus, registry_);
  }

  void Answer(int status, std::string body, std::string type = "application/json") {
    answer_ =
        HttpResponse{.status = status, .content_type = std::move(type), .body = std::move(body)};
  }

  HttpResponse answer_;
  HttpRequest request_;  // the last one
  prometheus::Registry registry_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<PrometheusApi> api_;
};

TEST_F(PrometheusApiTest, TellsTheDialectFromTheBuildInfo) {
  struct Case {
    const char* data;
    const char* version;
    PromqlDialect dialect;
  };
  for (const Case& c : std::vector<Case>{
           {R"("version":"2.42.0+ds","revision":"abc","goVersion":"go1.19")", "2.42.0+ds",
            PromqlDialect::kV2},
           {R"("version":"3.5.3","revision":"abc")", "3.5.3", PromqlDialect::kV3},
           {R"("version":"4.0.0","revision":"abc")", "4.0.0", PromqlDialect::kV3},
           {R"("version":"2.24.0")", "2.24.0", PromqlDialect::kV3},  // VictoriaMetrics
           {R"("version":"0.42.4","revision":"abc")", "0.42.4", PromqlDialect::kV3},  // Thanos
           {R"("application":"Grafana Mimir","version":"2.10.0","revision":"abc")", "2.10.0",
            PromqlDialect::kV3},
       }) {
    Answer(200, absl::StrCat(R"({"status":"success","data":{)", c.data, "}}"));
    const auto info = api_->GetBuildInfo();
    ASSERT_TRUE(info.ok()) << info.status();
    EXPECT_EQ(info->version, c.version);
    EXPECT_EQ(info->dialect, c.dialect) << c.data;
  }
  EXPECT_EQ(request_.path, "/prefix/api/v1/status/buildinfo");
  Answer(404, "404 page not found", "text/plain");
  EXPECT_EQ(api_->GetBuildInfo()->dialect, PromqlDialect::kV3);
  Answer(503, "Service Unavailable", "text/plain");
  EXPECT_EQ(api_->GetBuildInfo().status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(PrometheusApiTest, AsksQueriesAsForms) {
  Answer(200, R"({"status":"success","data":{"resultType":"vector","result":[]}})");
  ASSERT_TRUE(api_->Query("sum(a{b=\"c&d\"}) + 1", 1700000000007).ok());
  EXPECT_EQ(request_.method, "POST");
  EXPECT_EQ(request_.path, "/prefix/api/v1/query");
  EXPECT_EQ(request_.Query("query"), "sum(a{b=\"c&d\"}) + 1");
  EXPECT_EQ(request_.Query("time"), "1700000000.007");
  EXPECT_EQ(request_.Header("Authorization"), "Bearer token");

  ASSERT_TRUE(api_->QueryRange("x", 60'000, 120'000, 1'500).ok());
  EXPECT_EQ(request_.path, "/prefix/api/v1/query_range");
  EXPECT_EQ(request_.Query("start"), "60.000");
  EXPECT_EQ(request_.Query("end"), "120.000");
  EXPECT_EQ(request_.Query("step"), "1.500");
}

TEST_F(PrometheusApiTest, ErrorsNameTheUrlTheStatusAndTheReason) {
  struct Case {
    int status;
    const char* body;
    absl::StatusCode code;
    const char* want;
  };
  for (const Case& c : std::vector<Case>{
           {400, R"({"status":"error","error":"parse error: x"})",
            absl::StatusCode::kInvalidArgument, "parse error: x"},
           {401, "Unauthorized\n", absl::StatusCode::kPermissionDenied, "Unauthorized"},
           {403, "", absl::StatusCode::kPermissionDenied, "403"},
           {404, "first line\nsecond", absl::StatusCode::kNotFound, "first line"},
           {405, "", absl::StatusCode::kUnimplemented, "405"},
           {422, R"({"error":"too many samples"})", absl::StatusCode::kFailedPrecondition,
            "too many samples"},
           {500, "boom", absl::StatusCode::kUnavailable, "boom"},
           {501, "", absl::StatusCode::kUnimplemented, "501"},
           {503, "Service Unavailable", absl::StatusCode::kUnavailable, "Service Unavailable"},
       }) {
    Answer(c.status, c.body);
    const absl::Status status = api_->Query("x", 0).status();
    EXPECT_EQ(status.code(), c.code) << c.status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("/prefix/api/v1/query: HTTP status "), HasSubstr(c.want)));
    EXPECT_EQ(std::string(status.message()).find("second"), std::string::npos);
  }
  Answer(200, "<html>not JSON</html>");
  EXPECT_THAT(std::string(api_->Query("x", 0).status().message()),
              AllOf(HasSubstr("/prefix/api/v1/query: "), HasSubstr("not an answer")));
}

TEST_F(PrometheusApiTest, ReadsRemotely) {
  const LabelSet labels({{"__name__", "m"}});
  Answer(200, BuildFrame(labels, {{1000, 1}, {2000, 2}}), std::string(kChunkedContentType));
  std::vector<ReadSeries> visited;
  const Selector selector = *Selector::Parse("m{a=~\"b|c\"}");
  const auto samples = api_->RemoteRead(selector, 0, 1500, [&](const ReadSeries& series) {
    visited.push_back(series);
    return absl::OkStatus();
  });
  ASSERT_TRUE(samples.ok()) << samples.status();
  EXPECT_EQ(*samples, 1);
  ASSERT_EQ(visited.size(), 1u);
  EXPECT_EQ(visited[0].labels, labels);

  EXPECT_EQ(request_.path, "/prefix/api/v1/read");
  EXPECT_EQ(request_.Header("Content-Encoding"), "snappy");
  EXPECT_EQ(request_.Header("X-Prometheus-Remote-Read-Version"), "0.1.0");
  const auto asked = DecodeReadRequest(request_.body, 1 << 20);
  ASSERT_TRUE(asked.ok()) << asked.status();
  ASSERT_EQ(asked->queries.size(), 1u);
  EXPECT_EQ(asked->queries[0].start_ms, 0);
  EXPECT_EQ(asked->queries[0].end_ms, 1500);
  EXPECT_EQ(asked->queries[0].selector, selector);
}

TEST_F(PrometheusApiTest, ReadsConfigurationAndFlags) {
  Answer(200, R"({"status":"success","data":{"yaml":"global: {}\n"}})");
  EXPECT_EQ(*api_->Config(), "global: {}\n");
  Answer(200, R"({"status":"success","data":{"web.enable-lifecycle":"true"}})");
  EXPECT_EQ(api_->Flags()->at("web.enable-lifecycle"), "true");
}

TEST_F(PrometheusApiTest, AnswersAreBounded) {
  PrometheusApiOptions options;
  options.url = api_->url();
  options.answer_bytes_max = 100;
  PrometheusApi bounded(options, registry_);
  Answer(200, std::string(101, ' '));
  EXPECT_EQ(bounded.Query("x", 0).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace auspex
