// One connection: requests are read within their limits and handed on, answers are written, and a
// client that leaves is noticed while its answer is being made.
#include <poll.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <tuple>

#include "server/http/core.h"
#include "server/http/exchange.h"
#include "server/http/percents.h"

namespace owl3::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr size_t kPiece = 64 << 10;  // of a body, read at once
/// How often a client whose further requests wait already is asked whether it is still there.
constexpr std::chrono::milliseconds kBetweenLooks{250};
constexpr std::chrono::milliseconds kBetweenStrikes{50};
/// What a client is given to read the answer to a body that nobody wanted.
constexpr std::chrono::milliseconds kLingerTime{2'000};
constexpr size_t kLingerBytes = 64 << 20;

/// A status and a message instead of an answer.
struct Refusal {
  int status;
  std::string message;
};

class TalkingSession final : public Session, public std::enable_shared_from_this<TalkingSession> {
 public:
  TalkingSession(std::shared_ptr<Core> core, tcp::socket socket)
      : core_(std::move(core)),
        limits_(core_->options.limits),
        socket_(std::move(socket)),
        deadline_(core_->io),
        news_(core_->io),
        look_(core_->io) {
    error_code failure;
    const tcp::endpoint client = socket_.remote_endpoint(failure);
    if (!failure) {
      client_ = client.address().to_string() + ":" + std::to_string(client.port());
    }
    socket_.set_option(tcp::no_delay(true), failure);
    core_->enter(*this);
  }
  ~TalkingSession() override { core_->leave(*this); }

  void drain() override {
    error_code ignored;
    if (waits_for_request_) socket_.cancel(ignored);
  }
  void end() override {
    ends_ = true;
    error_code ignored;
    if (reads_) socket_.cancel(ignored);
    news_.cancel();
  }
  void abort() override {
    aborted_ = true;
    client_left();
    error_code ignored;
    socket_.close(ignored);
  }

  asio::awaitable<void> talk() {
    bool first = true;
    for (;;) {
      bhttp::request_parser<bhttp::buffer_body> parser;
      parser.header_limit(static_cast<uint32_t>(limits_.header_bytes));
      parser.body_limit(boost::none);
      reads_ = true;
      const bool asked = co_await read_head(parser, std::exchange(first, false));
      reads_ = false;
      if (!asked) break;
      const bool keep_alive = co_await serve(parser);
      if (!keep_alive || core_->draining || aborted_) break;
    }
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
  }

 private:
  using Parser = bhttp::request_parser<bhttp::buffer_body>;

  /// As long as it lives, reading and writing have so much time, and fail then. (A
  /// beast::tcp_stream would close the socket: its client could not be told.)
  class Within {
   public:
    Within(TalkingSession& session, std::chrono::milliseconds time) : session_(session) {
      session.late_ = false;
      session.strike_after(time);
    }
    ~Within() { session_.deadline_.expires_at(Clock::time_point::max()); }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    TalkingSession& session_;
  };
  void strike_after(std::chrono::milliseconds time) {
    deadline_.expires_after(time);
    deadline_.async_wait([weak = weak_from_this()](const error_code& failure) {
      const auto self = weak.lock();
      if (failure || !self || self->deadline_.expiry() > Clock::now()) return;
      self->late_ = true;
      error_code ignored;
      self->socket_.cancel(ignored);
      self->strike_after(kBetweenStrikes);  // one between two reads of many meets nothing
    });
  }

  asio::awaitable<bool> read_head(Parser& parser, bool first) {
    if (buffer_.size() == 0) {
      const Within time(*this, first ? limits_.header_time : limits_.keep_alive_time);
      waits_for_request_ = true;
      const auto [failure, bytes] = co_await socket_.async_read_some(buffer_.prepare(4096), kAwait);
      waits_for_request_ = false;
      if (failure) co_return false;
      buffer_.commit(bytes);
    }
    error_code failure;
    {
      const Within time(*this, limits_.header_time);
      std::tie(failure, std::ignore) =
          co_await bhttp::async_read_header(socket_, buffer_, parser, kAwait);
    }
    if (!failure) co_return true;
    begun_ = Clock::now();
    request_ = std::make_shared<ExchangeState>(Request{}, 0, [] {});
    request_->request().client = client_;
    if (const std::optional<Refusal> refusal = failure_of_head(failure)) {
      co_await refuse(*refusal, false);
    }
    co_return false;
  }

  /// Nothing where the client has left without having asked.
  std::optional<Refusal> failure_of_head(const error_code& failure) const {
    if (failure == bhttp::error::header_limit) {
      return Refusal{431, "the request's header is too long"};
    }
    if (late_) {
      return Refusal{408, "the request's header took too long"};
    }
    if (is_malformed(failure)) return Refusal{400, "not HTTP: " + failure.message()};
    return std::nullopt;
  }
  static bool is_malformed(const error_code& failure) {
    return failure.category() == error_code(bhttp::error::bad_method).category() &&
           failure != bhttp::error::end_of_stream && failure != bhttp::error::partial_message;
  }

  Request head_of(const Parser& parser) const {
    const auto& message = parser.get();
    Request request;
    request.method = std::string(message.method_string());
    const std::string_view target(message.target().data(), message.target().size());
    const size_t question = target.find('?');
    request.path = without_percents(target.substr(0, question));
    if (question != target.npos) request.query = target.substr(question + 1);
    for (const auto& field : message) {
      request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    request.client = client_;
    return request;
  }

  /// Answers one request. False: the connection ends with it.
  asio::awaitable<bool> serve(Parser& parser) {
    begun_ = Clock::now();
    sent_ = 0;
    left_ = false;
    keep_alive_ = parser.keep_alive();
    old_version_ = parser.get().version() < 11;
    head_only_ = parser.get().method() == bhttp::verb::head;
    const auto wake = [weak = weak_from_this(), core = core_] {
      asio::post(core->io, [weak] {
        if (const auto self = weak.lock()) self->news_.cancel();
      });
    };
    request_ = std::make_shared<ExchangeState>(head_of(parser), limits_.unsent_bytes, wake);
    Request& request = request_->request();
    if (const std::optional<Refusal> refusal = fault_of_encoding(request)) {
      co_return co_await refuse(*refusal, false);
    }
    if (core_->options.refuse) {
      if (std::optional<Response> refused = core_->options.refuse(request)) {
        co_return co_await refuse(std::move(*refused), parser.is_done());
      }
    }
    int64_t held = 0;
    reads_ = true;
    std::optional<Refusal> refusal = co_await read_body(parser, request.body, held);
    reads_ = false;
    if (refusal && ends_) refusal = Refusal{503, kServerEnds};
    core_->body_bytes += held;
    bool goes_on = false;
    if (refusal && refusal->status == 0) {
      tell_log(0);
    } else if (refusal) {
      co_await refuse(*refusal, false);
    } else {
      hand_on();
      goes_on = co_await answer();
    }
    core_->body_bytes -= held;
    co_return goes_on;
  }

  /// A body whose end two readers could see at different places is not read.
  std::optional<Refusal> fault_of_encoding(const Request& request) const {
    bool encoded = false;
    for (const auto& [name, value] : request.headers) {
      if (!beast::iequals(name, "Transfer-Encoding")) continue;
      if (old_version_) return Refusal{400, "not HTTP: Transfer-Encoding in HTTP/1.0"};
      if (std::exchange(encoded, true) || !beast::iequals(value, "chunked")) {
        return Refusal{501, "of Transfer-Encoding only chunked is taken"};
      }
    }
    return std::nullopt;
  }

  /// Status 0: the client has left. What came is counted in `held`.
  asio::awaitable<std::optional<Refusal>> read_body(Parser& parser, std::string& body,
                                                    int64_t& held) {
    if (parser.is_done()) co_return std::nullopt;
    const auto length = parser.content_length();
    const auto most = static_cast<uint64_t>(limits_.body_bytes);
    if (length && *length > most) co_return too_large(*length);
    const std::string_view expect = request_->request().header("Expect");
    if (!expect.empty()) {
      if (expect != "100-continue") co_return Refusal{417, "an expectation nobody knows"};
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      const Within time(*this, limits_.idle_time);
      const auto [failure, bytes] =
          co_await asio::async_write(socket_, asio::buffer(kContinue), kAwait);
      static_cast<void>(bytes);
      if (failure) co_return Refusal{0, {}};
    }
    std::vector<char> piece(kPiece);
    const Clock::time_point start = Clock::now();
    while (!parser.is_done()) {
      auto& wanted = parser.get().body();
      wanted.data = piece.data();
      wanted.size = piece.size();
      error_code failure;
      {
        const Within time(*this, body.empty() ? limits_.first_body_byte_time : limits_.idle_time);
        std::tie(failure, std::ignore) =
            co_await bhttp::async_read_some(socket_, buffer_, parser, kAwait);
      }
      if (failure == bhttp::error::need_buffer) failure = {};
      if (failure && late_) co_return Refusal{408, "the body came too slowly"};
      if (failure) co_return failure_of_body(failure);
      body.append(piece.data(), piece.size() - wanted.size);
      held = static_cast<int64_t>(body.size());
      if (body.size() > most) co_return too_large(body.size());
      if (core_->body_bytes + held > limits_.all_body_bytes) {
        co_return Refusal{503, "too many large requests at once; try again later"};
      }
      const double seconds = Seconds(Clock::now() - start - limits_.idle_time).count();
      if (seconds * static_cast<double>(limits_.slowest_bytes_per_second) >
          static_cast<double>(held)) {
        co_return Refusal{408, "the body came too slowly"};
      }
    }
    co_return std::nullopt;
  }

  Refusal too_large(uint64_t bytes) const {
    return {413, "the body has " + std::to_string(bytes) + " bytes or more, but the limit is " +
                     std::to_string(limits_.body_bytes)};
  }
  static Refusal failure_of_body(const error_code& failure) {
    return is_malformed(failure) ? Refusal{400, "not HTTP: " + failure.message()} : Refusal{0, {}};
  }

  void hand_on() {
    std::shared_ptr<Exchange> exchange = make_exchange(request_);
    try {
      core_->handler(exchange);
    } catch (const std::exception& failure) {
      exchange->reply(core_->error(request_->request(), 500, failure.what()));
    }
  }

  asio::awaitable<bool> answer() {
    using Kind = Outgoing::Kind;
    watch();
    bool streams = false;
    Response head;  // of a stream
    int status = 0;
    for (;;) {
      if (request_->overflown()) client_left();
      if (left_) break;
      std::optional<Outgoing> next = request_->take();
      if (!next) {
        if (ends_) {
          co_await break_off(streams, head.last_words);
          co_return false;
        }
        if (co_await nothing_comes(!head.ping.empty())) co_await send_piece(head.ping);
        continue;
      }
      if (next->kind == Kind::kDropped) {
        if (streams) break;
        next =
            Outgoing{Kind::kReply, core_->error(request_->request(), 500, "nobody answered"), {}};
      }
      if (next->kind == Kind::kReply) {
        status = next->response.status;
        co_await send(std::move(next->response));
        unwatch();
        tell_log(left_ ? 0 : status);
        co_return !left_ && keep_alive_;
      }
      if (next->kind == Kind::kBegin) {
        streams = true;
        head = std::move(next->response);
        status = head.status;
        std::string piece = std::move(head.body);
        co_await send_head(head);
        if (!piece.empty() && !left_) co_await send_piece(std::move(piece));
      } else if (next->kind == Kind::kPiece) {
        co_await send_piece(std::move(next->piece));
      } else {
        if (!old_version_ && !head_only_) co_await write(bhttp::make_chunk_last());
        unwatch();
        tell_log(left_ ? 0 : status);
        co_return !left_ && keep_alive_ && !old_version_;
      }
    }
    unwatch();
    client_left();
    tell_log(ends_ ? 503 : 0);
    co_return false;
  }

  /// The server ends before the answer does: its client is told, and who makes it that nobody
  /// waits.
  asio::awaitable<void> break_off(bool streams, const std::function<std::string()>& last_words) {
    request_->leave();
    keep_alive_ = false;
    if (!streams) {
      co_await send(core_->error(request_->request(), 503, kServerEnds));
    } else {
      if (last_words) co_await send_piece(last_words());
      if (!old_version_ && !head_only_) co_await write(bhttp::make_chunk_last());
    }
    unwatch();
    tell_log(503);
  }

  /// Waits for news; true where there were none for so long that a ping is due.
  asio::awaitable<bool> nothing_comes(bool pings) {
    if (pings) {
      news_.expires_after(core_->options.ping_time);
    } else {
      news_.expires_at(Clock::time_point::max());
    }
    const auto [failure] = co_await news_.async_wait(kAwait);
    co_return !failure;
  }

  template <typename Body>
  void fill_head(bhttp::response<Body>& message, Response& response) const {
    if (core_->options.add_headers) core_->options.add_headers(request_->request(), response);
    message.version(old_version_ ? 10 : 11);
    message.result(static_cast<unsigned>(response.status));
    if (!response.content_type.empty()) {
      message.set(bhttp::field::content_type, response.content_type);
    }
    for (const auto& [name, value] : response.headers) message.set(name, value);
    message.keep_alive(keep_alive_ && !core_->draining);
  }

  asio::awaitable<void> send(Response response) {
    keep_alive_ = keep_alive_ && !core_->draining;
    bhttp::response<bhttp::string_body> message;
    fill_head(message, response);
    const bool has_body = response.status != 204 && response.status != 304;
    message.body() = std::move(response.body);
    if (has_body) message.content_length(message.body().size());
    if (head_only_) message.body().clear();
    const Within time(*this, limits_.idle_time);
    const auto [failure, bytes] = co_await bhttp::async_write(socket_, message, kAwait);
    sent_ += static_cast<int64_t>(bytes);
    if (failure) client_left();
  }

  asio::awaitable<void> send_head(Response& head) {
    if (old_version_) keep_alive_ = false;
    bhttp::response<bhttp::empty_body> message;
    fill_head(message, head);
    if (!old_version_) message.chunked(true);
    bhttp::response_serializer<bhttp::empty_body> serializer(message);
    const Within time(*this, limits_.idle_time);
    const auto [failure, bytes] = co_await bhttp::async_write_header(socket_, serializer, kAwait);
    sent_ += static_cast<int64_t>(bytes);
    if (failure) client_left();
  }

  asio::awaitable<void> send_piece(std::string piece) {
    if (head_only_) co_return;
    if (old_version_) {
      co_await write(asio::buffer(piece));
    } else {
      co_await write(bhttp::make_chunk(asio::buffer(piece)));
    }
  }

  template <typename Buffers>
  asio::awaitable<void> write(const Buffers& buffers) {
    const Within time(*this, limits_.idle_time);
    const auto [failure, bytes] = co_await asio::async_write(socket_, buffers, kAwait);
    sent_ += static_cast<int64_t>(bytes);
    if (failure) client_left();
  }

  asio::awaitable<bool> refuse(const Refusal& refusal, bool body_read) {
    return refuse(core_->error(request_->request(), refusal.status, refusal.message), body_read);
  }
  /// Where a body is still on its way, the connection ends, but not before the client could read
  /// why: it would be reset with what it has sent in vain.
  asio::awaitable<bool> refuse(Response response, bool body_read) {
    const int status = response.status;
    if (!body_read) keep_alive_ = false;
    co_await send(std::move(response));
    tell_log(left_ ? 0 : status);
    if (body_read) co_return !left_ && keep_alive_;
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    std::vector<char> waste(kPiece);
    const Within time(*this, kLingerTime);
    for (size_t read = 0; read < kLingerBytes && !left_;) {
      const auto [failure, bytes] = co_await socket_.async_read_some(asio::buffer(waste), kAwait);
      if (failure) break;
      read += bytes;
    }
    co_return false;
  }

  /// Notices when the client leaves while it waits for its answer.
  void watch() {
    socket_.async_wait(tcp::socket::wait_read,
                       [self = shared_from_this(), watched = request_](const error_code& failure) {
                         if (!failure && self->request_ == watched && self->watches_) self->look();
                       });
    watches_ = true;
  }
  void unwatch() {
    watches_ = false;
    look_.cancel();
    error_code ignored;
    socket_.cancel(ignored);
  }
  /// Its further requests may lie before the end of what it sends: then that doesn't wake anybody.
  void look() {
    pollfd polled = {socket_.native_handle(), POLLRDHUP, 0};
    if (::poll(&polled, 1, 0) > 0 && (polled.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
      return client_left();
    }
    look_.expires_after(kBetweenLooks);
    look_.async_wait([self = shared_from_this(), watched = request_](const error_code& failure) {
      if (!failure && self->request_ == watched && self->watches_) self->look();
    });
  }
  void client_left() {
    left_ = true;
    news_.cancel();
    if (request_) request_->leave();
  }

  void tell_log(int status) const {
    if (!core_->options.log) return;
    const double seconds = Seconds(Clock::now() - begun_).count();
    core_->options.log(request_->request(), {status, sent_, seconds, request_->note()});
  }

  const std::shared_ptr<Core> core_;
  const Limits& limits_;
  tcp::socket socket_;
  beast::flat_buffer buffer_;
  asio::steady_timer deadline_;
  bool late_ = false;        // the client: what was waited for last has not come within its time
  asio::steady_timer news_;  // cancelled when there is something to write
  asio::steady_timer look_;
  std::string client_;
  bool waits_for_request_ = false;
  bool reads_ = false;  // a request
  bool ends_ = false;   // with the server
  bool aborted_ = false;

  // Of the request being answered.
  std::shared_ptr<ExchangeState> request_;
  Clock::time_point begun_{};
  int64_t sent_ = 0;
  bool left_ = false;  // the client
  bool watches_ = false;
  bool keep_alive_ = false;
  bool old_version_ = false;  // HTTP/1.0, which knows no chunks
  bool head_only_ = false;
};

asio::awaitable<void> talk_of(std::shared_ptr<TalkingSession> session) {
  try {
    co_await session->talk();
  } catch (const std::exception&) {  // no memory: the connection ends, the others don't
    session->abort();
  }
}

asio::awaitable<void> say_busy(std::shared_ptr<Core> core, beast::tcp_stream stream) {
  const Response busy = core->error(Request{}, 503, "too many connections; try again later");
  bhttp::response<bhttp::string_body> message(bhttp::status::service_unavailable, 11);
  message.set(bhttp::field::content_type, busy.content_type);
  message.set(bhttp::field::retry_after, "1");
  message.keep_alive(false);
  message.body() = busy.body;
  message.prepare_payload();
  stream.expires_after(kLingerTime);
  co_await bhttp::async_write(stream, message, kAwait);
  error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  char waste[4096];
  co_await stream.async_read_some(asio::buffer(waste), kAwait);
}

}  // namespace

void begin_session(std::shared_ptr<Core> core, tcp::socket socket) {
  asio::io_context& io = core->io;
  auto session = std::make_shared<TalkingSession>(std::move(core), std::move(socket));
  asio::co_spawn(io, talk_of(std::move(session)), asio::detached);
}

void turn_away(std::shared_ptr<Core> core, tcp::socket socket) {
  asio::io_context& io = core->io;
  asio::co_spawn(io, say_busy(core, beast::tcp_stream(std::move(socket))), asio::detached);
}

}  // namespace owl3::http
