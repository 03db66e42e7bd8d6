#include "sidecar/net/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"

namespace auspex {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A TCP connection that sends and receives exactly what the test says.
class RawConnection {
 public:
  explicit RawConnection(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const timeval patience{60, 0};  // a lost answer fails the test instead of hanging it
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  RawConnection(RawConnection&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), pending_(std::move(other.pending_)) {}
  RawConnection& operator=(RawConnection&&) = delete;
  ~RawConnection() {
    if (fd_ >= 0) close(fd_);
  }

  void Send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the server refused to read on
      text.remove_prefix(static_cast<size_t>(sent));
    }
  }

  // The next bytes up to and including `end`; less at the end of the connection.
  std::string ReadUntil(std::string_view end) {
    size_t at;
    while ((at = pending_.find(end)) == std::string::npos) {
      if (!Fill()) return std::exchange(pending_, "");
    }
    return Take(at + end.size());
  }

  // One response: header and, by its Content-Length, body.
  std::string ReadResponse(bool has_body = true) {
    std::string response = ReadUntil("\r\n\r\n");
    const size_t at = response.find("Content-Length: ");
    size_t length = 0;
    if (!has_body || at == std::string::npos) return response;
    EXPECT_TRUE(
        absl::SimpleAtoi(response.substr(at + 16, response.find('\r', at) - at - 16), &length));
    while (pending_.size() < length && Fill()) {
    }
    return response + Take(std::min(length, pending_.size()));
  }

  bool AtEnd() { return pending_.empty() && !Fill(); }

 private:
  bool Fill() {
    char buffer[4096];
    const ssize_t got = recv(fd_, buffer, sizeof(buffer), 0);
    if (got <= 0) return false;
    pending_.append(buffer, static_cast<size_t>(got));
    return true;
  }
  std::string Take(size_t n) {
    std::string taken = pending_.substr(0, n);
    pending_.erase(0, n);
    return taken;
  }

  int fd_;
  std::string pending_;
};

int ThreadCount() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<int>(std::distance(begin(tasks), end(tasks)));
}

std::string Get(std::string_view target) {
  return absl::StrCat("GET ", std::string(target), " HTTP/1.1\r\nHost: x\r\n\r\n");
}

std::string Post(std::string_view target, std::string_view body, std::string_view headers = "") {
  return absl::StrCat("POST ", std::string(target), " HTTP/1.1\r\nHost: x\r\n",
                      std::string(headers), "Content-Length: ", body.size(), "\r\n\r\n",
                      std::string(body));
}

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() { options_.listen_address = "127.0.0.1:0"; }
  ~HttpServerTest() override { Release(); }

  void Start() {
    server_ = std::make_unique<HttpServer>(options_, Logger(), registry_);
    HttpRouter routes;
    routes.Add("GET", "/hello", [](const HttpRequest&) {
      HttpResponse response;
      response.body = "hello\n";
      return response;
    });
    routes.Add("POST", "/length", [](const HttpRequest& request) {
      HttpResponse response;
      response.body = absl::StrCat(request.body.size());
      return response;
    });
    routes.Add("GET", "/query", &Describe);
    routes.Add("POST", "/query", &Describe);
    routes.Add("GET", "/ui/*", &Describe);
    routes.Add("GET", "/text", [](const HttpRequest&) {
      HttpResponse response;
      response.body = std::string(5000, 'a');
      return response;
    });
    routes.Add("GET", "/block", [this](const HttpRequest&) {
      blocked_.fetch_add(1);
      release_.WaitForNotification();
      HttpResponse response;
      response.body = "released";
      return response;
    });
    routes.Add("GET", "/throw",
               [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("boom"); });
    server_->SetRoutes(std::move(routes));
    ASSERT_TRUE(server_->Start().ok());
  }

  static HttpResponse Describe(const HttpRequest& request) {
    HttpResponse response;
    response.body = request.path;
    for (const auto& [name, value] : request.query) {
      response.body += absl::StrCat(" [", name, "=", value, "]");
    }
    return response;
  }

  RawConnection Connect() const { return RawConnection(server_->port()); }
  std::string Ask(std::string_view request) {
    RawConnection connection = Connect();
    connection.Send(request);
    return connection.ReadResponse();
  }
  void WaitForBlocked(int handlers) const {
    while (blocked_.load() < handlers) std::this_thread::yield();
  }
  void Release() {
    if (!release_.HasBeenNotified()) release_.Notify();
  }
  std::string Metrics() const {
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

  HttpServerOptions options_;
  prometheus::Registry registry_;
  absl::Notification release_;
  std::atomic<int> blocked_{0};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersByRouteAndMethod) {
  Start();
  struct Case {
    std::string request;
    std::vector<std::string> want;
  };
  for (const Case& c : std::vector<Case>{
           {Get("/hello"), {"HTTP/1.1 200 OK", "text/plain; charset=utf-8", "hello\n"}},
           {Get("http://host:1/hello"), {" 200 ", "hello\n"}},
           {Get("/none"), {" 404 ", "404 page not found\n"}},
           {Get("/hello/"), {" 404 "}},
           {Get("/length"), {" 405 ", "Allow: OPTIONS, POST"}},
           {Post("/hello", "x"), {" 405 ", "Allow: GET, HEAD, OPTIONS"}},
           {"OPTIONS /query HTTP/1.1\r\nHost: x\r\n\r\n",
            {" 204 ", "Allow: GET, HEAD, OPTIONS, POST"}},
           {Get("/ui/a/b%20c?x=1"), {" 200 ", "/ui/a/b c [x=1]"}},
           {Get("/ui"), {" 404 "}},
           {Get("/query?a=1&b=%C3%A9+x&a=2"), {"/query [a=1] [b=\xc3\xa9 x] [a=2]"}},
           {Get("/throw"), {" 500 ", "internal error"}},
       }) {
    const std::string response = Ask(c.request);
    for (const std::string& part : c.want) EXPECT_THAT(response, HasSubstr(part)) << c.request;
  }
}

TEST_F(HttpServerTest, FormBodiesAppearInTheQuery) {
  Start();
  EXPECT_THAT(Ask(Post("/query?a=1", "b=x%26y&c=2+3",
                       "Content-Type: application/x-www-form-urlencoded\r\n")),
              HasSubstr("/query [a=1] [b=x&y] [c=2 3]"));
  EXPECT_THAT(Ask(Post("/query", "b=1", "Content-Type: text/plain\r\n")), Not(HasSubstr("[b=")));
}

TEST_F(HttpServerTest, HeadHasTheHeadersOfGetAndNoBody) {
  Start();
  RawConnection connection = Connect();
  connection.Send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n" + Get("/none"));
  const std::string response = connection.ReadResponse(/*has_body=*/false);
  EXPECT_THAT(response, HasSubstr(" 200 OK"));
  EXPECT_THAT(response, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(connection.ReadResponse(), StartsWith("HTTP/1.1 404"));
}

TEST_F(HttpServerTest, RefusesBrokenRequests) {
  options_.body_bytes_max = 1000;
  Start();
  struct Case {
    std::string request;
    std::string want;
  };
  for (const Case& c : std::vector<Case>{
           {"nonsense\r\n\r\n", " 400 "},
           {"GET / FTP/1.1\r\n\r\n", " 505 "},
           {"GET /hello HTTP/1.1\r\n\r\n", " 400 "},  // no Host
           {Get("/%zz"), " 400 "},
           {Get("/query?a=%4"), " 400 "},
           {"GET /hello HTTP/1.1\r\nHost: x\r\nX: " + std::string(70000, 'x') + "\r\n\r\n",
            " 431 "},
           {Post("/length", std::string(1001, 'x')), " 413 "},
           {"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", " 400 "},
           {"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
                std::string(1001, 'x') + "\r\n0\r\n\r\n",
            " 413 "},
           {"POST /length HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\nContent-Length: 1\r\n\r\n",
            " 417 "},
       }) {
    const std::string response = Ask(c.request);
    EXPECT_THAT(response, HasSubstr(c.want)) << c.request.substr(0, 60);
    EXPECT_THAT(response, HasSubstr("Connection: close")) << c.request.substr(0, 60);
  }
}

TEST_F(HttpServerTest, AnOversizedBodyIsAnsweredWhileTheClientStillSends) {
  options_.body_bytes_max = 1000;
  Start();
  RawConnection connection = Connect();
  connection.Send(Post("/length", std::string(4 << 20, 'x')));
  EXPECT_THAT(connection.ReadResponse(), HasSubstr(" 413 "));
}

TEST_F(HttpServerTest, ReadsChunkedBodies) {
  Start();
  EXPECT_THAT(Ask("POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
              testing::EndsWith("\r\n\r\n5"));
}

TEST_F(HttpServerTest, ExpectContinueIsAnsweredBeforeTheBody) {
  Start();
  RawConnection connection = Connect();
  connection.Send(
      "POST /length HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(connection.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  connection.Send("abc");
  EXPECT_THAT(connection.ReadResponse(), HasSubstr(" 200 "));
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  Start();
  RawConnection connection = Connect();
  connection.Send(Get("/hello") + Post("/length", "12345") + Get("/query?n=3") + Get("/none"));
  EXPECT_THAT(connection.ReadResponse(), HasSubstr("hello\n"));
  EXPECT_THAT(connection.ReadResponse(), testing::EndsWith("\r\n\r\n5"));
  EXPECT_THAT(connection.ReadResponse(), HasSubstr("[n=3]"));
  EXPECT_THAT(connection.ReadResponse(), HasSubstr(" 404 "));
}

TEST_F(HttpServerTest, ClosesWhenTheClientAsks) {
  Start();
  RawConnection connection = Connect();
  connection.Send("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(connection.ReadResponse(), HasSubstr("Connection: close"));
  EXPECT_TRUE(connection.AtEnd());
  RawConnection old = Connect();
  old.Send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.ReadResponse(), HasSubstr("hello\n"));
  EXPECT_TRUE(old.AtEnd());
}

TEST_F(HttpServerTest, ConnectionsNeedNoThreads) {
  Start();
  const int threads = ThreadCount();
  std::vector<RawConnection> connections;
  for (int i = 0; i < 250; ++i) connections.push_back(Connect());
  for (RawConnection& connection : connections) connection.Send(Get("/hello"));
  for (RawConnection& connection : connections) {
    EXPECT_THAT(connection.ReadResponse(), HasSubstr("hello\n"));
  }
  EXPECT_EQ(ThreadCount(), threads);
  EXPECT_THAT(Metrics(), HasSubstr("auspex_http_connections 250"));
}

TEST_F(HttpServerTest, SlowClientsDoNotBlockOthers) {
  options_.workers = 1;
  Start();
  std::vector<RawConnection> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(Connect());
    slow.back().Send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
  }
  EXPECT_THAT(Ask(Get("/hello")), HasSubstr("hello\n"));
  for (RawConnection& connection : slow) {
    connection.Send("b");
    EXPECT_THAT(connection.ReadResponse(), HasSubstr(" 200 "));
  }
}

TEST_F(HttpServerTest, AnIdleConnectionIsClosed) {
  options_.read_timeout_seconds = 1;
  Start();
  RawConnection connection = Connect();
  connection.Send("GET /hel");
  EXPECT_TRUE(connection.AtEnd());
}

TEST_F(HttpServerTest, ConnectionsBeyondTheLimitWait) {
  options_.connections_max = 1;
  Start();
  auto first = std::make_unique<RawConnection>(server_->port());
  first->Send(Get("/hello"));
  EXPECT_THAT(first->ReadResponse(), HasSubstr("hello\n"));
  RawConnection second = Connect();
  second.Send(Get("/hello"));
  EXPECT_THAT(Metrics(), HasSubstr("auspex_http_connections 1"));
  first.reset();
  EXPECT_THAT(second.ReadResponse(), HasSubstr("hello\n"));
}

TEST_F(HttpServerTest, AFullQueueAnswers503) {
  options_.workers = 1;
  options_.queue_requests_max = 1;
  Start();
  RawConnection running = Connect();
  running.Send(Get("/block"));
  WaitForBlocked(1);
  RawConnection queued = Connect();
  queued.Send(Get("/hello"));
  while (Metrics().find("auspex_http_queue_requests 1") == std::string::npos) {
    std::this_thread::yield();
  }
  RawConnection refused = Connect();
  refused.Send(Post("/length", "abc"));
  const std::string response = refused.ReadResponse();
  EXPECT_THAT(response, HasSubstr(" 503 "));
  EXPECT_THAT(response, HasSubstr("Retry-After: 1"));
  EXPECT_THAT(Metrics(), HasSubstr("auspex_http_queue_rejected_total 1"));

  Release();
  EXPECT_THAT(running.ReadResponse(), HasSubstr("released"));
  EXPECT_THAT(queued.ReadResponse(), HasSubstr("hello\n"));
  refused.Send(Post("/length", "abc"));  // the connection stayed usable
  EXPECT_THAT(refused.ReadResponse(), HasSubstr(" 200 "));
}

TEST_F(HttpServerTest, RoutesAreReplacedAsAWhole) {
  Start();
  RawConnection open = Connect();
  open.Send(Get("/hello"));
  EXPECT_THAT(open.ReadResponse(), HasSubstr("hello\n"));
  RawConnection running = Connect();
  running.Send(Get("/block"));
  WaitForBlocked(1);

  HttpRouter routes;
  routes.Add("GET", "/query", &Describe);
  server_->SetRoutes(std::move(routes));
  open.Send(Get("/hello") + Get("/query"));
  EXPECT_THAT(open.ReadResponse(), HasSubstr(" 404 "));
  EXPECT_THAT(open.ReadResponse(), HasSubstr("/query"));
  Release();  // the handler outlives the routes that it was found by
  EXPECT_THAT(running.ReadResponse(), HasSubstr("released"));
}

TEST_F(HttpServerTest, StopLetsARunningHandlerAnswer) {
  Start();
  RawConnection idle = Connect();
  idle.Send(Get("/hello"));
  idle.ReadResponse();
  RawConnection busy = Connect();
  busy.Send(Get("/block"));
  WaitForBlocked(1);
  const std::future<void> stopped = std::async(std::launch::async, [this] { server_->Stop(); });
  EXPECT_TRUE(idle.AtEnd());
  Release();
  const std::string response = busy.ReadResponse();
  EXPECT_THAT(response, HasSubstr("released"));
  EXPECT_THAT(response, HasSubstr("Connection: close"));
  EXPECT_TRUE(busy.AtEnd());
}

TEST_F(HttpServerTest, CompressesTextForWhoeverAcceptsIt) {
  Start();
  const std::string plain = Ask(Get("/text"));
  EXPECT_THAT(plain, HasSubstr("Content-Length: 5000"));
  EXPECT_THAT(plain, HasSubstr("Vary: Accept-Encoding"));
  EXPECT_THAT(Ask("GET /text HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip;q=0\r\n\r\n"),
              HasSubstr("Content-Length: 5000"));
  EXPECT_THAT(Ask("GET /hello HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"),
              Not(HasSubstr("Content-Encoding")));

  const std::string response =
      Ask("GET /text HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br, gzip;q=0.5\r\n\r\n");
  EXPECT_THAT(response, HasSubstr("Content-Encoding: gzip"));
  std::string packed = response.substr(response.find("\r\n\r\n") + 4);
  std::string unpacked(6000, '\0');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(unpacked.data());
  stream.avail_out = static_cast<uInt>(unpacked.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  unpacked.resize(stream.total_out);
  inflateEnd(&stream);
  EXPECT_EQ(unpacked, std::string(5000, 'a'));
}

TEST_F(HttpServerTest, CountsRequestsByRouteAndCode) {
  Start();
  Ask(Get("/hello"));
  Ask(Get("/ui/x"));
  Ask(Get("/none"));
  Ask("nonsense\r\n\r\n");
  const std::string metrics = Metrics();
  for (const char* series : {"auspex_http_requests_total{code=\"200\",handler=\"/hello\"} 1",
                             "auspex_http_requests_total{code=\"200\",handler=\"/ui/*\"} 1",
                             "auspex_http_requests_total{code=\"404\",handler=\"\"} 1",
                             "auspex_http_requests_total{code=\"400\",handler=\"\"} 1",
                             "auspex_http_request_duration_seconds_count{handler=\"/hello\"} 1"}) {
    EXPECT_THAT(metrics, HasSubstr(series));
  }
}

TEST_F(HttpServerTest, StartFailuresNameTheAddress) {
  Start();
  const std::string taken = absl::StrCat("127.0.0.1:", server_->port());
  for (const std::string& address : {taken, std::string("9095"), std::string("127.0.0.1:none")}) {
    HttpServerOptions options;
    options.listen_address = address;
    HttpServer server(options, Logger(), registry_);
    const absl::Status status = server.Start();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr(address));
  }
  HttpServerOptions any;
  any.listen_address = ":0";
  HttpServer server(any, Logger(), registry_);
  ASSERT_TRUE(server.Start().ok());
  RawConnection connection(server.port());
  connection.Send(Get("/none"));
  EXPECT_THAT(connection.ReadResponse(), HasSubstr(" 404 "));
}

}  // namespace
}  // namespace auspex
