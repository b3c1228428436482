// An HTTP/1.1 server: connections, limits and streams; of what is said over them it knows nothing.
//
// One thread does all reading and writing, and may never wait for anything: handlers put their work
// elsewhere and answer from there. Whatever a client sends, or doesn't, is bounded in bytes and
// in time before anything is made of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace owl3::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  // "POST"
  std::string path;    // "/v1/models", decoded from percent signs
  std::string query;   // behind the question mark, as it came
  Headers headers;
  std::string body;
  std::string client;  // "127.0.0.1:40112"

  /// The first header of that name, in any case of letters; empty where there is none.
  std::string_view header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  Headers headers{};
  /// Of a stream: written when nothing else was for Options::ping_time, so that nobody between
  /// takes the connection for dead. Empty: nothing is.
  std::string ping{};
  /// Of a stream: makes what is written behind it where the server ends before it does. Called by
  /// the server's thread.
  std::function<std::string()> last_words{};
};

/// What a client is told whose answer the server doesn't make any more (503).
inline constexpr const char* kServerEnds = "the server ends before the answer is whole; ask again";

/// A request and the way to its answer. Held by whoever answers; from any thread. Dropped without
/// an answer, it is answered with 500, or, in the midst of a stream, cut off.
class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual const Request& request() const = 0;
  /// The body, which the request then has no more.
  virtual std::string take_body() = 0;
  /// For the log, before the answer's end.
  virtual void note(std::string text) = 0;

  /// The whole answer. Of the two ways, one; what comes after the end is ignored.
  virtual void reply(Response response) = 0;
  /// Or a stream: its head (the body of `head` is its beginning), then pieces, then the end.
  virtual void begin(Response head) = 0;
  virtual void write(std::string piece) = 0;
  virtual void end() = 0;

  /// Whether the client has left, or the server ends at once: nobody waits for the answer.
  virtual bool gone() const noexcept = 0;
  /// Called once when that comes, or at once where it has come; by the server's thread mostly.
  virtual void when_gone(std::function<void()> call) = 0;
};

struct Limits {
  int64_t connections = 1024;  // one more is told 503
  int64_t header_bytes = 32 << 10;
  int64_t body_bytes = int64_t{512} << 20;      // of one request
  int64_t all_body_bytes = int64_t{2} << 30;    // of all that are held at once
  int64_t slowest_bytes_per_second = 16 << 10;  // of a body, on average
  int64_t unsent_bytes = int64_t{8}
                         << 20;  // of a stream; a client that falls behind so far is left
  std::chrono::milliseconds header_time{
      10'000};  // from a connection's, or the request's, first byte
  std::chrono::milliseconds first_body_byte_time{10'000};
  std::chrono::milliseconds idle_time{30'000};        // between two bytes either way
  std::chrono::milliseconds keep_alive_time{75'000};  // between two requests
};

struct Outcome {
  int status = 0;  // 0: the client left before it had an answer
  int64_t bytes = 0;
  double seconds = 0;
  std::string note;  // of whoever answered
};

struct Options {
  std::string host = "127.0.0.1";
  uint16_t port = 0;  // 0: any that is free
  Limits limits{};
  /// How long requests under way may take once the server is told to end.
  std::chrono::milliseconds drain_time{30'000};
  std::chrono::milliseconds ping_time{15'000};
  /// What the server's own errors are made of; `head` is empty where none could be read. Not given:
  /// a line of text.
  std::function<Response(const Request& head, int status, const std::string& message)> error{};
  /// Asked with the head of a request, before its body is read: what comes is the answer.
  std::function<std::optional<Response>(const Request& head)> refuse{};
  /// Adds headers to every answer, the server's own errors too, before it is sent.
  std::function<void(const Request& head, Response& response)> add_headers{};
  /// Told of every answer's end.
  std::function<void(const Request& request, const Outcome& outcome)> log{};
};

using Handler = std::function<void(std::shared_ptr<Exchange> exchange)>;

class Server {
 public:
  /// Listens, and takes the process's signals from now on. Throws InputError when it can't: the
  /// name is unknown, the port taken.
  Server(Options options, Handler handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const std::string& host() const;
  uint16_t port() const;
  /// Serves in this thread until stop(), or SIGTERM or SIGINT, after which no more connections are
  /// taken and requests under way are answered (`drain_time`). Those that are not answered by then,
  /// or by a second signal, are told that the server ends; a third ends it without that. SIGHUP
  /// does nothing.
  void run();
  /// From any thread: as the first of those signals.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace owl3::http
