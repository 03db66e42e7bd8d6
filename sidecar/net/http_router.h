// Which handler answers a path.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/net/http_handler.h"

namespace auspex {

// The handlers of one path pattern, by method.
struct HttpRoute {
  std::string pattern;
  std::map<std::string, HttpHandler, std::less<>> handlers;

  // The handler of a method, HEAD standing for GET; null when there is none.
  const HttpHandler* Find(std::string_view method) const;
  // The value of the Allow header: "GET, HEAD, OPTIONS".
  std::string Allow() const;
};

// Const access is thread-safe.
class HttpRouter {
 public:
  // Registers the handler of `METHOD pattern`. A pattern that ends in "/*" matches every path below
  // it.
  void Add(std::string_view method, std::string_view pattern, HttpHandler handler);

  // The route of a decoded path: the exact one, else the longest "/*" above it, else null.
  const HttpRoute* Find(std::string_view path) const;

 private:
  std::map<std::string, HttpRoute, std::less<>> routes_;
};

// The routes in service, which change only as a whole. Thread-safe.
class ServedRoutes {
 public:
  void Set(HttpRouter routes);
  // Never null; whoever answers by them keeps them.
  std::shared_ptr<const HttpRouter> Get() const;

 private:
  mutable absl::Mutex mu_;
  std::shared_ptr<const HttpRouter> routes_ ABSL_GUARDED_BY(mu_) =
      std::make_shared<const HttpRouter>();
};

}  // namespace auspex
