#include "sidecar/net/http_server.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <unordered_set>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "sidecar/base/thread.h"
#include "sidecar/net/http_dispatcher.h"
#include "sidecar/net/http_session.h"
#include "sidecar/net/net_metrics.h"
#include "sidecar/net/worker_pool.h"

namespace auspex {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::seconds kStopGrace{5};           // for responses still being sent
constexpr std::chrono::milliseconds kAcceptRetry{100};  // after running out of descriptors

struct HostPort {
  std::string host;
  std::string port;
};

// Splits "host:port" and "[::1]:port".
std::optional<HostPort> SplitHostPort(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size()) return std::nullopt;
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return HostPort{std::move(host), address.substr(colon + 1)};
}

// Opens, binds and listens; the error of the first step that fails.
error_code Listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint, bool dual_stack) {
  error_code error;
  if (acceptor.open(endpoint.protocol(), error)) return error;
  if (acceptor.set_option(asio::socket_base::reuse_address(true), error)) return error;
  if (dual_stack) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    error_code ignored;
    acceptor.close(ignored);
  }
  return error;
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpServerOptions options, Logger logger, prometheus::Registry& registry)
      : options_(std::move(options)), logger_(logger.For("http")), metrics_(registry) {}
  ~Impl() { Stop(); }

  ServedRoutes& routes() { return routes_; }
  int port() const { return port_; }

  absl::Status Start();
  void Stop();

 private:
  using SessionPtr = std::shared_ptr<HttpSession>;

  absl::Status Bind();
  absl::StatusOr<tcp::endpoint> Resolve(const HostPort& address);
  // The rest runs on the I/O thread.
  void Accept();
  void OnAccept(error_code error, tcp::socket socket);
  void OnClosed(const SessionPtr& session);
  void FinishSessions();
  void CloseSessionsAfterGrace();

  const HttpServerOptions options_;
  const Logger logger_;
  HttpServerMetrics metrics_;
  ServedRoutes routes_;
  int port_ = 0;

  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer timer_{io_};  // accept retry while running, grace while stopping
  std::unordered_set<SessionPtr> sessions_;
  bool accepting_ = false;  // an accept is pending
  bool stopping_ = false;

  std::optional<WorkerPool> pool_;
  std::optional<HttpDispatcher> dispatcher_;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::optional<Thread> io_thread_;
};

absl::Status HttpServer::Impl::Start() {
  if (absl::Status status = Bind(); !status.ok()) return status;
  port_ = acceptor_.local_endpoint().port();
  pool_.emplace(options_.workers, static_cast<size_t>(options_.queue_requests_max),
                metrics_.queue_requests);
  dispatcher_.emplace(routes_, *pool_, metrics_, logger_);
  work_.emplace(io_.get_executor());
  asio::post(io_, [this] { Accept(); });
  io_thread_.emplace("http-io", [this] { io_.run(); });
  logger_.Info("listening", {{"address", options_.listen_address}, {"port", port_}});
  return absl::OkStatus();
}

void HttpServer::Impl::Stop() {
  if (!io_thread_) return;
  asio::post(io_, [this] { FinishSessions(); });
  pool_->Stop();
  asio::post(io_, [this] { CloseSessionsAfterGrace(); });
  work_.reset();
  io_thread_.reset();
}

absl::StatusOr<tcp::endpoint> HttpServer::Impl::Resolve(const HostPort& address) {
  error_code error;
  tcp::resolver resolver(io_);
  const auto found = resolver.resolve(address.host, address.port, tcp::resolver::passive, error);
  if (error || found.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("listen address \"", options_.listen_address, "\": ", error.message()));
  }
  return found.begin()->endpoint();
}

absl::Status HttpServer::Impl::Bind() {
  const std::optional<HostPort> address = SplitHostPort(options_.listen_address);
  if (!address) {
    return absl::InvalidArgumentError(absl::StrCat("listen address \"", options_.listen_address,
                                                   "\" is not of the form host:port"));
  }
  absl::StatusOr<tcp::endpoint> endpoint =
      Resolve({address->host.empty() ? "0.0.0.0" : address->host, address->port});
  if (!endpoint.ok()) return endpoint.status();

  error_code error;
  if (address->host.empty()) {
    // One IPv6 socket serves both families; a host without IPv6 still has the other.
    error = Listen(acceptor_, {tcp::v6(), endpoint->port()}, /*dual_stack=*/true);
    if (!error) return absl::OkStatus();
  }
  if (error == asio::error::address_in_use ||
      (error = Listen(acceptor_, *endpoint, /*dual_stack=*/false))) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on \"", options_.listen_address, "\": ", error.message()));
  }
  return absl::OkStatus();
}

void HttpServer::Impl::Accept() {
  // Above the limit nothing is accepted: further connections wait in the kernel's backlog until
  // OnClosed comes back here.
  if (stopping_ || accepting_ ||
      sessions_.size() >= static_cast<size_t>(options_.connections_max)) {
    return;
  }
  accepting_ = true;
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    accepting_ = false;
    OnAccept(error, std::move(socket));
  });
}

void HttpServer::Impl::OnAccept(error_code error, tcp::socket socket) {
  if (stopping_) return;
  if (error) {
    logger_.Warn("accept failed", {{"error", error.message()}});
    timer_.expires_after(kAcceptRetry);
    timer_.async_wait([this](error_code cancelled) {
      if (!cancelled) Accept();
    });
    return;
  }
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  auto session = std::make_shared<HttpSession>(
      std::move(socket),
      HttpSessionLimits{options_.body_bytes_max,
                        std::chrono::seconds(options_.read_timeout_seconds)},
      *dispatcher_, [this](const SessionPtr& closed) { OnClosed(closed); });
  sessions_.insert(session);
  metrics_.connections.Set(static_cast<double>(sessions_.size()));
  session->Start();
  Accept();
}

void HttpServer::Impl::OnClosed(const SessionPtr& session) {
  sessions_.erase(session);
  metrics_.connections.Set(static_cast<double>(sessions_.size()));
  if (stopping_ && sessions_.empty()) timer_.cancel();
  Accept();
}

void HttpServer::Impl::FinishSessions() {
  stopping_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  timer_.cancel();
  const std::unordered_set<SessionPtr> sessions = sessions_;  // closing erases from the list
  for (const SessionPtr& session : sessions) session->Finish();
}

void HttpServer::Impl::CloseSessionsAfterGrace() {
  if (sessions_.empty()) return;
  timer_.expires_after(kStopGrace);
  timer_.async_wait([this](error_code) {
    const std::unordered_set<SessionPtr> sessions = sessions_;
    for (const SessionPtr& session : sessions) session->Close();
  });
}

HttpServer::HttpServer(HttpServerOptions options, Logger logger, prometheus::Registry& registry)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(logger), registry)) {}

HttpServer::~HttpServer() = default;

void HttpServer::SetRoutes(HttpRouter routes) { impl_->routes().Set(std::move(routes)); }

absl::Status HttpServer::Start() { return impl_->Start(); }
void HttpServer::Stop() { impl_->Stop(); }
int HttpServer::port() const { return impl_->port(); }

}  // namespace auspex
