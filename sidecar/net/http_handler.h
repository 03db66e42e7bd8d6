// What a handler gets and gives: one HTTP request, one response.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace auspex {

struct HttpRequest {
  std::string method;                                        // upper case
  std::string path;                                          // percent-decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;    // decoded; form bodies included
  std::vector<std::pair<std::string, std::string>> headers;  // names as sent
  std::string body;

  // First value of a query parameter / header (case-insensitive), or "" when absent.
  std::string_view Query(std::string_view name) const;
  std::string_view Header(std::string_view name) const;
  // All values of a repeated query parameter.
  std::vector<std::string_view> QueryAll(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

// May run on several worker threads at once. Must not throw.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

}  // namespace auspex
