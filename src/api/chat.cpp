#include "owl3/chat.h"

#include <algorithm>

#include "api/conversation.h"
#include "api/evidence.h"
#include "api/prompt_parts.h"
#include "core/api_call.h"
#include "generate/sampler.h"

namespace owl3 {

namespace {

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

std::vector<Medium> joined(std::vector<Medium> media, const std::vector<Medium>& more) {
  media.insert(media.end(), more.begin(), more.end());
  return media;
}

std::vector<ContentHash> hashes_of(const std::vector<Medium>& media) {
  std::vector<ContentHash> hashes;
  for (const Medium& medium : media) {
    const std::vector<ContentHash>& more = Internals::of(medium).hashes;
    hashes.insert(hashes.end(), more.begin(), more.end());
  }
  return hashes;
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

}  // namespace

Chat::Impl::Impl(Model model_in, ChatOptions options_in)
    : model(std::move(model_in)),
      options(std::move(options_in)),
      prompt(new_prompt()),
      sequence(owl3().decoder().new_sequence()) {
  if (options.prompt_folder.empty()) return;
  if (options.prompt_folder_budget_bytes < 0) {
    throw UsageError(fmt::format("a budget of {} bytes for {}: must be 0 or more",
                                 options.prompt_folder_budget_bytes,
                                 options.prompt_folder.string()));
  }
  prompts.emplace(options.prompt_folder, options.prompt_folder_budget_bytes, owl3(),
                  Internals::of(model).visual_key);
}

PromptBuilder Chat::Impl::new_prompt() const {
  PromptBuilder builder(tokenizer(), owl3().checkpoint().variant(),
                        options.control_tokens ? ControlTokens::kRecognised : ControlTokens::kText);
  if (!options.system.empty()) builder.add({Role::kSystem, options.system});
  return builder;
}

std::vector<PlacedImage> Chat::Impl::placed_images(const PromptBuilder& with_question,
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

std::string Chat::Impl::with_marks(const std::string& text,
                                   const std::vector<QuestionMedium>& media,
                                   int64_t images_before) const {
  const bool numbers = options.number_images.value_or(owl3().config().number_images);
  return with_model_marks(text, media, {numbers, images_before});
}

std::string Chat::Impl::with_marks(const std::string& text,
                                   const std::vector<Medium>& media) const {
  return with_marks(text, known(media), images_asked_about);
}

void Chat::Impl::check_idle() const {
  if (!being_answered) return;
  throw UsageError("the conversation is being answered: wait for that first");
}

Chat::Chat(Model model, ChatOptions options)
    : impl_(
          api_call([&] { return std::make_shared<Impl>(std::move(model), std::move(options)); })) {}
Chat::Chat(Chat&&) noexcept = default;
Chat& Chat::operator=(Chat&&) noexcept = default;
Chat::~Chat() = default;

Answer Chat::ask(const std::string& text, const std::vector<Medium>& media,
                 const GenerationOptions& options, const TextCallback& on_text,
                 const ProgressCallback& progress) {
  ApiCall call;
  return call.run([&] {
    impl_->check_idle();
    return impl_->ask(text, media, options, call.watch(on_text), call.watch(progress));
  });
}

std::shared_ptr<Asking> Chat::Impl::start(const std::string& text, const std::vector<Medium>& media,
                                          const GenerationOptions& generation,
                                          Asking::Watchers watchers) {
  check_generation_options(generation);
  check_owner(media, model);
  check_whole(media);
  // Everything is done to copies, which become the conversation when nothing can fail any more.
  PromptBuilder with_question = prompt;
  with_question.add({Role::kUser, with_marks(text, media)}, layouts_of(media));
  with_question.begin_answer();
  check_context(static_cast<int64_t>(with_question.prompt().ids.size()), model);
  const std::vector<Medium> shown = joined(all_media, media);
  const std::vector<int64_t> cuts = cuts_behind_many_images(with_question.prompt());
  auto turn = std::make_unique<ScheduledTurn>(
      ScheduledTurn{sequence.fork(), with_question.prompt().ids, stop_tokens(Internals::of(model)),
                    generation, cuts});
  turn->sequence.images = placed_images(with_question, media);
  turn->constraint = Internals::of(model).constraint(generation);
  turn->scored_texts =
      scored_texts(Internals::of(model), generation, static_cast<int64_t>(turn->prompt.size()),
                   options.control_tokens ? ControlTokens::kRecognised : ControlTokens::kText);
  std::optional<PromptRead> first;
  if (prompts && sequence.cache.length() == 0) {
    first = as_read(with_question.prompt(), hashes_of(shown), cuts);
    if (auto known = prompts->find(*first)) turn->sequence.cache = std::move(*known);
  }
  const int64_t known_tokens = turn->sequence.cache.length();
  // What the prompt's last token read made the answer's first.
  if (generation.evidence) turn->sequence.log = {static_cast<int64_t>(turn->prompt.size()) - 1};
  auto asking = std::make_shared<Asking>(
      tokenizer(), generation.stop,
      Asking::Question{std::move(with_question), known_tokens,
                       images_asked_about + images_in(known(media)), shown},
      std::move(watchers));
  asking->evidence = generation.evidence;
  asking->scored_texts = generation.scored_texts;
  asking->first_prompt = std::move(first);
  Internals::of(model).scheduler->submit(std::move(turn), asking);
  return asking;
}

Answer Chat::Impl::settle(Asking& asking) {
  Asking::Outcome outcome = asking.outcome();
  if (asking.evidence) {
    outcome.answer.evidence =
        evidence_of(Internals::of(model), outcome.sequence, outcome.with_answer.media,
                    outcome.answer_ids, *asking.evidence);
  }
  outcome.sequence.log.reset();
  if (asking.first_prompt) {
    const int64_t known = outcome.answer.prompt_tokens - outcome.answer.prefilled_tokens;
    prompts->keep(*asking.first_prompt, outcome.sequence.cache, known);
  }
  commit(std::move(outcome.with_answer), std::move(outcome.sequence),
         static_cast<int64_t>(outcome.answer_ids.size()));
  return std::move(outcome.answer);
}

Answer Chat::Impl::ask(const std::string& text, const std::vector<Medium>& media,
                       const GenerationOptions& generation, const TextCallback& on_text,
                       const ProgressCallback& progress) {
  const std::shared_ptr<Asking> asking = start(text, media, generation, {});
  asking->follow(on_text, progress);
  return settle(*asking);
}

Evidence Chat::why(const EvidenceOptions& options, const ProgressCallback& progress) {
  ApiCall call;
  return call.run([&] {
    impl_->check_idle();
    return impl_->why(options, call.watch(progress));
  });
}

/// Reads the last answer again behind what the conversation had before it, a chunk at a time.
Evidence Chat::Impl::why(const EvidenceOptions& evidence, const ProgressCallback& progress) {
  if (answer_end == answer_begin) throw UsageError("there is no answer yet whose evidence to show");
  const auto ids = std::span(prompt.prompt().ids);
  const auto part = [&](int64_t begin, int64_t end) {
    return ids.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  };
  Sequence again = sequence.fork();
  const int64_t first = answer_begin - 1;  // what it read made the answer's first token
  if (again.cache.length() > first) again.cache.truncate(first);
  again.log = {first};
  Prefill reading(owl3().config(), again, part(again.cache.length(), answer_end - 1));
  const auto tell = [&] {
    return !progress || progress("reading the answer", reading.tokens_read(), reading.tokens());
  };
  const std::shared_ptr<Scheduler>& scheduler = Internals::of(model).scheduler;
  while (!reading.done()) {
    if (!tell()) throw Interrupted("interrupted while reading the answer");
    scheduler->compute([&] {
      const SequenceRows rows = reading.next_rows();
      owl3().decoder().forward({&rows, 1});
    });
    reading.advance();
  }
  const auto answer = part(answer_begin, answer_end);
  return evidence_of(Internals::of(model), again, all_media, {answer.begin(), answer.end()},
                     evidence);
}

void Chat::check(const std::vector<PlannedTurn>& turns) const {
  api_call([&] {
    impl_->check_idle();
    impl_->check(turns);
  });
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
    check_context(static_cast<int64_t>(with_turns.prompt().ids.size()), model);
  }
}

void Chat::clear() {
  api_call([&] {
    impl_->check_idle();
    impl_->commit({impl_->new_prompt(), 0, 0, {}}, impl_->owl3().decoder().new_sequence(), 0);
  });
}

void Chat::add_exchange(const std::string& question, const std::vector<Medium>& media,
                        const std::string& answer) {
  api_call([&] {
    impl_->check_idle();
    impl_->add_exchange(question, media, answer);
  });
}

void Chat::Impl::add_exchange(const std::string& question, const std::vector<Medium>& media,
                              const std::string& answer) {
  check_owner(media, model);
  check_whole(media);
  PromptBuilder with_exchange = prompt;
  with_exchange.add({Role::kUser, with_marks(question, media)}, layouts_of(media));
  PromptBuilder before_answer = with_exchange;
  before_answer.begin_answer();
  with_exchange.add({Role::kAssistant, answer});
  check_context(static_cast<int64_t>(with_exchange.prompt().ids.size()), model);
  Sequence extended = sequence.fork();
  extended.images = placed_images(with_exchange, media);
  const auto begin = static_cast<int64_t>(before_answer.prompt().ids.size());
  constexpr int64_t kEnd = 2;  // <|im_end|><|endoftext|>
  const auto tokens = static_cast<int64_t>(with_exchange.prompt().ids.size()) - kEnd - begin;
  commit({std::move(with_exchange), begin, images_asked_about + images_in(known(media)),
          joined(all_media, media)},
         std::move(extended), std::max<int64_t>(0, tokens));
}

int64_t Chat::tokens() const {
  api_call([&] { impl_->check_idle(); });
  return static_cast<int64_t>(impl_->prompt.prompt().ids.size());
}

size_t Chat::cache_bytes() const {
  api_call([&] { impl_->check_idle(); });
  return impl_->sequence.cache.bytes();
}

std::string Chat::warning() const {
  return api_call([&] { return impl_->prompts ? impl_->prompts->failure() : std::string(); });
}

}  // namespace owl3
