// Which handler answers a path.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "sidecar/net/http_server.h"

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
  void Add(std::string_view method, std::string_view pattern, HttpHandler handler);

  // The route of a decoded path: the exact one, else the longest "/*" above it, else null.
  const HttpRoute* Find(std::string_view path) const;

 private:
  std::map<std::string, HttpRoute, std::less<>> routes_;
};

}  // namespace auspex
