#include "sidecar/net/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "sidecar/net/http_server.h"

namespace auspex {
namespace {

using ::testing::HasSubstr;

class HttpClientTest : public ::testing::Test {
 protected:
  HttpClientTest() {
    HttpServerOptions options;
    options.listen_address = "127.0.0.1:0";
    server_ = std::make_unique<HttpServer>(options, Logger(), registry_);
    HttpRouter routes;
    routes.Add("POST", "/echo", [](const HttpRequest& request) {
      HttpResponse response;
      response.body = request.body;
      response.headers.emplace_back("X-Type", std::string(request.Header("content-type")));
      response.headers.emplace_back("X-Agent", std::string(request.Header("user-agent")));
      return response;
    });
    routes.Add("GET", "/large", [](const HttpRequest&) {
      HttpResponse response;
      response.body = std::string(1 << 20, 'x');
      return response;
    });
    routes.Add("GET", "/failing", [](const HttpRequest&) {
      HttpResponse response;
      response.status = 500;
      response.body = "broken";
      return response;
    });
    routes.Add("GET", "/redirect", [](const HttpRequest&) {
      HttpResponse response;
      response.status = 302;
      response.headers.emplace_back("Location", "/large");
      return response;
    });
    routes.Add("GET", "/hang", [this](const HttpRequest&) {
      release_.WaitForNotification();
      return HttpResponse{};
    });
    server_->SetRoutes(std::move(routes));
    EXPECT_TRUE(server_->Start().ok());
  }
  ~HttpClientTest() override { release_.Notify(); }

  HttpClientRequest Request(std::string_view path) const {
    HttpClientRequest request;
    request.url = absl::StrCat("http://127.0.0.1:", server_->port(), std::string(path));
    return request;
  }

  prometheus::Registry registry_;
  absl::Notification release_;
  std::unique_ptr<HttpServer> server_;
  HttpClient client_;
};

TEST_F(HttpClientTest, PostsBinaryBodiesAndReadsHeaders) {
  HttpClientRequest request = Request("/echo");
  request.method = "POST";
  request.body = std::string("a\0b", 3);
  request.headers = {{"Content-Type", "application/x-protobuf"}};
  const auto response = client_.Perform(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, request.body);
  EXPECT_EQ(response->Header("x-type"), "application/x-protobuf");
  EXPECT_EQ(response->Header("X-AGENT"), "auspex");
  EXPECT_EQ(response->Header("absent"), "");
}

TEST_F(HttpClientTest, ABodyIsNoFormUnlessSaidSo) {
  HttpClientRequest request = Request("/echo");
  request.method = "POST";
  request.body = "%%%";
  const auto response = client_.Perform(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->Header("x-type"), "");
}

TEST_F(HttpClientTest, AnyStatusIsAResponseAndRedirectsAreNotFollowed) {
  EXPECT_EQ(client_.Perform(Request("/none"))->status, 404);
  const auto redirect = client_.Perform(Request("/redirect"));
  EXPECT_EQ(redirect->status, 302);
  EXPECT_EQ(redirect->Header("location"), "/large");
}

TEST_F(HttpClientTest, StreamsA2xxBodyInPieces) {
  HttpClientRequest request = Request("/large");
  size_t pieces = 0;
  size_t bytes = 0;
  request.on_data = [&](const HttpClientResponse& head, std::string_view piece) {
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.Header("content-type"), "text/plain; charset=utf-8");
    ++pieces;
    bytes += piece.size();
    return absl::OkStatus();
  };
  const auto response = client_.Perform(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_GT(pieces, 1u);
  EXPECT_EQ(bytes, size_t{1} << 20);
  EXPECT_EQ(response->body, "");
}

TEST_F(HttpClientTest, CollectsTheBodyOfAnErrorEvenWhenStreaming) {
  HttpClientRequest request = Request("/failing");
  request.on_data = [](const HttpClientResponse&, std::string_view) {
    return absl::InternalError("must not be called");
  };
  const auto response = client_.Perform(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 500);
  EXPECT_EQ(response->body, "broken");
}

TEST_F(HttpClientTest, AFailingCallbackEndsTheTransferWithItsStatus) {
  HttpClientRequest request = Request("/large");
  request.on_data = [](const HttpClientResponse&, std::string_view) {
    return absl::DataLossError("bad frame");
  };
  EXPECT_EQ(client_.Perform(request).status(), absl::DataLossError("bad frame"));
  EXPECT_EQ(client_.Perform(Request("/large"))->status, 200);  // the client is still usable
}

TEST_F(HttpClientTest, ResponsesAreBounded) {
  HttpClientRequest request = Request("/large");
  request.response_bytes_max = 1000;
  const auto response = client_.Perform(request);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(response.status().message()), HasSubstr("larger than 1000 bytes"));
}

TEST_F(HttpClientTest, DecodesGzipWhenAsked) {
  HttpClientRequest request = Request("/large");
  request.accept_gzip = true;
  const auto response = client_.Perform(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->Header("content-encoding"), "gzip");
  EXPECT_EQ(response->body, std::string(1 << 20, 'x'));
  request.response_bytes_max = 1 << 16;  // counts what it unpacks to
  EXPECT_EQ(client_.Perform(request).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(HttpClientTest, TimesOut) {
  HttpClientRequest request = Request("/hang");
  request.timeout_ms = 50;
  EXPECT_EQ(client_.Perform(request).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(HttpClientTest, Cancels) {
  std::atomic<bool> cancel{true};
  HttpClientRequest request = Request("/hang");
  request.cancel = &cancel;
  EXPECT_EQ(client_.Perform(request).status().code(), absl::StatusCode::kCancelled);
}

TEST_F(HttpClientTest, TransportErrorsNameTheUrl) {
  HttpClientRequest request;
  request.url = "http://127.0.0.1:1/x";
  auto response = client_.Perform(request);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(response.status().message()), HasSubstr("http://127.0.0.1:1/x"));
  for (const char* url : {"file:///etc/hostname", "http://", "ftp://127.0.0.1/"}) {
    request.url = url;
    EXPECT_EQ(client_.Perform(request).status().code(), absl::StatusCode::kInvalidArgument) << url;
  }
}

}  // namespace
}  // namespace auspex
