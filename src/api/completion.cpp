#include "api/completion.h"

#include <algorithm>
#include <iterator>

#include "api/asking.h"
#include "api/evidence.h"
#include "api/prompt_parts.h"
#include "core/api_call.h"
#include "generate/sampler.h"

namespace owl3 {

namespace {

/// The model's own marks in a text would be taken for media that are not there.
void refuse_marks(const std::string& text) {
  for (const std::string_view mark : {kImageMark, kVideoMark}) {
    if (text.find(mark) == text.npos) continue;
    throw UsageError(fmt::format("a text has {}, the model's own mark for a medium", mark));
  }
}

void check_order(std::span<const CompletionMessage> messages) {
  if (messages.empty()) throw UsageError("there is no message");
  for (size_t i = 1; i < messages.size(); ++i) {
    if (messages[i].role != Role::kSystem) continue;
    throw UsageError("a system message may stand at the beginning only");
  }
  if (messages.back().role != Role::kUser) throw UsageError("the last message must be the user's");
}

/// Where answers of the assistant begin, and behind many images.
std::vector<int64_t> cuts_of(const Prompt& prompt) {
  const std::vector<int64_t> behind_images = cuts_behind_many_images(prompt);
  const std::vector<int64_t>& begins = prompt.answer_begins;
  const auto end = begins.empty() ? begins.end() : std::prev(begins.end());  // none: no messages
  std::vector<int64_t> cuts;
  std::merge(begins.begin(), end, behind_images.begin(), behind_images.end(),
             std::back_inserter(cuts));
  return cuts;
}

}  // namespace

struct PendingCompletion::Impl {
  ~Impl() {
    if (!asking) return;  // it was not taken
    asking->cancel();
    asking->wait();
  }

  std::optional<Model> model;
  std::shared_ptr<Asking> asking;
  std::shared_ptr<PrefixCache> prefixes;
  PromptRead prompt;
};

PendingCompletion::PendingCompletion(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PendingCompletion::~PendingCompletion() = default;

void PendingCompletion::cancel() noexcept {
  if (impl_) impl_->asking->cancel();
}

bool PendingCompletion::ready() const {
  return impl_ && impl_->asking->ended();
}

Answer PendingCompletion::get() {
  const std::unique_ptr<Impl> mine = std::move(impl_);
  if (!mine) throw UsageError("the answer has been taken already");
  mine->asking->wait();
  if (const auto thrown = mine->asking->thrown_by_watcher()) std::rethrow_exception(thrown);
  return api_call([&] {
    Asking::Outcome outcome = mine->asking->outcome();
    if (mine->asking->evidence) {
      outcome.answer.evidence =
          evidence_of(Internals::of(*mine->model), outcome.sequence, outcome.with_answer.media,
                      outcome.answer_ids, *mine->asking->evidence);
      outcome.sequence.log.reset();
    }
    mine->prefixes->keep(std::move(mine->prompt), std::move(outcome.sequence.cache),
                         std::move(outcome.prompt_logits));
    return std::move(outcome.answer);
  });
}

Completions::Completions(Model model, int64_t prefix_cache_bytes)
    : model_(std::move(model)), prefixes_(std::make_shared<PrefixCache>(prefix_cache_bytes)) {}

PromptBuilder Completions::prompt_of(std::span<const CompletionMessage> messages,
                                     std::vector<MediaLayout> layouts) const {
  check_order(messages);
  const Internals::LoadedModel& loaded = Internals::of(model_);
  PromptBuilder builder(loaded.tokenizer, loaded.model.checkpoint().variant());
  size_t next = 0;
  for (const CompletionMessage& message : messages) {
    std::string content;
    std::vector<MediaLayout> shown;
    for (const MessagePart& part : message.parts) {
      refuse_marks(part.text);
      content += part.text;
      if (!part.medium) continue;
      if (*part.medium != next || next == layouts.size()) {
        throw UsageError("the media are not numbered in the order in which they stand");
      }
      const bool video = std::holds_alternative<VideoLayout>(layouts[next]);
      content += video ? kVideoMark : kImageMark;
      shown.push_back(layouts[next++]);
    }
    // A mark that several parts make up together.
    if (count_media_marks(content) != shown.size()) {
      throw UsageError(fmt::format("a text has {} or {}, the model's own marks for media",
                                   kImageMark, kVideoMark));
    }
    builder.add({message.role, std::move(content)}, shown);
  }
  if (next != layouts.size()) {
    throw UsageError(fmt::format("the messages show {} of {} media", next, layouts.size()));
  }
  builder.begin_answer();
  check_context(static_cast<int64_t>(builder.prompt().ids.size()), model_);
  return builder;
}

int64_t Completions::count_tokens(std::span<const CompletionMessage> messages,
                                  std::span<const MediumPlan> media) const {
  return api_call([&] {
    return static_cast<int64_t>(prompt_of(messages, layouts_of(media)).prompt().ids.size());
  });
}

PromptBuilder Completions::prompt_of(const PlainPrompt& prompt) const {
  const Internals::LoadedModel& loaded = Internals::of(model_);
  PromptBuilder builder(loaded.tokenizer, loaded.model.checkpoint().variant());
  if (prompt.tokens.empty()) {
    if (prompt.text.empty()) throw UsageError("the prompt is empty");
    refuse_marks(prompt.text);
    builder.begin_plain(prompt.text);
  } else {
    builder.begin_plain(prompt.tokens);
  }
  check_context(static_cast<int64_t>(builder.prompt().ids.size()), model_);
  return builder;
}

int64_t Completions::count_tokens(const PlainPrompt& prompt) const {
  return api_call([&] { return static_cast<int64_t>(prompt_of(prompt).prompt().ids.size()); });
}

void Completions::check(const AnswerForm& form) const {
  api_call([&] { Internals::of(model_).forms.get(form); });
}

std::unique_ptr<PendingCompletion> Completions::ask(std::span<const CompletionMessage> messages,
                                                    std::span<const Medium> media,
                                                    const GenerationOptions& options,
                                                    AskCallbacks callbacks) {
  return api_call([&] {
    check_generation_options(options);
    check_owner(media, model_);
    check_whole(media);
    return start(prompt_of(messages, layouts_of(media)), media, options, std::move(callbacks));
  });
}

std::unique_ptr<PendingCompletion> Completions::ask(const PlainPrompt& prompt,
                                                    const GenerationOptions& options,
                                                    AskCallbacks callbacks) {
  return api_call([&] {
    check_generation_options(options);
    return start(prompt_of(prompt), {}, options, std::move(callbacks));
  });
}

std::unique_ptr<PendingCompletion> Completions::start(PromptBuilder builder,
                                                      std::span<const Medium> media,
                                                      const GenerationOptions& options,
                                                      AskCallbacks callbacks) {
  Internals::LoadedModel& loaded = Internals::of(model_);
  const Prompt& prompt = builder.prompt();
  std::vector<ContentHash> pixels;
  std::vector<PlacedImage> images;
  for (const Medium& medium : media) {
    const Internals::EncodedMedium& encoded = Internals::of(medium);
    pixels.insert(pixels.end(), encoded.hashes.begin(), encoded.hashes.end());
    for (const ImageMemoryPtr& image : encoded.images) {
      images.push_back({prompt.media_positions.at(images.size()), image});
    }
  }
  auto pending = std::make_unique<PendingCompletion::Impl>();
  pending->model = model_;
  pending->prefixes = prefixes_;
  pending->prompt = as_read(prompt, pixels, cuts_of(prompt));
  Sequence sequence = loaded.model.decoder().new_sequence();
  // Evidence is what reading the last token found in the images.
  auto known = prefixes_->find(pending->prompt, !options.evidence);
  if (known) sequence.cache = std::move(known->cache);
  const int64_t known_tokens = sequence.cache.length();
  sequence.images = std::move(images);
  // What the prompt's last token read made the answer's first.
  if (options.evidence) sequence.log = {static_cast<int64_t>(prompt.ids.size()) - 1};
  auto turn = std::make_unique<ScheduledTurn>(ScheduledTurn{
      std::move(sequence), prompt.ids, stop_tokens(loaded), options, cuts_of(prompt)});
  if (known) turn->prompt_logits = std::move(known->prompt_logits);
  turn->keep_prompt_logits = prefixes_->budget_bytes() > 0;
  turn->constraint = loaded.constraint(options);
  turn->scored_texts = scored_texts(loaded, options, static_cast<int64_t>(turn->prompt.size()));
  auto asking = std::make_shared<Asking>(
      loaded.tokenizer, options.stop,
      Asking::Question{std::move(builder), known_tokens, 0,
                       std::vector<Medium>(media.begin(), media.end())},
      Asking::Watchers{std::move(callbacks.on_text), std::move(callbacks.on_prefill),
                       std::move(callbacks.on_done), std::move(callbacks.on_likelihood)});
  asking->evidence = options.evidence;
  asking->scored_texts = options.scored_texts;
  std::unique_ptr<PendingCompletion> handle(new PendingCompletion(std::move(pending)));
  loaded.scheduler->submit(std::move(turn), asking);
  handle->impl_->asking = std::move(asking);
  return handle;
}

}  // namespace owl3
