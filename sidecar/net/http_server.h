// The HTTP/1.1 server: event-driven connections, handlers on a small worker pool.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sidecar/base/log.h"

namespace prometheus {
class Registry;
}

namespace auspex {

struct HttpRequest {
  std::string method;                                        // upper case
  std::string path;                                          // percent-decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;    // decoded; form bodies included
  std::vector<std::pair<std::string, std::string>> headers;  // names as sent
  std::string body;

  // First value of a query parameter / header (case-insensitive), or "" when absent.
  std::string_view Query(std::string_view name) const;
  std::string_view Header(std::string_view name) const;
  // All values of a repeated query parameter.
  std::vector<std::string_view> QueryAll(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

// May run on several worker threads at once. Must not throw.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

struct HttpServerOptions {
  std::string listen_address = ":9095";  // host:port; empty host = all; port 0 = any free port
  int workers = 4;                       // threads that run handlers
  int queue_requests_max = 256;          // waiting for a worker; beyond it 503 with Retry-After
  int connections_max = 512;             // beyond it new connections wait in the backlog
  size_t body_bytes_max = 32u << 20;     // beyond it 413
  int read_timeout_seconds = 300;        // an idle or stuck connection is closed
};

// One I/O thread serves every connection; a connection costs memory, never a thread. Unknown path:
// 404 "404 page not found". Known path, other method: 405 with Allow. HEAD is answered where GET
// is. A gzip-accepting client gets gzip for bodies over 1 KiB of text or JSON.
class HttpServer {
 public:
  HttpServer(HttpServerOptions options, Logger logger, prometheus::Registry& registry);
  ~HttpServer();  // stops

  // Registers a handler for `METHOD path`. REQUIRES: before Start. A path that ends in "/*"
  // matches every path below it.
  void Handle(std::string_view method, std::string_view path, HttpHandler handler);

  absl::Status Start();
  // Stops accepting, answers the requests that were read in full, closes the connections.
  // REQUIRES: not called from a handler.
  void Stop();
  // The bound port. REQUIRES: after a successful Start.
  int port() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auspex
