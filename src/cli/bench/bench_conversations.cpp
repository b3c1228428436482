#include "cli/bench/bench_conversations.h"

#include <future>

namespace owl3::cli {

namespace {

class Conversation final : public TurnListener {
 public:
  explicit Conversation(const KeepGoing& keep_going) : keep_going_(keep_going) {}

  bool cancelled() const noexcept override { return keep_going_ && !keep_going_(); }
  void on_prefill(int64_t, int64_t) override {}
  bool on_token(int32_t) override { return true; }
  void on_end(Generated, Sequence) noexcept override { done_.set_value(); }
  void on_failure(std::exception_ptr failure) noexcept override {
    done_.set_exception(std::move(failure));
  }

  void wait() { done_.get_future().get(); }

 private:
  const KeepGoing& keep_going_;
  std::promise<void> done_;
};

}  // namespace

void write_answers(Scheduler& scheduler, const Sequence& prompt, std::vector<int32_t> prompt_ids,
                   int64_t count, int64_t tokens, const KeepGoing& keep_going) {
  GenerationOptions options;
  options.do_sample = false;
  options.repetition_penalty = 1;
  options.max_new_tokens = tokens;
  std::vector<std::shared_ptr<Conversation>> conversations;
  for (int64_t i = 0; i < count; ++i) {
    conversations.push_back(std::make_shared<Conversation>(keep_going));
    scheduler.submit(
        std::make_unique<ScheduledTurn>(ScheduledTurn{prompt.fork(), prompt_ids, {}, options}),
        conversations.back());
  }
  for (const auto& conversation : conversations) conversation->wait();
  check_interrupt(keep_going);
}

}  // namespace owl3::cli
