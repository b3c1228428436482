// The answers to a question on their way, all of its choices at once. Who waits for them, and how
// they are written down, is the caller's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "server/answer_form.h"
#include "server/question.h"
#include "server/served_model.h"

namespace owl3::server {

class Choices {
 public:
  Choices(ServedModel& model, const Question& question);

  /// To all prompts of the question.
  int64_t count() const { return count_; }
  /// Since this was made.
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  /// What became of the question's media, once they are read.
  const MediaReport& report() const { return report_; }

  /// Reads and encodes them, and lets go of their bytes, which may be many. Throws what is wrong
  /// with them.
  std::vector<Medium> read_media_of(Question& question, const ProgressCallback& progress);
  /// Begins all. Throws where one can't be; those that were begun are given up then.
  void begin(const Question& question, std::span<const Medium> media,
             const std::function<AskCallbacks(int64_t choice)>& callbacks);
  /// From any thread, at any time.
  void cancel();
  /// Waits for all of them. Throws what went wrong with one. Once.
  std::vector<Answer> take();

 private:
  using Clock = std::chrono::steady_clock;
  using Pendings = std::vector<std::unique_ptr<PendingCompletion>>;

  std::unique_ptr<PendingCompletion> ask(const Question& question, std::span<const Medium> media,
                                         int64_t choice, AskCallbacks callbacks);
  Pendings take_pending();

  ServedModel& model_;
  const int64_t count_;
  const Clock::time_point start_ = Clock::now();
  MediaReport report_;
  std::mutex mutex_;
  bool cancelled_ = false;
  Pendings pending_;
};

}  // namespace owl3::server
