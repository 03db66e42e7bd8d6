#include "sidecar/serve/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <grpc/support/time.h>

#include "absl/strings/str_cat.h"
#include "proto/auspex/v1/auspex.grpc.pb.h"

namespace auspex {
namespace {

// How long Stop waits for calls in flight; every operation answers from memory.
constexpr int kStopGraceSeconds = 2;

// gRPC's codes are absl's, number by number.
grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

class Adapter final : public v1::Auspex::Service {
 public:
  explicit Adapter(const ApiService& service) : service_(service) {}

  grpc::Status ListRules(grpc::ServerContext*, const v1::ListRulesRequest* request,
                         v1::ListRulesResponse* response) override {
    return ToGrpc(service_.ListRules(*request, response));
  }
  grpc::Status ListAggregates(grpc::ServerContext*, const v1::ListAggregatesRequest* request,
                              v1::ListAggregatesResponse* response) override {
    return ToGrpc(service_.ListAggregates(*request, response));
  }
  grpc::Status GetForecast(grpc::ServerContext*, const v1::GetForecastRequest* request,
                           v1::GetForecastResponse* response) override {
    return ToGrpc(service_.GetForecast(*request, response));
  }
  grpc::Status GetAccuracy(grpc::ServerContext*, const v1::GetAccuracyRequest* request,
                           v1::GetAccuracyResponse* response) override {
    return ToGrpc(service_.GetAccuracy(*request, response));
  }
  grpc::Status GetConfig(grpc::ServerContext*, const v1::GetConfigRequest* request,
                         v1::GetConfigResponse* response) override {
    return ToGrpc(service_.GetConfig(*request, response));
  }
  grpc::Status GetBuildInfo(grpc::ServerContext*, const v1::GetBuildInfoRequest* request,
                            v1::GetBuildInfoResponse* response) override {
    return ToGrpc(service_.GetBuildInfo(*request, response));
  }

 private:
  const ApiService& service_;
};

}  // namespace

class GrpcServer::Impl {
 public:
  explicit Impl(const ApiService& service) : adapter(service) {}

  Adapter adapter;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

GrpcServer::GrpcServer(const ApiService& service) : impl_(std::make_unique<Impl>(service)) {}

GrpcServer::~GrpcServer() { Stop(); }

absl::Status GrpcServer::Start(const std::string& address) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  const std::string target = address.starts_with(":") ? absl::StrCat("[::]", address) : address;
  builder.AddListeningPort(target, grpc::InsecureServerCredentials(), &impl_->port);
  builder.RegisterService(&impl_->adapter);
  // One poller is enough for operations that answer from memory.
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 1);
  impl_->server = builder.BuildAndStart();
  if (impl_->server == nullptr || impl_->port == 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen for gRPC on ", address));
  }
  return absl::OkStatus();
}

void GrpcServer::Stop() {
  if (impl_->server == nullptr) return;
  impl_->server->Shutdown(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                       gpr_time_from_seconds(kStopGraceSeconds, GPR_TIMESPAN)));
  impl_->server.reset();
}

int GrpcServer::port() const { return impl_->port; }

}  // namespace auspex
