// Many conversations at once, without a thread for each.
//
// All that computes with a model goes through one thread of its own: answers that are being written
// get their next token in one step together, which costs little more than a token of one; long
// prompts are read in chunks between the steps. What a conversation gets is the same, bit for bit,
// whoever shares the model with it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "owl3/chat.h"
#include "owl3/export.h"

namespace owl3 {

struct EngineOptions {
  int64_t max_running = 32;   // conversations that are read or answered at once; at least 1
  int64_t max_waiting = 256;  // questions behind them; one more is refused (Busy)
  /// For many questions of which none is urgent: images and prompts go before answers under way, so
  /// that these share their steps with as many as can be. More answers in all, each of them later.
  bool throughput = false;
};

struct EngineStats {
  int64_t running = 0;
  int64_t waiting = 0;
  int64_t steps = 0;        // that wrote tokens of answers
  int64_t step_tokens = 0;  // read in them: divided by steps, how many shared one
};

/// Called by the thread that computes, which everybody waits for meanwhile: put what they bring
/// somewhere and return. What they throw comes out of PendingAnswer::get().
struct AskCallbacks {
  TextCallback on_text;                                         // false ends the answer
  std::function<void(int64_t done, int64_t total)> on_prefill;  // tokens of the prompt
  std::function<void()> on_done;                                // get() need not wait any more
  /// Of GenerationOptions::likeliest: a token, before on_text() with the text that it ends.
  std::function<void(const ScoredToken& token)> on_likelihood{};
};

/// An answer that will be. Its question becomes a part of the conversation with get(); destroyed
/// before that, it cancels the question, and the conversation is as it was. Used by one thread at a
/// time, but for cancel().
class OWL3_API PendingAnswer {
 public:
  PendingAnswer(PendingAnswer&&) noexcept;
  PendingAnswer& operator=(PendingAnswer&&) noexcept;
  ~PendingAnswer();

  /// What is written so far becomes the answer (StopReason::kInterrupted); when the prompt is still
  /// being read, get() throws Interrupted.
  void cancel() noexcept;
  bool ready() const;
  /// Whether it is ready by then.
  bool wait_for(std::chrono::milliseconds time) const;
  /// Waits, and throws what went wrong. Once.
  Answer get();

 private:
  friend class Engine;
  struct OWL3_LOCAL Impl;
  explicit PendingAnswer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A model's questions, asked without waiting. A handle: several of one model share its thread, its
/// limits and its counts, as do questions of Chat::ask.
class OWL3_API Engine {
 public:
  /// Throws UsageError for limits that make no sense.
  explicit Engine(Model model, const EngineOptions& options = {});

  /// As Chat::ask(), but returns at once. Until the answer is taken (PendingAnswer::get()) or given
  /// up, the conversation may not be used otherwise: that is a UsageError. Throws as ask() does, of
  /// what shows before anything is computed, and Busy when too many questions wait.
  PendingAnswer ask(Chat& chat, const std::string& text, const std::vector<Medium>& media,
                    const GenerationOptions& options, AskCallbacks callbacks = {});

  EngineStats stats() const;

 private:
  Model model_;
};

}  // namespace owl3
