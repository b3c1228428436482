// What the sessions of a server share, and how a connection gets its session. Of the server's
// thread, but for what says otherwise. Boost's headers are slow to compile: three files need them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <set>

#include "server/http/http_server.h"

namespace owl3::http {

/// One connection. Ends itself, by telling the core.
class Session {
 public:
  virtual ~Session() = default;
  /// The server ends: where it waits for a request, it need not any more.
  virtual void drain() = 0;
  /// It ends, and tells its client so, who may be waiting for an answer.
  virtual void end() = 0;
  /// Whatever it does, it ends now.
  virtual void abort() = 0;
};

struct Core : std::enable_shared_from_this<Core> {
  Core(Options options_in, Handler handler_in)
      : options(std::move(options_in)), handler(std::move(handler_in)) {}

  Response error(const Request& head, int status, const std::string& message) const {
    if (options.error) return options.error(head, status, message);
    return {status, "text/plain", message + "\n"};
  }
  void enter(Session& session) { sessions.insert(&session); }
  void leave(Session& session) {
    sessions.erase(&session);
    if (draining && sessions.empty()) finish();
  }
  void drain();
  void end_all();
  void abort_all();
  void finish();

  const Options options;
  const Handler handler;
  boost::asio::io_context io{1};
  boost::asio::ip::tcp::acceptor acceptor{io};
  boost::asio::signal_set signals{io};
  boost::asio::steady_timer drain_timer{io};
  std::set<Session*> sessions;
  int64_t body_bytes = 0;  // of requests that are not answered yet
  bool draining = false;
  bool ending = false;  // nobody is waited for any more
  bool finished = false;
};

/// Talks with the client of this connection until either has enough.
void begin_session(std::shared_ptr<Core> core, boost::asio::ip::tcp::socket socket);
/// Tells the client of one connection too many so.
void turn_away(std::shared_ptr<Core> core, boost::asio::ip::tcp::socket socket);

}  // namespace owl3::http
