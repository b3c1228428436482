#include "engine/scheduler.h"

#include <algorithm>
#include <chrono>
#include <optional>

namespace owl3 {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Tensor copy_of(const Tensor& logits) {
  Tensor copy = make_tensor(DType::kF32, logits.shape());
  std::copy_n(logits.f32(), logits.size(), copy.f32());
  return copy;
}

/// Interrupted, or what came of making it.
std::exception_ptr interrupted(const char* message) noexcept {
  try {
    throw Interrupted(message);
  } catch (...) {
    return std::current_exception();
  }
}

constexpr const char* kClosed = "interrupted: the model was closed";

}  // namespace

/// A turn and how far it is.
struct Scheduler::Job {
  Job(std::unique_ptr<ScheduledTurn> turn_in, std::shared_ptr<TurnListener> listener_in,
      std::atomic<size_t>& unsettled_in)
      : turn(std::move(turn_in)), listener(std::move(listener_in)), unsettled(unsettled_in) {}

  bool reading() const { return generation == nullptr; }
  bool ended() const { return settled || (generation != nullptr && generation->ended()); }

  void begin(const Owl3Model& model) {
    const auto read = static_cast<size_t>(turn->sequence.cache.length());
    OWL3_CHECK(read <= turn->prompt.size());
    if (read == turn->prompt.size()) {
      OWL3_CHECK(turn->prompt_logits.defined());
      listener->on_prefill(0, 0);
      return answer(model, copy_of(turn->prompt_logits));  // which may be changed
    }
    prefill.emplace(model.config(), turn->sequence, std::span(turn->prompt).subspan(read),
                    turn->cuts);
  }

  void add_rows(std::vector<SequenceRows>& step) {
    if (reading()) {
      step.push_back(prefill->next_rows());
    } else {
      generation->add_rows(step);
    }
  }

  /// The chunk that was wanted has been read; of the last one, with the logits of its last token.
  void chunk_read() {
    prefill->advance();
    listener->on_prefill(prefill->tokens_read(), prefill->tokens());
  }

  void take(const Owl3Model& model, Tensor logits) {
    if (!reading()) return generation->take(std::move(logits));
    chunk_read();
    if (!prefill->done()) return;  // a short chunk ahead of others
    if (turn->keep_prompt_logits) turn->prompt_logits = copy_of(logits);
    answer(model, std::move(logits));
  }

  /// Behind the prompt, whose last token has these logits.
  void answer(const Owl3Model& model, Tensor logits) {
    model.checkpoint().check_unchanged();
    GenerationRequest request;
    request.prompt = turn->prompt;
    request.stop_tokens = turn->stop_tokens;
    request.options = turn->options;
    request.constraint = turn->constraint;
    request.scored_texts = std::move(turn->scored_texts);
    request.on_token = [this](int32_t token) { return listener->on_token(token); };
    request.on_choice = [this](const TokenChoice& choice) { listener->on_choice(choice); };
    generation = make_generation(model.config(), turn->sequence, std::move(request));
    generation->take(std::move(logits));
  }

  void finish(const Owl3Model& model) noexcept {
    try {
      Generated answer = generation->finish();
      model.checkpoint().check_unchanged();
      Sequence sequence = std::move(turn->sequence);
      if (turn->keep_prompt_logits) answer.prompt_logits = std::move(turn->prompt_logits);
      settle();
      listener->on_end(std::move(answer), std::move(sequence));
    } catch (...) {
      fail(std::current_exception());
    }
  }

  void fail(std::exception_ptr failure) noexcept {
    settle();
    listener->on_failure(std::move(failure));
  }

  /// Before the listener hears, so that its caller finds room for the next, in memory too.
  void settle() noexcept {
    settled = true;
    generation = nullptr;
    prefill.reset();
    turn = nullptr;
    --unsettled;
  }

  /// Ends it for its listener's sake.
  void cancel(const Owl3Model& model) noexcept {
    if (reading()) {
      fail(interrupted("interrupted while reading the prompt"));
      return;
    }
    generation->stop();
    finish(model);
  }

  std::unique_ptr<ScheduledTurn> turn;
  std::shared_ptr<TurnListener> listener;
  std::optional<Prefill> prefill;
  std::unique_ptr<Generation> generation;
  std::atomic<size_t>& unsettled;
  bool settled = false;  // the listener has heard the last
};

Scheduler::Scheduler(Owl3Model& model, SchedulerLimits limits) : model_(model), limits_(limits) {
  // A step never allocates for its lists, so that want of memory meets conversations one by one.
  const auto most = static_cast<size_t>(2 * kMaxBeams + model.backend().few_rows());
  rows_.reserve(most);
  members_.reserve(most);
}

Scheduler::~Scheduler() {
  close();
}

void Scheduler::set_limits(SchedulerLimits limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

SchedulerStats Scheduler::stats() const {
  const std::lock_guard lock(mutex_);
  const size_t waiting = waiting_.size();
  return {std::max(unsettled_.load(), waiting) - waiting, waiting, steps_, step_rows_};
}

// With the mutex held.
void Scheduler::start_thread() {
  if (closing_) throw Interrupted(kClosed);
  if (thread_.joinable()) return;
  thread_ = std::thread([self = shared_from_this()] {
    self->computing_ = std::this_thread::get_id();
    self->run();
  });
}

void Scheduler::submit(std::unique_ptr<ScheduledTurn> turn,
                       std::shared_ptr<TurnListener> listener) {
  Jobs one;
  one.push_back(std::make_unique<Job>(std::move(turn), std::move(listener), unsettled_));
  {
    const std::lock_guard lock(mutex_);
    if (unsettled_ >= limits_.running + limits_.waiting) {
      throw Busy(fmt::format("{} questions are being answered or wait: no more are taken now",
                             unsettled_.load()));
    }
    start_thread();
    waiting_.splice(waiting_.end(), one);
    ++unsettled_;
  }
  wake_.notify_one();
}

void Scheduler::compute(const std::function<void()>& work,
                        const std::function<void()>& while_waiting) {
  if (std::this_thread::get_id() == computing_.load()) return work();
  Work mine{work};
  const auto is_done = [&] { return mine.done; };
  std::unique_lock lock(mutex_);
  start_thread();
  works_.push_back(&mine);
  wake_.notify_one();
  constexpr std::chrono::milliseconds kBetween{20};
  while (!work_done_.wait_for(lock, kBetween, is_done)) {
    if (!while_waiting) continue;
    lock.unlock();
    try {
      while_waiting();
    } catch (...) {
      lock.lock();
      if (mine.begun) work_done_.wait(lock, is_done);
      works_.remove(&mine);
      throw;
    }
    lock.lock();
  }
  if (mine.failure) std::rethrow_exception(mine.failure);
}

void Scheduler::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  if (!thread_.joinable()) return;
  // The last handle of a model may be dropped by what its own thread calls.
  if (std::this_thread::get_id() == computing_.load()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void Scheduler::run() noexcept {
  while (wait_for_work()) {
    drop_cancelled();
    if (closing_) break;
    const auto start = Clock::now();
    const bool stepped = !answers_wait() && step();
    if (stepped) step_seconds_ += seconds_since(start);
    settle();
    if (closing_) break;
    if (stepped && step_seconds_ < long_work_seconds_) continue;
    do_long_work();
    settle();
  }
  give_up_all();
}

bool Scheduler::wait_for_work() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock,
             [&] { return closing_ || !waiting_.empty() || !works_.empty() || !running_.empty(); });
  if (closing_) return false;
  const size_t before = running_.size();
  while (!waiting_.empty() && running_.size() < std::max<size_t>(1, limits_.running)) {
    running_.splice(running_.end(), waiting_, waiting_.begin());
  }
  lock.unlock();
  for (auto job = std::next(running_.begin(), static_cast<std::ptrdiff_t>(before));
       job != running_.end(); ++job) {
    try {
      (*job)->begin(model_);
    } catch (...) {
      (*job)->fail(std::current_exception());
    }
  }
  return true;
}

bool Scheduler::answers_wait() {
  const std::lock_guard lock(mutex_);
  if (!limits_.long_work_first) return false;
  const auto reads = [this](const auto& job) { return reads_chunks(*job); };
  const auto reading = static_cast<size_t>(std::count_if(running_.begin(), running_.end(), reads));
  return (reading > 0 || !works_.empty()) && running_.size() - reading < limits_.running;
}

void Scheduler::drop_cancelled() {
  Jobs gone;
  {
    const std::lock_guard lock(mutex_);
    for (auto job = waiting_.begin(); job != waiting_.end();) {
      const auto next = std::next(job);
      if ((*job)->listener->cancelled()) gone.splice(gone.end(), waiting_, job);
      job = next;
    }
  }
  for (const std::unique_ptr<Job>& job : gone) job->cancel(model_);
  for (const std::unique_ptr<Job>& job : running_) {
    if (!job->ended() && job->listener->cancelled()) job->cancel(model_);
  }
  settle();
}

/// A token for every answer, and the short prompts: as many as products take as few rows.
bool Scheduler::step() {
  rows_.clear();
  members_.clear();
  const auto few = static_cast<size_t>(model_.backend().few_rows());
  size_t tokens = 0;
  Jobs next_time;  // those for whom there was no room, first
  for (auto next = running_.begin(); next != running_.end();) {
    const auto here = next++;
    Job* const job = here->get();
    const size_t first = rows_.size();
    job->add_rows(rows_);
    size_t more = 0;
    for (size_t row = first; row < rows_.size(); ++row) more += rows_[row].ids.size();
    const bool is_long = job->reading() && more > few;
    const bool fits = members_.empty() || tokens + more <= few;
    if (is_long || !fits) {
      while (rows_.size() > first) rows_.pop_back();
      if (!is_long) next_time.splice(next_time.end(), running_, here);
      continue;
    }
    members_.push_back({job, first, rows_.size() - first});
    tokens += more;
  }
  running_.splice(running_.begin(), next_time);
  if (members_.empty()) return false;
  run_members(members_);
  const std::lock_guard lock(mutex_);
  ++steps_;
  step_rows_ += static_cast<int64_t>(tokens);
  return true;
}

void Scheduler::run_members(std::span<const Member> members) {
  const size_t first = members.front().first;
  const size_t rows = members.back().first + members.back().rows - first;
  const KeepGoing keep_going = [&] {
    return !closing_ && std::any_of(members.begin(), members.end(), [](const Member& member) {
      return !member.job->listener->cancelled();
    });
  };
  Tensor logits;
  try {
    logits = model_.decoder().next_logits(std::span(rows_).subspan(first, rows), keep_going);
  } catch (...) {
    if (members.size() == 1) {
      Job& job = *members.front().job;
      if (job.listener->cancelled()) return job.cancel(model_);
      return job.fail(std::current_exception());
    }
    // Whose fault it was shows when each goes alone.
    for (size_t i = 0; i < members.size() && !closing_; ++i) run_members(members.subspan(i, 1));
    return;
  }
  for (const Member& member : members) {
    const auto begin = static_cast<int64_t>(member.first - first);
    try {
      member.job->take(model_, logits.rows(begin, begin + static_cast<int64_t>(member.rows)));
    } catch (...) {
      member.job->fail(std::current_exception());
    }
  }
}

/// A chunk of a long prompt or some caller's work, in turn.
void Scheduler::do_long_work() {
  const auto start = Clock::now();
  works_turn_ = !works_turn_;
  const bool done = works_turn_ ? do_some_work() || read_chunk() : read_chunk() || do_some_work();
  if (!done) return;
  long_work_seconds_ = seconds_since(start);
  step_seconds_ = 0;
}

/// Its prompt's next rows are more than a step takes.
bool Scheduler::reads_chunks(const Job& job) const {
  return job.reading() &&
         static_cast<int64_t>(job.prefill->next_rows().ids.size()) > model_.backend().few_rows();
}

bool Scheduler::read_chunk() {
  const auto next = std::find_if(running_.begin(), running_.end(),
                                 [this](const auto& job) { return reads_chunks(*job); });
  if (next == running_.end()) return false;
  running_.splice(running_.end(), running_, next);  // others first, the next time
  Job& job = **next;
  try {
    const SequenceRows rows = job.prefill->next_rows();
    const KeepGoing keep_going = [&] { return !closing_ && !job.listener->cancelled(); };
    const auto left = job.prefill->tokens() - job.prefill->tokens_read();
    if (left == static_cast<int64_t>(rows.ids.size())) {
      job.take(model_, model_.decoder().next_logits({&rows, 1}, keep_going));
    } else {
      model_.decoder().forward({&rows, 1}, keep_going);
      job.chunk_read();
    }
  } catch (...) {
    if (job.listener->cancelled()) {
      job.cancel(model_);
    } else {
      job.fail(std::current_exception());
    }
  }
  return true;
}

bool Scheduler::do_some_work() {
  Work* work = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (works_.empty()) return false;
    work = works_.front();
    works_.pop_front();
    work->begun = true;
  }
  try {
    work->body();
  } catch (...) {
    work->failure = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  work->done = true;
  work_done_.notify_all();
  return true;
}

/// Lets go of what has ended.
void Scheduler::settle() {
  Jobs gone;
  for (auto job = running_.begin(); job != running_.end();) {
    const auto next = std::next(job);
    if ((*job)->ended()) {
      if (!(*job)->settled) (*job)->finish(model_);
      gone.splice(gone.end(), running_, job);
    }
    job = next;
  }
}

void Scheduler::give_up_all() noexcept {
  Jobs all;
  {
    const std::lock_guard lock(mutex_);
    all.splice(all.end(), running_);
    all.splice(all.end(), waiting_);
    for (Work* work : works_) {
      work->failure = interrupted(kClosed);
      work->done = true;
    }
    works_.clear();
  }
  work_done_.notify_all();
  for (const std::unique_ptr<Job>& job : all) {
    if (!job->settled) job->fail(interrupted(kClosed));
  }
}

}  // namespace owl3
