#include "sidecar/net/http_dispatcher.h"

#include <exception>
#include <memory>
#include <utility>

#include "sidecar/net/gzip.h"

namespace auspex {
namespace {

HttpResponse TextResponse(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

}  // namespace

struct HttpDispatcher::Job {
  HttpRequest request;
  Done done;
  std::shared_ptr<const HttpRouter> routes;  // that it was found in
  const HttpHandler* handler = nullptr;
  std::string route;  // its pattern; "" for an unknown path
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

HttpDispatcher::HttpDispatcher(const ServedRoutes& routes, WorkerPool& pool,
                               HttpServerMetrics& metrics, Logger logger)
    : routes_(routes), pool_(pool), metrics_(metrics), logger_(std::move(logger)) {}

void HttpDispatcher::Dispatch(HttpRequest request, Done done) {
  auto job = std::make_shared<Job>();
  job->request = std::move(request);
  job->done = std::move(done);

  job->routes = routes_.Get();
  const HttpRoute* route = job->routes->Find(job->request.path);
  if (route == nullptr) return Finish(*job, TextResponse(404, "404 page not found\n"));
  job->route = route->pattern;
  job->handler = route->Find(job->request.method);
  if (job->handler == nullptr) {
    const bool options = job->request.method == "OPTIONS";
    HttpResponse response =
        options ? TextResponse(204, "") : TextResponse(405, "Method Not Allowed\n");
    response.headers.emplace_back("Allow", route->Allow());
    return Finish(*job, std::move(response));
  }
  if (!pool_.TryRun([this, job] { Run(*job); })) {
    metrics_.queue_rejected.Increment();
    HttpResponse response = TextResponse(503, "too many requests are waiting, try again\n");
    response.headers.emplace_back("Retry-After", "1");
    Finish(*job, std::move(response));
  }
}

void HttpDispatcher::Run(Job& job) {
  HttpResponse response;
  try {
    response = (*job.handler)(job.request);
  } catch (const std::exception& e) {
    logger_.Error("handler threw", {{"handler", job.route}, {"error", e.what()}});
    response = TextResponse(500, "internal error\n");
  }
  CompressResponse(job.request, &response);
  Finish(job, std::move(response));
}

void HttpDispatcher::Finish(Job& job, HttpResponse response) {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - job.start;
  metrics_.Handled(job.route, took.count());
  metrics_.Answered(job.route, response.status);
  job.done(std::move(response));
}

}  // namespace auspex
