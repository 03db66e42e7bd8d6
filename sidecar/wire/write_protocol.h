// The two messages of remote write and how HTTP headers name them.
#pragma once

#include <string_view>

namespace auspex {

enum class WriteProtocol {
  kV1,  // prometheus.WriteRequest, specification "Prometheus Remote-Write 1.0"
  kV2,  // io.prometheus.write.v2.Request, "Prometheus Remote-Write 2.0"
};

// "1.0" or "2.0", for people.
constexpr std::string_view WriteProtocolName(WriteProtocol protocol) {
  return protocol == WriteProtocol::kV1 ? "1.0" : "2.0";
}

// The `proto` parameter of the content type.
constexpr std::string_view WriteProtocolMessage(WriteProtocol protocol) {
  return protocol == WriteProtocol::kV1 ? "prometheus.WriteRequest"
                                        : "io.prometheus.write.v2.Request";
}

// What a sender puts into Content-Type. Plain for 1.0, since old receivers compare the whole value.
constexpr std::string_view WriteContentType(WriteProtocol protocol) {
  return protocol == WriteProtocol::kV1
             ? "application/x-protobuf"
             : "application/x-protobuf;proto=io.prometheus.write.v2.Request";
}

// What a sender puts into kWriteVersionHeader. Receivers must not decide by it.
constexpr std::string_view WriteVersion(WriteProtocol protocol) {
  return protocol == WriteProtocol::kV1 ? "0.1.0" : "2.0.0";
}

inline constexpr std::string_view kWriteVersionHeader = "X-Prometheus-Remote-Write-Version";

// Answers to 2.0 carry these three, answers to 1.0 none of them.
inline constexpr std::string_view kSamplesWrittenHeader =
    "X-Prometheus-Remote-Write-Samples-Written";
inline constexpr std::string_view kHistogramsWrittenHeader =
    "X-Prometheus-Remote-Write-Histograms-Written";
inline constexpr std::string_view kExemplarsWrittenHeader =
    "X-Prometheus-Remote-Write-Exemplars-Written";

}  // namespace auspex
