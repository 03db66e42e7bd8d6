// The HTTP/1.1 server: event-driven connections, handlers on a small worker pool.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "sidecar/base/log.h"
#include "sidecar/net/http_router.h"

namespace prometheus {
class Registry;
}

namespace auspex {

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

  // Answers by these routes, instead of by all those before, every request that is read from now
  // on; one that is being handled ends as it began. Until the first call nothing is found.
  // Thread-safe, before and after Start.
  void SetRoutes(HttpRouter routes);

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
