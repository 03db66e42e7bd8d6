#include "sidecar/net/http_client.h"

#include <curl/curl.h>

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// libcurl wants one initialisation per process before the first handle.
void InitCurlOnce() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(code);
}

struct SlistDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, SlistDeleter>;

void AppendHeader(HeaderList* list, const std::string& line) {
  if (curl_slist* head = curl_slist_append(list->get(), line.c_str())) {
    static_cast<void>(list->release());
    list->reset(head);
  }
}

HeaderList RequestHeaders(const HttpClientRequest& request) {
  HeaderList list;
  // An empty value removes what libcurl would add: waiting for "100 Continue" costs a round trip,
  // and a body is not a form unless the caller says so.
  AppendHeader(&list, "Expect:");
  bool has_type = false;
  for (const auto& [name, value] : request.headers) {
    has_type = has_type || absl::EqualsIgnoreCase(name, "Content-Type");
    AppendHeader(&list, value.empty() ? name + ";" : absl::StrCat(name, ": ", value));
  }
  if (!has_type) AppendHeader(&list, "Content-Type:");
  return list;
}

// One transfer: what the callbacks need and fill.
struct Transfer {
  const HttpClientRequest& request;
  CURL* handle;
  HttpClientResponse response;
  absl::Status failure;  // why a callback ended the transfer

  void UpdateStatus() {
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    response.status = static_cast<int>(status);
  }

  absl::Status Take(std::string_view data) {
    UpdateStatus();
    if (request.on_data && response.status / 100 == 2) return request.on_data(response, data);
    if (data.size() > request.response_bytes_max - response.body.size()) {
      return absl::ResourceExhaustedError(absl::StrCat(
          request.url, ": the response is larger than ", request.response_bytes_max, " bytes"));
    }
    response.body.append(data);
    return absl::OkStatus();
  }

  void TakeHeader(std::string_view line) {
    // Each status line begins a header block; only the last one (after "100 Continue") counts.
    if (absl::StartsWith(View(line), "HTTP/")) return response.headers.clear();
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    response.headers.emplace_back(line.substr(0, colon),
                                  absl::StripAsciiWhitespace(View(line.substr(colon + 1))));
  }
};

size_t OnBody(char* data, size_t, size_t size, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  transfer->failure = transfer->Take({data, size});
  return transfer->failure.ok() ? size : 0;
}

size_t OnHeader(char* data, size_t, size_t size, void* user) {
  static_cast<Transfer*>(user)->TakeHeader({data, size});
  return size;
}

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const std::atomic<bool>* cancel = static_cast<Transfer*>(user)->request.cancel;
  return cancel != nullptr && cancel->load() ? 1 : 0;
}

absl::Status TransportError(CURLcode code, const std::string& url, const char* detail) {
  const std::string message =
      absl::StrCat(url, ": ", detail[0] != '\0' ? detail : curl_easy_strerror(code));
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError(message);
    case CURLE_ABORTED_BY_CALLBACK:
      return absl::CancelledError(absl::StrCat(url, ": cancelled"));
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return absl::InvalidArgumentError(message);
    default:
      return absl::UnavailableError(message);
  }
}

}  // namespace

std::string_view HttpClientResponse::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(key, View(name))) return value;
  }
  return "";
}

class HttpClient::Impl {
 public:
  Impl() {
    InitCurlOnce();
    handle_.reset(curl_easy_init());
  }

  absl::StatusOr<HttpClientResponse> Perform(const HttpClientRequest& request);

 private:
  struct HandleDeleter {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };

  template <typename T>
  void Set(CURLoption option, T value) {
    curl_easy_setopt(handle_.get(), option, value);
  }
  void SetMethod(const HttpClientRequest& request);
  void SetCallbacks(Transfer* transfer);

  std::unique_ptr<CURL, HandleDeleter> handle_;
};

void HttpClient::Impl::SetMethod(const HttpClientRequest& request) {
  if (request.method == "GET" && request.body.empty()) return;
  if (request.method == "HEAD") return Set(CURLOPT_NOBODY, 1L);
  // Sized first: a body may hold zero bytes.
  Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  Set(CURLOPT_POSTFIELDS, request.body.data());
  Set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void HttpClient::Impl::SetCallbacks(Transfer* transfer) {
  Set(CURLOPT_WRITEFUNCTION, &OnBody);
  Set(CURLOPT_WRITEDATA, static_cast<void*>(transfer));
  Set(CURLOPT_HEADERFUNCTION, &OnHeader);
  Set(CURLOPT_HEADERDATA, static_cast<void*>(transfer));
  Set(CURLOPT_XFERINFOFUNCTION, &OnProgress);
  Set(CURLOPT_XFERINFODATA, static_cast<void*>(transfer));
  Set(CURLOPT_NOPROGRESS, 0L);
}

absl::StatusOr<HttpClientResponse> HttpClient::Impl::Perform(const HttpClientRequest& request) {
  if (handle_ == nullptr) return absl::ResourceExhaustedError("libcurl gave no handle");
  curl_easy_reset(handle_.get());  // keeps the open connections
  Transfer transfer{request, handle_.get(), {}, {}};
  const HeaderList headers = RequestHeaders(request);
  std::array<char, CURL_ERROR_SIZE> detail{};

  Set(CURLOPT_URL, request.url.c_str());
  Set(CURLOPT_PROTOCOLS_STR, "http,https");
  Set(CURLOPT_NOSIGNAL, 1L);
  Set(CURLOPT_USERAGENT, "auspex");
  Set(CURLOPT_HTTPHEADER, headers.get());
  Set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
  Set(CURLOPT_ERRORBUFFER, detail.data());
  if (request.accept_gzip) Set(CURLOPT_ACCEPT_ENCODING, "gzip");
  SetMethod(request);
  SetCallbacks(&transfer);

  const CURLcode code = curl_easy_perform(handle_.get());
  Set(CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
  if (!transfer.failure.ok()) return transfer.failure;
  if (code != CURLE_OK) return TransportError(code, request.url, detail.data());
  transfer.UpdateStatus();
  return std::move(transfer.response);
}

HttpClient::HttpClient() : impl_(std::make_unique<Impl>()) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

absl::StatusOr<HttpClientResponse> HttpClient::Perform(const HttpClientRequest& request) {
  return impl_->Perform(request);
}

}  // namespace auspex
