#include <algorithm>
#include <utility>

#include "api/live_conversation.h"
#include "api/prompt_parts.h"
#include "api/question.h"
#include "core/api_call.h"
#include "core/byte_text.h"
#include "generate/sampler.h"

namespace owl3 {

namespace {

/// Text is forgotten by pages of so many tokens: what of it outlives its frames is a small part of
/// the window's.
int64_t page_tokens(int64_t window_frames) {
  constexpr int64_t kPart = 16;
  constexpr int64_t kMost = 32;
  return std::clamp<int64_t>(window_frames / kPart, 1, kMost);
}
/// Frames that waited are read so many at a time.
constexpr size_t kFramesAtOnce = 16;
/// Images that a store has room for beside the windows'.
constexpr int64_t kImagesBeside = 32;

/// Kept free at the context's end for questions and answers.
int64_t room_to_ask(int64_t context) {
  constexpr int64_t kMost = 2048;
  return std::min(kMost, context / 4);
}

StoreLimits store_limits(const LiveChatOptions& options, int64_t image_bytes) {
  StoreLimits limits;
  const int64_t least = (options.window_frames + 1) * image_bytes;
  if (options.budget_bytes != 0 && options.budget_bytes < least) {
    throw UsageError(fmt::format("a window of {} frames takes {}, but the budget is {}",
                                 options.window_frames, byte_text(static_cast<size_t>(least)),
                                 options.budget_bytes));
  }
  limits.budget = options.budget_bytes != 0
                      ? options.budget_bytes
                      : (2 * options.window_frames + kImagesBeside) * image_bytes;
  return limits;
}

const LiveChatOptions& checked(const LiveChatOptions& options, const Model& model) {
  const int64_t context = model.context_length();
  const int64_t most = LiveChat::largest_window(model);
  if (options.window_frames < 1 || options.window_frames > most) {
    throw UsageError(
        fmt::format("a window of {} frames: must be 1 to {}, as two of them and room for a "
                    "question must fit the model's context of {} tokens",
                    options.window_frames, most, context));
  }
  if (!(options.window_seconds >= 0)) {
    throw UsageError(
        fmt::format("a window of {} seconds: must be 0 or more", options.window_seconds));
  }
  return options;
}

void check(const GenerationOptions& generation) {
  check_generation_options(generation);
  if (generation.evidence) throw UsageError("answers about live pictures come without evidence");
}

Image image_of(const LiveFrame& frame) {
  const auto pixels = static_cast<size_t>(std::max(0, frame.width)) *
                      static_cast<size_t>(std::max(0, frame.height));
  if (pixels == 0 || frame.rgb.size() != 3 * pixels) {
    throw UsageError(fmt::format("a frame of {} x {} with {} bytes: RGB has {}", frame.width,
                                 frame.height, frame.rgb.size(), 3 * pixels));
  }
  return {frame.width, frame.height, {frame.rgb.begin(), frame.rgb.end()}};
}

PromptBuilder beginning(const Model& model, const LiveChatOptions& options) {
  const auto& loaded = Internals::of(model);
  PromptBuilder builder(loaded.tokenizer, loaded.model.checkpoint().variant(),
                        options.control_tokens ? ControlTokens::kRecognised : ControlTokens::kText);
  builder.add({Role::kSystem, options.system});
  return builder;
}

}  // namespace

LiveChat::Impl::Impl(Model model_in, const LiveChatOptions& options_in)
    : model(std::move(model_in)),
      options(checked(options_in, model)),
      image_bytes_(bytes_per_image(owl3(), Internals::of(model).options)),
      store_(std::make_shared<MemoryStore>(store_limits(options, image_bytes_))),
      text_(beginning(model, options)),
      sequence_(begin_sequence()) {}

void LiveChat::Impl::compute(const std::function<void()>& work) const {
  Internals::of(model).scheduler->compute(work);
}

void LiveChat::Impl::read(Sequence& sequence, std::span<const int32_t> ids) const {
  while (!ids.empty()) {
    const size_t chunk = std::min(ids.size(), static_cast<size_t>(kPrefillChunk));
    compute([&] { owl3().decoder().forward(sequence, ids.first(chunk)); });
    ids = ids.subspan(chunk);
  }
}

/// The system message, which is never forgotten.
Sequence LiveChat::Impl::begin_sequence() const {
  Sequence sequence = owl3().decoder().new_sequence(page_tokens(options.window_frames));
  std::vector<int32_t> ids = text_.ids_from(0);
  ids.resize(static_cast<size_t>(text_.beginning_tokens()));
  read(sequence, ids);
  sequence.cache.keep_beginning();
  return sequence;
}

KeyedImage LiveChat::Impl::prepare(const Image& frame, int threads) const {
  Image seen = resize_bicubic(frame, image_size(), image_size(), threads);
  const ContentHash hash = content_hash(seen);
  return {std::move(seen), hash};
}

ImageMemoryPtr LiveChat::Impl::encode(const KeyedImage& image, const KeepGoing& keep_going) {
  const auto& loaded = Internals::of(model);
  const Compute on_scheduler = [&](const std::function<void()>& work,
                                   const std::function<void()>& while_waiting) {
    loaded.scheduler->compute(work, while_waiting);
  };
  MemoryStore::Room room = store_->room("a frame");
  ImageEncoder encoder({owl3(), loaded.visual_key, on_scheduler}, *store_, room, image_bytes_,
                       [&](int64_t) { check_interrupt(keep_going); });
  encoder.add(image);
  ImageMemoryPtr memory = encoder.finish().front();
  const std::lock_guard lock(mutex_);
  stats_.images_encoded += encoder.counts().encoded;
  stats_.images_reused += encoder.counts().reused;
  stats_.encode_seconds += encoder.counts().seconds;
  return memory;
}

void LiveChat::Impl::append(const KeyedImage& image, double seconds, const KeepGoing& keep_going) {
  const std::lock_guard in_order(encoding_);
  ImageMemoryPtr memory = encode(image, keep_going);
  const std::lock_guard lock(mutex_);
  waiting_.push_back({std::move(memory), seconds});
  if (answering_) {
    // It would be forgotten before it is read.
    if (static_cast<int64_t>(waiting_.size()) > options.window_frames) waiting_.pop_front();
  } else {
    try {
      read_waiting_frames();
    } catch (...) {
      waiting_.pop_back();
      throw;
    }
  }
  ++stats_.frames;
}

void LiveChat::Impl::read_waiting_frames() {
  const auto at_once =
      std::min(kFramesAtOnce, static_cast<size_t>(std::max<int64_t>(1, options.window_frames / 2)));
  while (!waiting_.empty()) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), at_once));
    const std::vector<Frame> frames(waiting_.begin(), waiting_.begin() + count);
    read_frames(frames);
    waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  }
}

void LiveChat::Impl::read_frames(std::span<const Frame> frames) {
  const auto count = static_cast<int64_t>(frames.size());
  std::vector<int32_t> next = text_.ids_of_frames(count);
  const int64_t context = model.context_length();
  if (text_.tokens() + static_cast<int64_t>(next.size()) > context - room_to_ask(context)) {
    read_anew();
    next = text_.ids_of_frames(count);
  }
  forget_for(frames);
  std::vector<int32_t> ids = text_.ids_from(sequence_.cache.length());  // an answer's end
  ids.insert(ids.end(), next.begin(), next.end());
  const size_t images = sequence_.images.size();
  const int64_t end = text_.tokens() + static_cast<int64_t>(next.size());
  for (int64_t i = 0; i < count; ++i) {
    sequence_.images.push_back({end - count + i, frames[static_cast<size_t>(i)].memory});
  }
  try {
    read(sequence_, ids);
  } catch (...) {
    sequence_.images.resize(images);
    throw;
  }
  text_.add_frames(count);
  for (const Frame& frame : frames) seconds_.push_back(frame.seconds);
}

/// No token sees more than a window, so those that leave it go before the new ones are read.
void LiveChat::Impl::forget_for(std::span<const Frame> frames) {
  const auto count = static_cast<int64_t>(frames.size());
  while (static_cast<int64_t>(seconds_.size()) + count > options.window_frames) forget_oldest();
  if (options.window_seconds <= 0) return;
  const double oldest = frames.back().seconds - options.window_seconds;
  while (!seconds_.empty() && seconds_.front() < oldest) forget_oldest();
}

void LiveChat::Impl::forget_oldest() {
  has_traces_ = true;
  seconds_.pop_front();
  sequence_.images.erase(sequence_.images.begin());
  text_.forget_frame();
  const int64_t kept =
      sequence_.images.empty() ? sequence_.cache.length() : sequence_.images.front().token_index;
  sequence_.cache.forget(std::min(kept, sequence_.cache.length()));
}

/// The context's end is near: positions begin anew.
void LiveChat::Impl::read_anew() {
  const int64_t context = model.context_length();
  LiveText anew = text_.anew((context - room_to_ask(context)) * 3 / 4);
  Sequence fresh = begin_sequence();
  const std::vector<int64_t> positions = anew.frame_positions();
  OWL3_CHECK(positions.size() == sequence_.images.size());
  for (size_t i = 0; i < positions.size(); ++i) {
    fresh.images.push_back({positions[i], sequence_.images[i].memory});
  }
  read(fresh, anew.ids_from(fresh.cache.length()));
  text_ = std::move(anew);
  sequence_ = std::move(fresh);
  has_traces_ = false;
  ++stats_.read_anew;
}

PromptBuilder LiveChat::Impl::fitting_question(const std::string& question) {
  PromptBuilder prompt = text_.with_question(question);
  const auto tokens = [&] { return static_cast<int64_t>(prompt.prompt().ids.size()); };
  const int64_t context = model.context_length();
  if (tokens() > context - room_to_ask(context) / 2 && !answering_) {
    read_anew();
    prompt = text_.with_question(question);
  }
  if (tokens() < context) return prompt;
  throw UsageError(fmt::format(
      "the question would make the conversation {} tokens long, but the model's context holds {}: "
      "ask with fewer words",
      tokens(), context));
}

std::shared_ptr<Asking> LiveChat::Impl::start(const std::string& question,
                                              const GenerationOptions& generation) {
  const auto& loaded = Internals::of(model);
  if (options.exact && has_traces_) read_anew();
  PromptBuilder prompt = fitting_question(question);
  auto turn = std::make_unique<ScheduledTurn>(
      ScheduledTurn{sequence_.fork(), prompt.prompt().ids, stop_tokens(loaded), generation});
  turn->constraint = Internals::of(model).constraint(generation);
  turn->scored_texts =
      scored_texts(loaded, generation, static_cast<int64_t>(turn->prompt.size()),
                   options.control_tokens ? ControlTokens::kRecognised : ControlTokens::kText);
  // What is forgotten is not held against an answer either, by the repetition penalty.
  const auto forgotten = turn->prompt.begin() + text_.beginning_tokens();
  std::fill_n(forgotten, sequence_.cache.forgotten(), turn->prompt.front());
  auto asking = std::make_shared<Asking>(
      loaded.tokenizer, generation.stop,
      Asking::Question{std::move(prompt), sequence_.cache.length(), 0, {}}, Asking::Watchers{});
  asking->scored_texts = generation.scored_texts;
  loaded.scheduler->submit(std::move(turn), asking);
  return asking;
}

Answer LiveChat::Impl::ask(const std::string& text, const GenerationOptions& generation,
                           const TextCallback& on_text, const ProgressCallback& progress) {
  check(generation);
  const std::string question = with_model_marks(text, {});
  std::shared_ptr<Asking> asking;
  {
    std::unique_lock lock(mutex_);
    answered_.wait(lock, [&] { return !answering_; });
    asking = start(question, generation);
    answering_ = true;
  }
  bool ended = false;
  const auto end = [&](Asking::Outcome* outcome) {
    ended = true;
    const std::lock_guard lock(mutex_);
    answering_ = false;
    answered_.notify_all();
    if (outcome != nullptr) {
      text_.close_turn(question, std::move(outcome->with_answer.prompt), outcome->answer_ids);
      sequence_ = std::move(outcome->sequence);
    }
    try {
      read_waiting_frames();
    } catch (...) {  // they wait for the next one
    }
  };
  try {
    asking->follow(on_text, progress);
    Asking::Outcome outcome = asking->outcome();
    end(&outcome);
    return std::move(outcome.answer);
  } catch (...) {
    if (!ended) end(nullptr);
    throw;
  }
}

Answer LiveChat::Impl::ask_aside(const std::string& text, const GenerationOptions& generation,
                                 const TextCallback& on_text, const ProgressCallback& progress) {
  check(generation);
  const std::string question = with_model_marks(text, {});
  std::shared_ptr<Asking> asking;
  {
    std::unique_lock lock(mutex_);
    if (options.exact) answered_.wait(lock, [&] { return !answering_; });
    asking = start(question, generation);
  }
  asking->follow(on_text, progress);
  return asking->outcome().answer;
}

LiveChatStats LiveChat::Impl::current_stats() const {
  const StoreCounts counts = store_->counts();
  const std::lock_guard lock(mutex_);
  LiveChatStats stats = stats_;
  stats.window_frames = static_cast<int64_t>(seconds_.size());
  stats.oldest_seconds = seconds_.empty() ? 0 : seconds_.front();
  stats.newest_seconds = seconds_.empty() ? 0 : seconds_.back();
  stats.tokens = text_.tokens();
  stats.tokens_forgotten = sequence_.cache.forgotten();
  stats.text_bytes = sequence_.cache.bytes();
  stats.image_bytes = counts.bytes;
  return stats;
}

int64_t LiveChat::largest_window(const Model& model) {
  const int64_t context = model.context_length();
  return (context - room_to_ask(context)) / 2;
}

LiveChat::LiveChat(Model model, const LiveChatOptions& options)
    : impl_(api_call([&] { return std::make_shared<Impl>(std::move(model), options); })) {}
LiveChat::LiveChat(LiveChat&&) noexcept = default;
LiveChat& LiveChat::operator=(LiveChat&&) noexcept = default;
LiveChat::~LiveChat() = default;

void LiveChat::append(const LiveFrame& frame) {
  api_call([&] {
    const int threads = Internals::of(impl_->model).options.threads;
    impl_->append(impl_->prepare(image_of(frame), threads), frame.seconds, {});
  });
}

Answer LiveChat::ask(const std::string& text, const GenerationOptions& options,
                     const TextCallback& on_text, const ProgressCallback& progress) {
  ApiCall call;
  return call.run(
      [&] { return impl_->ask(text, options, call.watch(on_text), call.watch(progress)); });
}

Answer LiveChat::ask_aside(const std::string& text, const GenerationOptions& options,
                           const TextCallback& on_text, const ProgressCallback& progress) {
  ApiCall call;
  return call.run(
      [&] { return impl_->ask_aside(text, options, call.watch(on_text), call.watch(progress)); });
}

LiveChatStats LiveChat::stats() const {
  return api_call([&] { return impl_->current_stats(); });
}

}  // namespace owl3
