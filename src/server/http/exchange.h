// The two ends of an exchange: one with whoever answers, in any thread, one with the session that
// writes to the client. Between them a queue.
#pragma once

#include <atomic>
#include <mutex>

#include "server/http/http_server.h"

namespace owl3::http {

/// What the session is to do next.
struct Outgoing {
  enum class Kind { kReply, kBegin, kPiece, kEnd, kDropped };
  Kind kind = Kind::kPiece;
  Response response{};  // of kReply and kBegin
  std::string piece{};
};

class ExchangeState {
 public:
  /// `wake` is called, from any thread, when there is something to take.
  ExchangeState(Request request, int64_t unsent_limit, std::function<void()> wake)
      : request_(std::move(request)), unsent_limit_(unsent_limit), wake_(std::move(wake)) {}

  Request& request() { return request_; }

  // For whoever answers.
  void put(Outgoing outgoing);
  bool gone() const noexcept { return gone_; }
  void when_gone(std::function<void()> call);
  void note(std::string text);

  // For the session.
  std::string note();
  std::optional<Outgoing> take();
  /// The client has left: nothing is taken any more.
  void leave();
  /// More waits than may: the client reads too slowly.
  bool overflown() const noexcept { return overflown_; }

 private:
  Request request_;
  const int64_t unsent_limit_;
  const std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<Outgoing> queue_;
  std::string note_;
  size_t taken_ = 0;
  int64_t unsent_ = 0;
  bool begun_ = false;
  bool ended_ = false;
  std::atomic<bool> gone_ = false;
  std::atomic<bool> overflown_ = false;
  std::vector<std::function<void()>> when_gone_;
};

/// The answering end of a state.
std::shared_ptr<Exchange> make_exchange(std::shared_ptr<ExchangeState> state);

}  // namespace owl3::http
