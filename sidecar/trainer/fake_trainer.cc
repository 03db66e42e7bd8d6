// A program with the face of auspex-trainer. FAKE_TRAINER_MODE says how it misbehaves: as
// FakeTrainerService does, or "exit" (at once) and "deaf" (never listens).
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "sidecar/trainer/fake_trainer_service.h"

int main(int argc, char** argv) {
  constexpr std::string_view kListen = "--listen=";
  const char* variable = std::getenv("FAKE_TRAINER_MODE");
  const std::string mode = variable == nullptr ? "" : variable;
  if (mode == "exit") return 3;
  while (mode == "deaf") pause();

  std::string address;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(kListen)) address = argument.substr(kListen.size());
  }
  auspex::FakeTrainerService service(mode);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  server->Wait();
  return 0;
}
