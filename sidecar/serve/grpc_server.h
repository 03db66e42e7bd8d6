// auspex.v1 over gRPC, with health and reflection.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "sidecar/serve/api_service.h"

namespace auspex {

class GrpcServer {
 public:
  // `service` must outlive the server.
  explicit GrpcServer(const ApiService& service);
  ~GrpcServer();  // stops

  // `address` is host:port; an empty host means all, port 0 any free one.
  absl::Status Start(const std::string& address);
  void Stop();
  // The bound port. REQUIRES: after a successful Start.
  int port() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auspex
