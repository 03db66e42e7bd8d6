#include "sidecar/app/web.h"

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/emit/exposition.h"

namespace auspex {
namespace {

constexpr char kLandingPage[] =
    "<!doctype html><html lang=\"en\"><head><title>Auspex</title></head><body>"
    "<h1>Auspex</h1><ul>"
    "<li><a href=\"api/v1/aggregates\">Aggregates by time to limit</a></li>"
    "<li><a href=\"api/v1/rules\">Rules</a></li>"
    "<li><a href=\"api/v1/status/config\">Configuration</a></li>"
    "<li><a href=\"forecasts\">Forecasts</a></li>"
    "<li><a href=\"metrics\">Metrics</a></li>"
    "</ul></body></html>\n";

HttpResponse Text(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

HttpResponse Healthy(const HttpRequest&) { return Text(200, "Auspex is Healthy.\n"); }

HttpResponse Starting(const HttpRequest&) {
  HttpResponse response = Text(503, "Auspex is starting: its stores are being opened.\n");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

HttpHandler MetricsHandler(prometheus::Registry& registry) {
  return [&registry](const HttpRequest&) {
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, registry.Collect());
    HttpResponse response = Text(200, text.str());
    response.content_type = kExpositionContentType;
    return response;
  };
}

HttpHandler ReloadHandler(std::function<absl::Status()> reload) {
  return [reload = std::move(reload)](const HttpRequest&) {
    if (!reload) return Text(403, "Lifecycle API is not enabled.");
    const absl::Status status = reload();
    if (!status.ok()) return Text(500, absl::StrCat("failed to reload config: ", status.message()));
    return Text(200, "");
  };
}

}  // namespace

HttpRouter StartingRoutes(prometheus::Registry& metrics) {
  HttpRouter routes;
  routes.Add("GET", "/-/healthy", Healthy);
  routes.Add("GET", "/metrics", MetricsHandler(metrics));
  for (const char* method : {"GET", "POST", "PUT"}) routes.Add(method, "/*", Starting);
  return routes;
}

void RegisterWeb(WebSources sources, HttpRouter& routes) {
  routes.Add("GET", "/", [](const HttpRequest&) {
    HttpResponse response = Text(200, kLandingPage);
    response.content_type = "text/html; charset=utf-8";
    return response;
  });
  routes.Add("GET", "/-/healthy", Healthy);
  routes.Add("GET", "/-/ready", [ready = sources.ready](const HttpRequest&) {
    return ready() ? Text(200, "Auspex is Ready.\n") : Text(503, "Service Unavailable");
  });
  const HttpHandler reload = ReloadHandler(sources.reload);
  routes.Add("POST", "/-/reload", reload);
  routes.Add("PUT", "/-/reload", reload);
  routes.Add("GET", "/forecasts", [forecasts = sources.forecasts](const HttpRequest&) {
    HttpResponse response = Text(200, forecasts());
    response.content_type = kExpositionContentType;
    return response;
  });
  routes.Add("GET", "/metrics", MetricsHandler(sources.metrics));
}

}  // namespace auspex
