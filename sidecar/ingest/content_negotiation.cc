#include "sidecar/ingest/content_negotiation.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace auspex {
namespace {

constexpr absl::string_view kMediaType = "application/x-protobuf";
constexpr absl::string_view kEncoding = "snappy";

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// Senders and proxies write whatever they like here; the answer quotes no more than this.
constexpr size_t kQuotedBytesMax = 200;

absl::Status Unsupported(absl::string_view header, absl::string_view value,
                         absl::string_view supported) {
  return absl::InvalidArgumentError(absl::StrCat("unsupported ", header, " \"",
                                                 absl::CHexEscape(value.substr(0, kQuotedBytesMax)),
                                                 "\": send ", supported));
}

absl::string_view Unquote(absl::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    return value.substr(1, value.size() - 2);
  }
  return value;
}

absl::StatusOr<WriteProtocol> ParseContentType(absl::string_view content_type) {
  const absl::Status unsupported =
      Unsupported("Content-Type", content_type,
                  absl::StrCat(kMediaType, " or ", View(WriteContentType(WriteProtocol::kV2))));
  WriteProtocol protocol = WriteProtocol::kV1;
  bool is_media_type = true;
  for (absl::string_view part : absl::StrSplit(content_type, ';')) {
    part = absl::StripAsciiWhitespace(part);
    if (is_media_type) {
      if (!absl::EqualsIgnoreCase(part, kMediaType)) return unsupported;
      is_media_type = false;
      continue;
    }
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    if (equals == absl::string_view::npos) return unsupported;
    const auto name = absl::StripAsciiWhitespace(part.substr(0, equals));
    if (!absl::EqualsIgnoreCase(name, "proto")) continue;
    const auto message = Unquote(absl::StripAsciiWhitespace(part.substr(equals + 1)));
    if (absl::EqualsIgnoreCase(message, View(WriteProtocolMessage(WriteProtocol::kV1)))) {
      protocol = WriteProtocol::kV1;
    } else if (absl::EqualsIgnoreCase(message, View(WriteProtocolMessage(WriteProtocol::kV2)))) {
      protocol = WriteProtocol::kV2;
    } else {
      return unsupported;
    }
  }
  return protocol;
}

}  // namespace

absl::StatusOr<WriteProtocol> NegotiateWrite(std::string_view content_type,
                                             std::string_view content_encoding) {
  const absl::string_view encoding = absl::StripAsciiWhitespace(View(content_encoding));
  if (!encoding.empty() && !absl::EqualsIgnoreCase(encoding, kEncoding)) {
    return Unsupported("Content-Encoding", encoding, kEncoding);
  }
  const absl::string_view type = absl::StripAsciiWhitespace(View(content_type));
  return type.empty() ? WriteProtocol::kV1 : ParseContentType(type);
}

}  // namespace auspex
