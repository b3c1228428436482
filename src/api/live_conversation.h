// What a LiveChat is inside.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "api/asking.h"
#include "api/impl.h"
#include "api/live_text.h"
#include "memory/image_encoder.h"
#include "owl3/live.h"

namespace owl3 {

struct LiveChat::Impl {
  Impl(Model model_in, const LiveChatOptions& options_in);

  Owl3Model& owl3() const { return Internals::of(model).model; }
  int image_size() const { return static_cast<int>(owl3().config().vision.image_size); }

  /// As the model sees it, S x S; by so many threads (0: all).
  KeyedImage prepare(const Image& frame, int threads) const;
  /// Asks `keep_going` while it encodes; throws Interrupted when that says no.
  void append(const KeyedImage& image, double seconds, const KeepGoing& keep_going);
  Answer ask(const std::string& text, const GenerationOptions& generation,
             const TextCallback& on_text, const ProgressCallback& progress);
  Answer ask_aside(const std::string& text, const GenerationOptions& generation,
                   const TextCallback& on_text, const ProgressCallback& progress);
  LiveChatStats current_stats() const;

  Model model;
  const LiveChatOptions options;

 private:
  struct Frame {
    ImageMemoryPtr memory;
    double seconds = 0;
  };

  ImageMemoryPtr encode(const KeyedImage& image, const KeepGoing& keep_going);
  // With the mutex held:
  void compute(const std::function<void()>& work) const;
  void read(Sequence& sequence, std::span<const int32_t> ids) const;
  Sequence begin_sequence() const;
  void read_waiting_frames();
  void read_frames(std::span<const Frame> frames);
  void forget_for(std::span<const Frame> frames);
  void forget_oldest();
  void read_anew();
  PromptBuilder fitting_question(const std::string& question);
  std::shared_ptr<Asking> start(const std::string& question, const GenerationOptions& generation);

  const int64_t image_bytes_;
  const std::shared_ptr<MemoryStore> store_;
  std::mutex encoding_;  // one frame after the other, in order

  mutable std::mutex mutex_;
  std::condition_variable answered_;
  bool answering_ = false;   // a question of ask(): the text stays as it is until it ends
  bool has_traces_ = false;  // what has been read saw what is forgotten
  LiveText text_;
  Sequence sequence_;           // what has been read of it, with the window's images
  std::deque<double> seconds_;  // of the window's frames
  std::deque<Frame> waiting_;   // that came meanwhile
  LiveChatStats stats_;         // as far as it is not told by the rest
};

}  // namespace owl3
