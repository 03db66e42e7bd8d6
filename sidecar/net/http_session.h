// One HTTP/1.1 connection (RFC 9112) as a chain of callbacks on the I/O thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sidecar/net/http_dispatcher.h"

namespace auspex {

struct HttpSessionLimits {
  size_t body_bytes_max = 0;
  std::chrono::seconds io_timeout{0};  // for a whole header, a whole body, a whole response
};

// Owned by its own pending callbacks and by the server's list of sessions. All of it runs on the
// I/O thread. Requests of a connection are answered one after another, also when pipelined: while
// a handler works, nothing is read.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  using Closed = std::function<void(const std::shared_ptr<HttpSession>&)>;

  // `dispatcher` must outlive the session; `on_closed` is called once.
  HttpSession(boost::asio::ip::tcp::socket socket, HttpSessionLimits limits,
              HttpDispatcher& dispatcher, Closed on_closed);

  void Start() { ReadHeader(); }
  // Closes the connection: after the response to the request being handled, if there is one.
  void Finish();
  // Closes it at once.
  void Close();

 private:
  using ErrorCode = boost::system::error_code;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Message = boost::beast::http::response<boost::beast::http::string_body>;

  void ReadHeader();
  void OnHeader(ErrorCode error);
  // Tells a client that waits for it to send the body (RFC 9110 section 10.1.1).
  void WriteContinue();
  void ReadBody();
  // A body of known length goes straight to where it stays, in few large reads.
  void ReadPlainBody(size_t length);
  void ReadPieces(size_t length);
  void OnBody(ErrorCode error);
  // Answers what the parser refused; closes on everything else.
  void OnReadError(ErrorCode error);
  void Refuse(int status, std::string_view message);
  void Write(HttpResponse response);
  void OnWritten(ErrorCode error);
  // Ends our side and swallows what the client still sends: closing with unread input would reset
  // the connection and could take the response away from the client (RFC 9112 section 9.6).
  void LingerThenClose();
  void Drain();

  boost::beast::tcp_stream stream_;
  const HttpSessionLimits limits_;
  HttpDispatcher& dispatcher_;
  Closed on_closed_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::string body_;  // as far as it was read, when its length is known
  std::optional<Message> message_;
  bool is_head_ = false;
  bool keep_alive_ = false;
  bool answering_ = false;  // from a request read in full to its response written
  bool finishing_ = false;
};

}  // namespace auspex
