#include "sidecar/net/http_router.h"

#include <set>
#include <utility>

#include "absl/strings/str_join.h"

namespace auspex {

const HttpHandler* HttpRoute::Find(std::string_view method) const {
  auto found = handlers.find(method == "HEAD" ? "GET" : method);
  if (found == handlers.end()) found = handlers.find(method);
  return found == handlers.end() ? nullptr : &found->second;
}

std::string HttpRoute::Allow() const {
  std::set<std::string> methods = {"OPTIONS"};
  for (const auto& [method, handler] : handlers) {
    methods.insert(method);
    if (method == "GET") methods.insert("HEAD");
  }
  return absl::StrJoin(methods, ", ");
}

void HttpRouter::Add(std::string_view method, std::string_view pattern, HttpHandler handler) {
  HttpRoute& route = routes_[std::string(pattern)];
  route.pattern = std::string(pattern);
  route.handlers[std::string(method)] = std::move(handler);
}

const HttpRoute* HttpRouter::Find(std::string_view path) const {
  if (const auto exact = routes_.find(path); exact != routes_.end()) return &exact->second;
  // "/a/b/c" is below "/a/b/*", "/a/*" and "/*".
  for (size_t slash = path.rfind('/'); slash != std::string_view::npos;
       slash = path.substr(0, slash).rfind('/')) {
    const std::string pattern = std::string(path.substr(0, slash)) + "/*";
    if (const auto found = routes_.find(pattern); found != routes_.end()) return &found->second;
  }
  return nullptr;
}

void ServedRoutes::Set(HttpRouter routes) {
  auto next = std::make_shared<const HttpRouter>(std::move(routes));
  absl::MutexLock lock(&mu_);
  routes_.swap(next);
}

std::shared_ptr<const HttpRouter> ServedRoutes::Get() const {
  absl::MutexLock lock(&mu_);
  return routes_;
}

}  // namespace auspex
