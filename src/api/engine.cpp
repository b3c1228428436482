#include "owl3/engine.h"

#include "api/conversation.h"
#include "core/api_call.h"

namespace owl3 {

struct PendingAnswer::Impl {
  Impl(std::shared_ptr<Chat::Impl> chat_in, std::shared_ptr<Asking> asking_in)
      : chat(std::move(chat_in)), asking(std::move(asking_in)) {}
  ~Impl() {
    asking->cancel();
    asking->wait();  // its callbacks may use what the caller destroys next
    chat->being_answered = false;
  }

  std::shared_ptr<Chat::Impl> chat;
  std::shared_ptr<Asking> asking;
};

PendingAnswer::PendingAnswer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PendingAnswer::PendingAnswer(PendingAnswer&&) noexcept = default;
PendingAnswer& PendingAnswer::operator=(PendingAnswer&&) noexcept = default;
PendingAnswer::~PendingAnswer() = default;

void PendingAnswer::cancel() noexcept {
  if (impl_) impl_->asking->cancel();
}

bool PendingAnswer::ready() const {
  return impl_ && impl_->asking->ended();
}

bool PendingAnswer::wait_for(std::chrono::milliseconds time) const {
  return impl_ && impl_->asking->wait_until(Asking::Clock::now() + time);
}

Answer PendingAnswer::get() {
  const std::unique_ptr<Impl> mine = std::move(impl_);
  if (!mine) throw UsageError("the answer has been taken already");
  mine->asking->wait();
  if (const auto thrown = mine->asking->thrown_by_watcher()) std::rethrow_exception(thrown);
  return api_call([&] { return mine->chat->settle(*mine->asking); });
}

Engine::Engine(Model model, const EngineOptions& options) : model_(std::move(model)) {
  if (options.max_running < 1 || options.max_waiting < 0) {
    throw UsageError(fmt::format("{} running and {} waiting conversations: at least 1 and 0",
                                 options.max_running, options.max_waiting));
  }
  Internals::of(model_).scheduler->set_limits({static_cast<size_t>(options.max_running),
                                               static_cast<size_t>(options.max_waiting),
                                               options.throughput});
}

PendingAnswer Engine::ask(Chat& chat, const std::string& text, const std::vector<Medium>& media,
                          const GenerationOptions& options, AskCallbacks callbacks) {
  return api_call([&] {
    const std::shared_ptr<Chat::Impl>& impl = chat.impl_;
    if (&Internals::of(impl->model) != &Internals::of(model_)) {
      throw UsageError("the conversation is with another model than the engine's");
    }
    impl->check_idle();
    Asking::Watchers watchers{std::move(callbacks.on_text), std::move(callbacks.on_prefill),
                              std::move(callbacks.on_done), std::move(callbacks.on_likelihood)};
    impl->being_answered = true;
    try {
      auto asking = impl->start(text, media, options, std::move(watchers));
      return PendingAnswer(std::make_unique<PendingAnswer::Impl>(impl, std::move(asking)));
    } catch (...) {
      impl->being_answered = false;
      throw;
    }
  });
}

EngineStats Engine::stats() const {
  return api_call([&] {
    const SchedulerStats stats = Internals::of(model_).scheduler->stats();
    return EngineStats{static_cast<int64_t>(stats.running), static_cast<int64_t>(stats.waiting),
                       stats.steps, stats.step_rows};
  });
}

}  // namespace owl3
