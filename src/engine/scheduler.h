// The one thread that computes with a model, and what is waiting for it: answers of many
// conversations, and work that is done in one piece (an image that is encoded).
//
// All answers that are being written get their next token in one step, short prompts among them;
// long prompts are read a chunk at a time, in turn with each other and with the other work, and get
// half of the time while answers are being written (or all of it, SchedulerLimits). So nobody is
// held up by more than one chunk, and what a conversation gets depends on nobody else
// (Decoder::forward).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "generate/generate.h"

namespace owl3 {

/// A question, ready to be read and answered.
struct ScheduledTurn {
  Sequence sequence;            // what was read before; the images of the whole prompt are placed
  std::vector<int32_t> prompt;  // all ids of the conversation: those behind the sequence are read
  std::vector<int32_t> stop_tokens;
  GenerationOptions options;
  /// Where else the prompt is cut to be read, beside every kPrefillChunk tokens (chunk_ends()).
  std::vector<int64_t> cuts{};
  std::shared_ptr<AnswerConstraint> constraint{};    // the answer's form
  std::vector<std::vector<int32_t>> scored_texts{};  // whose probability it comes with
  /// Where the sequence holds all of the prompt already: the logits of its last token, [1, V].
  Tensor prompt_logits{};
  bool keep_prompt_logits = false;  // in Generated
};

/// Hears about a turn, from the computing thread: it may not wait for anything, nor work long. One
/// of on_end() and on_failure() is the last it hears.
class TurnListener {
 public:
  virtual ~TurnListener() = default;

  /// Asked between the layers of a step: true ends the answer with what is written, or, while the
  /// prompt is read, the turn with Interrupted.
  virtual bool cancelled() const noexcept = 0;
  /// A chunk of the prompt has been read; of one that needs no reading, 0 of 0 when its turn comes.
  virtual void on_prefill(int64_t tokens, int64_t total) = 0;
  /// Before on_token(), where the options ask how likely tokens were.
  virtual void on_choice(const TokenChoice& /*choice*/) {}
  /// False ends the answer with this token.
  virtual bool on_token(int32_t token) = 0;
  /// The sequence holds the prompt and what was read of the answer.
  virtual void on_end(Generated answer, Sequence sequence) noexcept = 0;
  virtual void on_failure(std::exception_ptr failure) noexcept = 0;
};

struct SchedulerLimits {
  size_t running = 32;   // conversations that are read or answered at once
  size_t waiting = 256;  // behind them
  /// Answers wait until there is no prompt to be read and no other work, or until there are
  /// `running` of them: their steps are then shared by as many as can be.
  bool long_work_first = false;
};

struct SchedulerStats {
  size_t running = 0;
  size_t waiting = 0;
  int64_t steps = 0;      // that wrote tokens of answers
  int64_t step_rows = 0;  // tokens read in them
};

/// To be held by a shared_ptr, since its thread may outlast its owner by a moment.
class Scheduler : public std::enable_shared_from_this<Scheduler> {
 public:
  /// The model must live until close(). The thread starts with the first work.
  explicit Scheduler(Owl3Model& model, SchedulerLimits limits = {});
  ~Scheduler();

  void set_limits(SchedulerLimits limits);
  SchedulerStats stats() const;

  /// Throws Busy when as many wait as may, Error when there is no thread to be had.
  void submit(std::unique_ptr<ScheduledTurn> turn, std::shared_ptr<TurnListener> listener);
  /// Has the computing thread do some work, between two steps, and waits for it. What the work
  /// throws comes out. Works of several callers are done in the order they came. Meanwhile this
  /// thread asks `while_waiting` now and then, which may throw: then the work is not done any more,
  /// or, when it has been begun with, waited for; it should be told to end.
  void compute(const std::function<void()>& work, const std::function<void()>& while_waiting = {});
  /// Ends the thread. Who is still waiting hears Interrupted.
  void close();

 private:
  using Clock = std::chrono::steady_clock;

  struct Job;
  using Jobs = std::list<std::unique_ptr<Job>>;
  /// A job's rows in a step.
  struct Member {
    Job* job;
    size_t first;
    size_t rows;
  };
  struct Work {
    const std::function<void()>& body;
    std::exception_ptr failure{};
    bool begun = false;
    bool done = false;
  };

  void start_thread();
  void run() noexcept;
  bool wait_for_work();
  void drop_cancelled();
  bool answers_wait();
  bool step();
  void run_members(std::span<const Member> members);
  void do_long_work();
  bool reads_chunks(const Job& job) const;
  bool read_chunk();
  bool do_some_work();
  void settle();
  void give_up_all() noexcept;

  Owl3Model& model_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;       // the computing thread
  std::condition_variable work_done_;  // callers of compute()
  SchedulerLimits limits_;
  Jobs waiting_;
  std::list<Work*> works_;
  int64_t steps_ = 0;
  int64_t step_rows_ = 0;
  std::atomic<size_t> unsettled_ = 0;  // turns whose listeners have not heard the last
  std::thread thread_;
  std::atomic<std::thread::id> computing_{};  // of that thread
  std::atomic<bool> closing_ = false;

  // Of the computing thread alone.
  Jobs running_;
  std::vector<SequenceRows> rows_;  // of a step
  std::vector<Member> members_;
  double step_seconds_ = 0;       // since the last long work
  double long_work_seconds_ = 0;  // what that took
  bool works_turn_ = false;       // of works and chunks, which comes next
};

}  // namespace owl3
