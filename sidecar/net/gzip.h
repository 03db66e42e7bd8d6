// gzip content coding of responses (RFC 1952, RFC 9110 section 12.5.3).
#pragma once

#include <string>
#include <string_view>

#include "sidecar/net/http_handler.h"

namespace auspex {

// True when an Accept-Encoding header names gzip (or "*") with a weight above zero.
bool AcceptsGzip(std::string_view accept_encoding);

// The gzip form of `data`; empty when zlib is out of memory
// or the data too large for one call (4 GiB).
std::string GzipCompress(std::string_view data);

// Compresses the body of a text-like response over 1 KiB when the request accepts it, and says so
// in its headers. A response that has a Content-Encoding already is left alone.
void CompressResponse(const HttpRequest& request, HttpResponse* response);

}  // namespace auspex
