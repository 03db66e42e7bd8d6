#include "sidecar/net/http_session.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "sidecar/net/http_message.h"

namespace auspex {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr uint32_t kHeaderBytesMax = 64 * 1024;
constexpr size_t kBodyPieceBytes = 256 * 1024;
constexpr std::chrono::seconds kLinger{2};

// The status for what the parser refused; 0 when there is nobody or nothing to answer.
int RefusalStatus(const boost::system::error_code& error) {
  if (error.category() != http::make_error_code(http::error::bad_method).category()) return 0;
  switch (static_cast<http::error>(error.value())) {
    case http::error::end_of_stream:
    case http::error::partial_message:
      return 0;
    case http::error::body_limit:
      return 413;
    case http::error::header_limit:
      return 431;
    case http::error::bad_version:
      return 505;
    default:
      return 400;
  }
}

}  // namespace

HttpSession::HttpSession(asio::ip::tcp::socket socket, HttpSessionLimits limits,
                         HttpDispatcher& dispatcher, Closed on_closed)
    : stream_(std::move(socket)),
      limits_(limits),
      dispatcher_(dispatcher),
      on_closed_(std::move(on_closed)) {}

void HttpSession::Finish() {
  finishing_ = true;
  if (!answering_) Close();
}

void HttpSession::Close() {
  stream_.close();
  if (Closed closed = std::exchange(on_closed_, nullptr)) closed(shared_from_this());
}

void HttpSession::ReadHeader() {
  // A connection that waits for its next request should not hold the memory of its last one.
  if (buffer_.size() == 0) buffer_.shrink_to_fit();
  parser_.emplace();
  parser_->header_limit(kHeaderBytesMax);
  parser_->body_limit(limits_.body_bytes_max);
  stream_.expires_after(limits_.io_timeout);
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode error, size_t) { self->OnHeader(error); });
}

void HttpSession::OnHeader(ErrorCode error) {
  if (error) return OnReadError(error);
  const auto expect = parser_->get()[http::field::expect];
  if (expect.empty()) return ReadBody();
  if (!absl::EqualsIgnoreCase({expect.data(), expect.size()}, "100-continue")) {
    return Refuse(417, "the only known expectation is 100-continue");
  }
  WriteContinue();
}

void HttpSession::WriteContinue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                    [self = shared_from_this()](ErrorCode error, size_t) {
                      if (error) return self->Close();
                      self->ReadBody();
                    });
}

void HttpSession::ReadBody() {
  stream_.expires_after(limits_.io_timeout);
  const auto length = parser_->content_length();
  if (length && !parser_->chunked()) return ReadPlainBody(static_cast<size_t>(*length));
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](ErrorCode error, size_t) { self->OnBody(error); });
}

void HttpSession::ReadPlainBody(size_t length) {
  // What came together with the header; the rest of the buffer may be the next request.
  const auto early = buffer_.data();
  body_.assign(static_cast<const char*>(early.data()), std::min(early.size(), length));
  buffer_.consume(body_.size());
  ReadPieces(length);
}

void HttpSession::ReadPieces(size_t length) {
  const size_t have = body_.size();
  if (have == length) return OnBody({});
  // Room is made for what comes, not for what a client says it is going to send.
  body_.resize(std::min(length, have + kBodyPieceBytes));
  asio::async_read(stream_, asio::buffer(body_.data() + have, body_.size() - have),
                   [self = shared_from_this(), length](ErrorCode error, size_t) {
                     if (error) return self->OnReadError(error);
                     self->ReadPieces(length);
                   });
}

void HttpSession::OnBody(ErrorCode error) {
  if (error) return OnReadError(error);
  stream_.expires_never();  // the time of a handler is the handler's
  keep_alive_ = parser_->keep_alive();
  is_head_ = parser_->get().method() == http::verb::head;
  auto message = parser_->release();
  parser_.reset();
  if (!body_.empty()) message.body() = std::exchange(body_, {});
  absl::StatusOr<HttpRequest> request = DecodeRequest(std::move(message));
  if (!request.ok()) {
    const absl::string_view reason = request.status().message();
    return Refuse(400, {reason.data(), reason.size()});
  }
  answering_ = true;
  // Posted even when the answer is there at once, so that pipelined requests do not recurse. The
  // worker gives its reference away: a session ends on the I/O thread.
  dispatcher_.Dispatch(
      *std::move(request), [self = shared_from_this()](HttpResponse response) mutable {
        const auto executor = self->stream_.get_executor();
        asio::post(executor, [self = std::move(self), response = std::move(response)]() mutable {
          self->Write(std::move(response));
        });
      });
}

void HttpSession::OnReadError(ErrorCode error) {
  const int status = RefusalStatus(error);
  if (status == 0) return Close();
  Refuse(status, error.message());
}

void HttpSession::Refuse(int status, std::string_view message) {
  dispatcher_.CountRefused(status);
  keep_alive_ = false;
  is_head_ = false;
  answering_ = true;
  HttpResponse response;
  response.status = status;
  response.body = std::string(message) + "\n";
  Write(std::move(response));
}

void HttpSession::Write(HttpResponse response) {
  keep_alive_ = keep_alive_ && !finishing_;
  message_.emplace(EncodeResponse(std::move(response), is_head_));
  message_->keep_alive(keep_alive_);
  stream_.expires_after(limits_.io_timeout);
  http::async_write(stream_, *message_, [self = shared_from_this()](ErrorCode error, size_t) {
    self->OnWritten(error);
  });
}

void HttpSession::OnWritten(ErrorCode error) {
  message_.reset();
  answering_ = false;
  if (error) return Close();
  if (finishing_ || !keep_alive_) return LingerThenClose();
  ReadHeader();
}

void HttpSession::LingerThenClose() {
  ErrorCode error;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error) return Close();
  buffer_.clear();
  stream_.expires_after(kLinger);
  Drain();
}

void HttpSession::Drain() {
  constexpr size_t kPieceBytes = 4096;
  stream_.async_read_some(buffer_.prepare(kPieceBytes),
                          [self = shared_from_this()](ErrorCode error, size_t) {
                            if (error) return self->Close();
                            self->Drain();
                          });
}

}  // namespace auspex
