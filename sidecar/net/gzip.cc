#include "sidecar/net/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace auspex {
namespace {

constexpr size_t kCompressOverBytes = 1024;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// Splits off the part of `list` before the next `separator`, without surrounding blanks.
std::string_view NextPart(std::string_view* list, char separator) {
  const size_t end = list->find(separator);
  const absl::string_view part = absl::StripAsciiWhitespace(View(list->substr(0, end)));
  list->remove_prefix(end == std::string_view::npos ? list->size() : end + 1);
  return {part.data(), part.size()};
}

// The weight of an element such as "gzip;q=0.5".
double Weight(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view parameter = NextPart(&parameters, ';');
    if (absl::StartsWithIgnoreCase(View(parameter), "q=")) {
      return std::strtod(std::string(parameter.substr(2)).c_str(), nullptr);
    }
  }
  return 1;
}

bool IsText(std::string_view content_type) {
  static constexpr std::array<std::string_view, 5> kPrefixes = {
      "text/", "application/json", "application/openmetrics-text", "application/javascript",
      "image/svg+xml"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(), [&](std::string_view prefix) {
    return absl::StartsWithIgnoreCase(View(content_type), View(prefix));
  });
}

bool HasHeader(const HttpResponse& response, absl::string_view name) {
  return std::any_of(response.headers.begin(), response.headers.end(), [&](const auto& header) {
    return absl::EqualsIgnoreCase(header.first, name);
  });
}

}  // namespace

bool AcceptsGzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    std::string_view element = NextPart(&accept_encoding, ',');
    const std::string_view coding = NextPart(&element, ';');
    if (absl::EqualsIgnoreCase(View(coding), "gzip") || coding == "*") return Weight(element) > 0;
  }
  return false;
}

std::string GzipCompress(std::string_view data) {
  // The fastest level: scrapes and JSON shrink about tenfold at it already.
  constexpr int kLevel = 1;
  constexpr int kWindowBitsGzip = 15 + 16;  // the largest window; 16 asks for the gzip wrapper
  constexpr int kMemLevel = 8;              // zlib's default
  if (data.size() > std::numeric_limits<uInt>::max()) return "";
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kWindowBitsGzip, kMemLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return "";
  }
  std::string out(deflateBound(&stream, data.size()), '\0');
  // zlib does not write through next_in; its type only lacks the const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool complete = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(complete ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

void CompressResponse(const HttpRequest& request, HttpResponse* response) {
  if (response->body.size() <= kCompressOverBytes || !IsText(response->content_type)) return;
  if (HasHeader(*response, "Content-Encoding")) return;
  response->headers.emplace_back("Vary", "Accept-Encoding");
  if (!AcceptsGzip(request.Header("Accept-Encoding"))) return;
  std::string compressed = GzipCompress(response->body);
  if (compressed.empty()) return;
  response->body = std::move(compressed);
  response->headers.emplace_back("Content-Encoding", "gzip");
}

}  // namespace auspex
