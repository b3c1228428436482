#include "owl3/chat.h"

#include <algorithm>
#include <chrono>

#include "api/impl.h"
#include "api/question.h"
#include "core/api_call.h"
#include "generate/generate.h"
#include "generate/sampler.h"
#include "text/stream.h"

namespace owl3 {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

std::vector<QuestionMedium> known(const std::vector<Medium>& media) {
  std::vector<QuestionMedium> questioned;
  for (const Medium& medium : media) questioned.push_back({medium.is_video(), medium.path()});
  return questioned;
}

std::vector<QuestionMedium> known(const std::vector<MediumPlan>& media) {
  std::vector<QuestionMedium> questioned;
  for (const MediumPlan& medium : media) questioned.push_back({medium.is_video, medium.path});
  return questioned;
}

int64_t images_in(const std::vector<QuestionMedium>& media) {
  return std::count_if(media.begin(), media.end(),
                       [](const QuestionMedium& medium) { return !medium.is_video; });
}

/// Another model, or the same one under other adapters, sees an image differently.
void check_owner(const std::vector<Medium>& media, const Model& model) {
  for (const Medium& medium : media) {
    if (&Internals::of(Internals::of(medium).model) == &Internals::of(model)) continue;
    throw UsageError(fmt::format("{}: encoded by another model than the conversation's",
                                 medium.path().string()));
  }
}

std::vector<MediaLayout> layouts_of(const std::vector<Medium>& media) {
  std::vector<MediaLayout> layouts;
  for (const Medium& medium : media) layouts.push_back(Internals::of(medium).layout);
  return layouts;
}

std::vector<MediaLayout> layouts_of(const std::vector<MediumPlan>& media) {
  std::vector<MediaLayout> layouts;
  for (const MediumPlan& medium : media) {
    if (medium.is_video) {
      layouts.emplace_back(VideoLayout{medium.frames});
    } else {
      layouts.emplace_back(ImageLayout{medium.rows, medium.cols});
    }
  }
  return layouts;
}

/// No fewer tokens than a turn has: a token has at least one byte of the composed text, and
/// composing makes a text at most three times as long.
int64_t most_tokens(const std::string& question, const PlannedTurn& turn) {
  constexpr int64_t kAroundTurn = 64;  // roles, ends of messages
  constexpr int64_t kAroundImage = 16;
  const size_t bytes = question.size() + (turn.answer ? turn.answer->size() : 0);
  int64_t tokens = static_cast<int64_t>(3 * bytes) + kAroundTurn;
  for (const MediumPlan& medium : turn.media) tokens += medium.images() * kAroundImage;
  return tokens;
}

StopReason stop_reason_of(GenerationEnd end) {
  switch (end) {
    case GenerationEnd::kStopToken:
      return StopReason::kEndOfAnswer;
    case GenerationEnd::kLength:
      return StopReason::kLength;
    case GenerationEnd::kCallback:
      return StopReason::kInterrupted;
  }
  return StopReason::kEndOfAnswer;
}

}  // namespace

struct Chat::Impl {
  Impl(Model model_in, ChatOptions options_in)
      : model(std::move(model_in)),
        options(std::move(options_in)),
        prompt(new_prompt()),
        sequence(owl3().decoder().new_sequence()) {}

  Owl3Model& owl3() const { return Internals::of(model).model; }
  const Tokenizer& tokenizer() const { return Internals::of(model).tokenizer; }

  PromptBuilder new_prompt() const {
    PromptBuilder builder(
        tokenizer(), owl3().checkpoint().variant(),
        options.control_tokens ? ControlTokens::kRecognised : ControlTokens::kText);
    if (!options.system.empty()) builder.add({Role::kSystem, options.system});
    return builder;
  }

  /// The conversation's images and, behind them, those of `media` at their tokens.
  std::vector<PlacedImage> placed_images(const PromptBuilder& with_question,
                                         const std::vector<Medium>& media) const {
    std::vector<PlacedImage> images = sequence.images;
    const std::vector<int64_t>& positions = with_question.prompt().media_positions;
    for (const Medium& medium : media) {
      for (const ImageMemoryPtr& image : Internals::of(medium).images) {
        OWL3_CHECK(images.size() < positions.size());
        images.push_back({positions[images.size()], image});
      }
    }
    OWL3_CHECK(images.size() == positions.size());
    return images;
  }

  /// The user's text as the prompt writes it.
  std::string with_marks(const std::string& text, const std::vector<QuestionMedium>& media,
                         int64_t images_before) const {
    const bool numbers = options.number_images.value_or(owl3().config().number_images);
    return with_model_marks(text, media, {numbers, images_before});
  }
  std::string with_marks(const std::string& text, const std::vector<Medium>& media) const {
    return with_marks(text, known(media), images_asked_about);
  }

  std::vector<int32_t> stop_tokens() const {
    std::vector<int32_t> ids = owl3().checkpoint().generation_config().eos_token_id;
    for (const std::string_view name : {"<|im_end|>", "<|endoftext|>"}) {
      if (const auto id = tokenizer().id_of_added_token(name)) ids.push_back(*id);
    }
    return ids;
  }

  void check_context(const PromptBuilder& with_question) const {
    const auto tokens = static_cast<int64_t>(with_question.prompt().ids.size());
    if (tokens >= model.context_length()) {
      throw UsageError(
          fmt::format("the conversation would have {} tokens, but the model's context holds {}; "
                      "start anew, or ask less at once: fewer images, or a shorter text",
                      tokens, model.context_length()));
    }
  }

  Tensor read_question(const PromptBuilder& with_question, Sequence& reading,
                       const ProgressCallback& progress) const {
    const std::vector<int32_t>& ids = with_question.prompt().ids;
    const auto unread = std::span(ids).subspan(static_cast<size_t>(reading.cache.length()));
    return prefill(owl3(), reading, unread, [&](int64_t done, int64_t total) {
      return !progress || progress("reading the prompt", done, total);
    });
  }

  Answer ask(const std::string& text, const std::vector<Medium>& media,
             const GenerationOptions& generation, const TextCallback& on_text,
             const ProgressCallback& progress);
  void check(const std::vector<PlannedTurn>& turns) const;
  void add_exchange(const std::string& question, const std::vector<Medium>& media,
                    const std::string& answer);

  /// Makes what a question has come to the conversation.
  void commit(PromptBuilder&& new_prompt, Sequence&& new_sequence, int64_t images) noexcept {
    prompt = std::move(new_prompt);
    sequence = std::move(new_sequence);
    images_asked_about = images;
  }

  Model model;
  ChatOptions options;
  PromptBuilder prompt;
  Sequence sequence;
  int64_t images_asked_about = 0;  // films are not counted, and tiles are one image
};

Chat::Chat(Model model, ChatOptions options)
    : impl_(
          api_call([&] { return std::make_unique<Impl>(std::move(model), std::move(options)); })) {}
Chat::Chat(Chat&&) noexcept = default;
Chat& Chat::operator=(Chat&&) noexcept = default;
Chat::~Chat() = default;

namespace {

/// An answer on its way to the caller: tokens in, whole characters up to a stop string out.
class AnswerText {
 public:
  AnswerText(const Tokenizer& tokenizer, const std::vector<std::string>& stops,
             const TextCallback& on_text)
      : tokenizer_(tokenizer), stops_(stops), on_text_(on_text) {}

  /// False when the answer should end.
  bool add(int32_t token) {
    if (tokenizer_.is_special(token)) return show({});
    return show(stops_.push(utf8_.push(tokenizer_.bytes_of(token))));
  }

  std::string finish() {
    show(stops_.push(utf8_.finish()));
    show(stops_.finish());
    return std::move(text_);
  }
  bool stopped() const { return stops_.stopped(); }
  bool interrupted() const { return interrupted_; }

 private:
  bool show(const std::string& piece) {
    text_ += piece;
    if (on_text_ && !interrupted_ && !on_text_(piece)) interrupted_ = true;
    return !interrupted_ && !stops_.stopped();
  }

  const Tokenizer& tokenizer_;
  Utf8Stream utf8_;
  StopStrings stops_;
  const TextCallback& on_text_;
  std::string text_;
  bool interrupted_ = false;
};

}  // namespace

Answer Chat::ask(const std::string& text, const std::vector<Medium>& media,
                 const GenerationOptions& options, const TextCallback& on_text,
                 const ProgressCallback& progress) {
  ApiCall call;
  return call.run(
      [&] { return impl_->ask(text, media, options, call.watch(on_text), call.watch(progress)); });
}

Answer Chat::Impl::ask(const std::string& text, const std::vector<Medium>& media,
                       const GenerationOptions& generation, const TextCallback& on_text,
                       const ProgressCallback& progress) {
  const auto start = Clock::now();
  check_generation_options(generation);
  check_owner(media, model);
  // Everything is done to copies, which become the conversation when nothing can fail any more.
  PromptBuilder with_question = prompt;
  with_question.add({Role::kUser, with_marks(text, media)}, layouts_of(media));
  with_question.begin_answer();
  check_context(with_question);
  Sequence reading = sequence.fork();
  reading.images = placed_images(with_question, media);

  Answer answer;
  const int64_t tokens_before = reading.cache.length();
  const Tensor logits = read_question(with_question, reading, progress);
  const auto prefilled = Clock::now();
  answer.prompt_tokens = reading.cache.length();
  answer.prefilled_tokens = answer.prompt_tokens - tokens_before;
  answer.prefill_seconds = seconds_between(start, prefilled);

  AnswerText shown(tokenizer(), generation.stop, on_text);
  auto first_token = prefilled;
  GenerationRequest request;
  request.prompt = with_question.prompt().ids;
  request.stop_tokens = stop_tokens();
  request.options = generation;
  request.on_token = [&](int32_t token) {
    if (answer.new_tokens++ == 0) first_token = Clock::now();
    return shown.add(token);
  };
  // An empty piece shows nothing and asks whether to go on.
  request.between_steps = [&] { return !on_text || on_text({}); };
  const Generated generated = generate(owl3(), reading, logits, request);

  answer.text = shown.finish();
  answer.first_token_seconds = seconds_between(start, first_token);
  answer.decode_seconds = seconds_between(prefilled, Clock::now());
  answer.stop_reason = shown.stopped() ? StopReason::kStopString : stop_reason_of(generated.end);
  with_question.end_answer(generated.ids);
  commit(std::move(with_question), std::move(reading),
         images_asked_about + images_in(known(media)));
  return answer;
}

void Chat::check(const std::vector<PlannedTurn>& turns) const {
  api_call([&] { impl_->check(turns); });
}

void Chat::Impl::check(const std::vector<PlannedTurn>& turns) const {
  std::vector<std::string> questions;
  int64_t images = images_asked_about;
  auto most = static_cast<int64_t>(prompt.prompt().ids.size());
  for (const PlannedTurn& turn : turns) {
    const std::vector<QuestionMedium> media = known(turn.media);
    questions.push_back(with_marks(turn.question, media, images));
    images += images_in(media);
    most += most_tokens(questions.back(), turn);
  }
  if (most < model.context_length()) return;  // without counting them
  PromptBuilder with_turns = prompt;
  for (size_t i = 0; i < turns.size(); ++i) {
    with_turns.add({Role::kUser, questions[i]}, layouts_of(turns[i].media));
    if (turns[i].answer) {
      with_turns.add({Role::kAssistant, *turns[i].answer});
    } else {
      with_turns.begin_answer();
    }
    check_context(with_turns);
  }
}

void Chat::clear() {
  api_call([&] {
    PromptBuilder empty = impl_->new_prompt();
    impl_->commit(std::move(empty), impl_->owl3().decoder().new_sequence(), 0);
  });
}

void Chat::add_exchange(const std::string& question, const std::vector<Medium>& media,
                        const std::string& answer) {
  api_call([&] { impl_->add_exchange(question, media, answer); });
}

void Chat::Impl::add_exchange(const std::string& question, const std::vector<Medium>& media,
                              const std::string& answer) {
  check_owner(media, model);
  PromptBuilder with_exchange = prompt;
  with_exchange.add({Role::kUser, with_marks(question, media)}, layouts_of(media));
  with_exchange.add({Role::kAssistant, answer});
  check_context(with_exchange);
  Sequence extended = sequence.fork();
  extended.images = placed_images(with_exchange, media);
  commit(std::move(with_exchange), std::move(extended),
         images_asked_about + images_in(known(media)));
}

int64_t Chat::tokens() const {
  return static_cast<int64_t>(impl_->prompt.prompt().ids.size());
}

size_t Chat::cache_bytes() const {
  return impl_->sequence.cache.bytes();
}

}  // namespace owl3
