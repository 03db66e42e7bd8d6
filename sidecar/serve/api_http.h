// auspex.v1 over HTTP: GET /api/v1/..., JSON in Prometheus' envelope.
#pragma once

#include "sidecar/net/http_router.h"
#include "sidecar/serve/api_service.h"

namespace auspex {

// Registers rules, aggregates, forecast, status/config and status/buildinfo. A query parameter
// `rule` names a rule; every other parameter is an equality filter on a label of the aggregate.
// Answers {"status":"success","data":{...}} (the proto's JSON mapping, field names as in the
// proto), or {"status":"error","errorType":...,"error":...} with Prometheus' status codes.
// `service` must outlive the routes.
void RegisterApi(const ApiService& service, HttpRouter& routes);

}  // namespace auspex
