#include "sidecar/serve/api_http.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

constexpr char kJson[] = "application/json";

// Prometheus' errorType and HTTP status for a canonical code (web/api/v1 of Prometheus).
std::pair<const char*, int> ErrorTypeOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return {"bad_data", 400};
    case absl::StatusCode::kNotFound:
      return {"not_found", 404};
    case absl::StatusCode::kUnavailable:
      return {"unavailable", 503};
    default:
      return {"internal", 500};
  }
}

std::string JsonString(std::string_view text) {
  google::protobuf::Value value;
  value.set_string_value(std::string(text));
  std::string json;
  // A string value always has a JSON form.
  (void)google::protobuf::util::MessageToJsonString(value, &json);
  return json;
}

HttpResponse ErrorResponse(const absl::Status& status) {
  const auto [error_type, code] = ErrorTypeOf(status.code());
  HttpResponse response;
  response.status = code;
  response.content_type = kJson;
  response.body = absl::StrCat("{\"status\":\"error\",\"errorType\":\"", error_type,
                               "\",\"error\":", JsonString(std::string(status.message())), "}");
  return response;
}

HttpResponse JsonResponse(const google::protobuf::Message& data) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto printed = google::protobuf::util::MessageToJsonString(data, &json, options);
  if (!printed.ok()) return ErrorResponse(absl::InternalError(printed.ToString()));
  HttpResponse response;
  response.content_type = kJson;
  response.body = absl::StrCat("{\"status\":\"success\",\"data\":", json, "}");
  return response;
}

// Requests without filters ignore the query.
template <typename Request>
void FillRequest(const HttpRequest&, Request*) {}

template <typename Request>
requires requires(Request r) { r.mutable_labels(); }
void FillRequest(const HttpRequest& http, Request* request) {
  for (const auto& [name, value] : http.query) {
    if (name == "rule") {
      request->set_rule(value);
    } else {
      (*request->mutable_labels())[name] = value;
    }
  }
}

// An HTTP handler from an operation.
template <typename Request, typename Response>
HttpHandler Adapt(const ApiService& service,
                  absl::Status (ApiService::*operation)(const Request&, Response*) const) {
  return [&service, operation](const HttpRequest& http) {
    Request request;
    FillRequest(http, &request);
    Response response;
    const absl::Status status = (service.*operation)(request, &response);
    return status.ok() ? JsonResponse(response) : ErrorResponse(status);
  };
}

}  // namespace

void RegisterApi(const ApiService& service, HttpRouter& routes) {
  routes.Add("GET", "/api/v1/rules", Adapt(service, &ApiService::ListRules));
  routes.Add("GET", "/api/v1/aggregates", Adapt(service, &ApiService::ListAggregates));
  routes.Add("GET", "/api/v1/forecast", Adapt(service, &ApiService::GetForecast));
  routes.Add("GET", "/api/v1/accuracy", Adapt(service, &ApiService::GetAccuracy));
  routes.Add("GET", "/api/v1/status/config", Adapt(service, &ApiService::GetConfig));
  routes.Add("GET", "/api/v1/status/buildinfo", Adapt(service, &ApiService::GetBuildInfo));
}

}  // namespace auspex
