#include "server/http/exchange.h"

#include <utility>

namespace owl3::http {

void ExchangeState::put(Outgoing outgoing) {
  using Kind = Outgoing::Kind;
  std::vector<std::function<void()>> no_more;  // destroyed without the lock
  {
    const std::lock_guard lock(mutex_);
    const bool opens = outgoing.kind == Kind::kReply || outgoing.kind == Kind::kBegin;
    if (ended_ || gone_ || (opens && begun_)) return;
    if (!opens && !begun_ && outgoing.kind != Kind::kDropped) return;
    begun_ = begun_ || opens;
    ended_ = outgoing.kind != Kind::kBegin && outgoing.kind != Kind::kPiece;
    if (ended_) no_more = std::move(when_gone_);
    unsent_ += static_cast<int64_t>(outgoing.piece.size());
    overflown_ = unsent_ > unsent_limit_;
    queue_.push_back(std::move(outgoing));
  }
  wake_();
}

void ExchangeState::when_gone(std::function<void()> call) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    if (!gone_) {
      when_gone_.push_back(std::move(call));
      return;
    }
  }
  call();
}

void ExchangeState::note(std::string text) {
  const std::lock_guard lock(mutex_);
  note_ = std::move(text);
}

std::string ExchangeState::note() {
  const std::lock_guard lock(mutex_);
  return note_;
}

std::optional<Outgoing> ExchangeState::take() {
  const std::lock_guard lock(mutex_);
  if (taken_ == queue_.size()) return std::nullopt;
  Outgoing next = std::move(queue_[taken_++]);
  unsent_ -= static_cast<int64_t>(next.piece.size());
  if (taken_ == queue_.size()) {
    queue_.clear();
    taken_ = 0;
  }
  return next;
}

void ExchangeState::leave() {
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard lock(mutex_);
    if (gone_.exchange(true)) return;
    queue_.clear();
    taken_ = 0;
    calls = std::move(when_gone_);
  }
  for (const std::function<void()>& call : calls) call();
}

namespace {

class AnsweringEnd final : public Exchange {
 public:
  explicit AnsweringEnd(std::shared_ptr<ExchangeState> state) : state_(std::move(state)) {}
  ~AnsweringEnd() override { state_->put({.kind = Outgoing::Kind::kDropped}); }

  const Request& request() const override { return state_->request(); }
  std::string take_body() override { return std::move(state_->request().body); }
  void note(std::string text) override { state_->note(std::move(text)); }
  void reply(Response response) override {
    state_->put({.kind = Outgoing::Kind::kReply, .response = std::move(response)});
  }
  void begin(Response head) override {
    state_->put({.kind = Outgoing::Kind::kBegin, .response = std::move(head)});
  }
  void write(std::string piece) override {
    if (piece.empty()) return;  // which would end a chunked body
    state_->put({.kind = Outgoing::Kind::kPiece, .piece = std::move(piece)});
  }
  void end() override { state_->put({.kind = Outgoing::Kind::kEnd}); }
  bool gone() const noexcept override { return state_->gone(); }
  void when_gone(std::function<void()> call) override { state_->when_gone(std::move(call)); }

 private:
  std::shared_ptr<ExchangeState> state_;
};

}  // namespace

std::shared_ptr<Exchange> make_exchange(std::shared_ptr<ExchangeState> state) {
  return std::make_shared<AnsweringEnd>(std::move(state));
}

}  // namespace owl3::http
