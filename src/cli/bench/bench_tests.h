// The benchmark tests of one model on one number of threads.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/bench/bench_measurement.h"
#include "cli/bench/bench_options.h"
#include "engine/scheduler.h"
#include "model/owl3_model.h"
#include "program/interrupt.h"

namespace owl3::cli {

/// A question's tokens: behind the images of a prompt, and of the second question about them.
inline constexpr int64_t kQuestionTokens = 32;
/// A prompt's tokens besides its images: its head and the question.
inline constexpr int64_t kPromptTokens = 4 + kQuestionTokens;

class BenchTests {
 public:
  BenchTests(const BenchOptions& options, const Checkpoint& checkpoint, int threads,
             const InterruptGuard& interrupt);
  ~BenchTests() { scheduler_->close(); }
  BenchTests(const BenchTests&) = delete;
  BenchTests& operator=(const BenchTests&) = delete;

  std::string device() const { return model_.backend_description(); }
  /// Runs the chosen tests in turn. Throws Interrupted at the next layer after a signal.
  void run(const std::function<void(const Measurement&)>& report);

 private:
  template <typename Prepare, typename Timed>
  Measurement measure(std::string test, const Prepare& prepare, const Timed& timed,
                      std::optional<int> repetitions = {}) const;

  Measurement encode(int64_t images);
  Measurement prefill_text();
  /// So many conversations with that prompt, at once.
  Measurement decode(const Sequence& prompt, int64_t conversations = 1,
                     std::optional<int> repetitions = {});
  /// Decoding without and with evidence, in turn, so that what else the machine does meets both.
  void run_evidence(int64_t images, const std::function<void(const Measurement&)>& report);
  Measurement prefill_images(const Sequence& placed);
  Measurement second_question(const Sequence& prompt);
  void run_images(int64_t images, const std::function<void(const Measurement&)>& report);

  /// A sequence with so many images placed in it and nothing read yet.
  Sequence with_images(int64_t count);
  /// The same sequence with a prompt about its images read.
  Sequence after_prompt(const Sequence& placed);
  void read(Sequence& sequence, int64_t tokens);
  ImageMemoryPtr memory_of_an_image();
  void check_interrupt() const;

  const BenchOptions& options_;
  const InterruptGuard& interrupt_;
  KeepGoing keep_going_;
  Owl3Model model_;
  std::shared_ptr<Scheduler> scheduler_;
  WorkCounts counts_;
  ImageMemoryPtr memory_;
};

}  // namespace owl3::cli
