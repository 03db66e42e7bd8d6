// Between Beast's messages and ours.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "absl/status/statusor.h"
#include "sidecar/net/http_handler.h"

namespace auspex {

// InvalidArgument for a target or form body that cannot be decoded, and for an HTTP/1.1 request
// without Host (RFC 9112 section 3.2).
absl::StatusOr<HttpRequest> DecodeRequest(
    boost::beast::http::request<boost::beast::http::string_body> message);

// The response to HEAD carries the length of the body that GET would have, but not the body.
boost::beast::http::response<boost::beast::http::string_body> EncodeResponse(HttpResponse response,
                                                                             bool is_head);

}  // namespace auspex
