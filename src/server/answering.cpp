#include "server/answering.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "api/context_exceeded.h"
#include "core/error.h"
#include "server/choices.h"
#include "server/media_reader.h"

namespace owl3::server {

namespace {

using Clock = std::chrono::steady_clock;

/// How long a stream's client waits for its first byte while pictures are read: then it gets the
/// head, and what is wrong with the pictures, as an event, in the stream.
constexpr std::chrono::seconds kSilence{5};

/// One request's choices, told to whoever sent it as they come.
class Answering : public std::enable_shared_from_this<Answering> {
 public:
  Answering(std::shared_ptr<http::Exchange> exchange, ServedModel& model,
            std::shared_ptr<AnswerForm> form, const Question& question, int64_t prompt_tokens,
            Finishers& finishers)
      : exchange_(std::move(exchange)),
        model_(model),
        form_(std::move(form)),
        stream_(question.stream),
        choices_(model, question),
        prompt_tokens_(prompt_tokens),
        finishers_(finishers),
        under_way_(finishers.begin()) {}

  /// Reads the question's pictures, and begins all choices. Throws where one can't be.
  void begin(Question& question) {
    const std::vector<Medium> media = choices_.read_media_of(
        question, [this](std::string_view stage, int64_t done, int64_t total) {
          return encoding(stage, done, total);
        });
    writings_.resize(static_cast<size_t>(choices_.count()));
    const std::weak_ptr<Answering> weak = weak_from_this();
    exchange_->when_gone([weak] {
      if (const auto self = weak.lock()) self->choices_.cancel();
    });
    open_ = choices_.count() + 1;  // begin() itself is one of those that are waited for
    choices_.begin(question, media, [this](int64_t choice) { return callbacks(choice); });
    if (stream_) open_stream();
    one_is_done();
  }

  /// The exception being handled, told in the stream. False: there is none yet.
  bool fail_in_stream() {
    const std::lock_guard lock(writing_);
    if (!streaming_) return false;
    exchange_->write(form_->stream_failure(current_request_error()));
    exchange_->end();
    return true;
  }

 private:
  /// Of one choice.
  struct Writing {
    bool begun = false;
    Clock::time_point last{};
    std::vector<ScoredToken> tokens{};  // that no text has gone out with yet
  };

  /// Of its pictures. False: the client has left.
  bool encoding(std::string_view stage, int64_t done, int64_t total) {
    if (stream_) {
      const double seconds = choices_.seconds();
      if (std::chrono::duration<double>(seconds) > kSilence) open_stream();
      write(form_->progress(0, {stage, done, total, 0, seconds}));
    }
    return !exchange_->gone();
  }

  AskCallbacks callbacks(int64_t choice) {
    AskCallbacks callbacks;
    const auto self = shared_from_this();
    callbacks.on_text = [self, choice](std::string_view text) {
      if (!text.empty()) self->tell_text(choice, text);
      return !self->exchange_->gone();
    };
    if (stream_) {
      callbacks.on_likelihood = [self, choice](const ScoredToken& token) {
        self->writing_of(choice).tokens.push_back(token);
      };
      callbacks.on_prefill = [self, choice](int64_t done, int64_t total) {
        const int64_t cached = self->prompt_tokens_ - total;
        self->write(self->form_->progress(
            choice, {{}, cached + done, self->prompt_tokens_, cached, self->choices_.seconds()}));
      };
    }
    callbacks.on_done = [self] { self->one_is_done(); };
    return callbacks;
  }

  Writing& writing_of(int64_t choice) { return writings_[static_cast<size_t>(choice)]; }

  void tell_text(int64_t choice, std::string_view text) {
    Writing& writing = writing_of(choice);
    const Clock::time_point now = Clock::now();
    if (writing.begun) {
      model_.metrics().next_text(std::chrono::duration<double>(now - writing.last).count());
    } else {
      model_.metrics().first_text(choices_.seconds());
    }
    writing.begun = true;
    writing.last = now;
    if (stream_) write(form_->text(choice, {text, std::exchange(writing.tokens, {})}));
  }

  /// Some of it may come before the stream's head is written, which says that nothing went wrong.
  void write(std::string piece) {
    const std::lock_guard lock(writing_);
    if (streaming_) {
      exchange_->write(std::move(piece));
    } else {
      early_ += piece;
    }
  }
  void open_stream() {
    const std::lock_guard lock(writing_);
    if (std::exchange(streaming_, true)) return;
    http::Response head = form_->stream_head(choices_.count());
    head.body += early_;
    head.headers.emplace_back("Cache-Control", "no-cache");
    head.headers.emplace_back("X-Accel-Buffering", "no");  // a proxy's
    head.last_words = [form = form_] {
      return form->stream_failure(RequestError(503, http::kServerEnds, {}, "interrupted"));
    };
    exchange_->begin(std::move(head));
    early_.clear();
  }

  void one_is_done() {
    if (--open_ > 0) return;
    // Not in the computing thread, which everybody waits for.
    finishers_.submit([self = shared_from_this()] { self->finish(); });
  }

  void finish() {
    try {
      tell(choices_.take());
    } catch (...) {
      if (fail_in_stream()) return;
      exchange_->reply(form_->failure(current_request_error()));
    }
  }

  void tell(std::span<const Answer> answers) {
    for (const Answer& answer : answers) model_.metrics().answered(answer);
    exchange_->note(note_of(answers));
    if (!stream_) return exchange_->reply(form_->whole(answers, choices_.report()));
    for (int64_t choice = 0; choice < choices_.count(); ++choice) {  // tokens that brought no text
      const std::vector<ScoredToken> rest = std::move(writing_of(choice).tokens);
      if (!rest.empty()) exchange_->write(form_->text(choice, {{}, rest}));
    }
    exchange_->write(form_->stream_end(answers, choices_.report()));
    exchange_->end();
  }

  std::string note_of(std::span<const Answer> answers) const {
    int64_t written = 0;
    for (const Answer& answer : answers) written += answer.new_tokens;
    const Answer& first = answers.front();
    const MediaReport& media = choices_.report();
    nlohmann::ordered_json json{{"prompt_tokens", first.prompt_tokens},
                                {"cached_tokens", first.prompt_tokens - first.prefilled_tokens},
                                {"completion_tokens", written},
                                {"images", media.images},
                                {"images_encoded", media.encoded},
                                {"media_ms", 1e3 * media.seconds},
                                {"first_token_ms", 1e3 * first.first_token_seconds}};
    if (!media.warnings.empty()) json["warnings"] = media.warnings;
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }

  const std::shared_ptr<http::Exchange> exchange_;
  ServedModel& model_;
  const std::shared_ptr<AnswerForm> form_;
  const bool stream_;
  Choices choices_;
  const int64_t prompt_tokens_;
  Finishers& finishers_;
  const std::shared_ptr<const void> under_way_;
  std::vector<Writing> writings_;  // by choice; of the computing thread, then of the finisher
  std::atomic<int64_t> open_ = 0;
  std::mutex writing_;
  bool streaming_ = false;
  std::string early_;
};

}  // namespace

uint64_t random_number() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return random();
}

RequestContext context_of(ServedModel& model, std::string owner) {
  RequestContext context{
      model.model().generation_defaults(),
      model.options().video,
      model.facts().number_images,
      &model.shelf(),
      std::move(owner),
      model.fetcher(),
      [&model](const owl3::AnswerForm& form) { model.completions().check(form); }};
  context.generation.max_new_tokens = model.model().context_length();  // what is left of it
  return context;
}

namespace {

/// A token each is what images take at the least: where they alone are too many, nothing need be
/// read of them.
void check_media_fit(const ServedModel& model, const Question& question) {
  int64_t tokens = 0;
  for (const SentMedium& medium : question.media) {
    tokens += medium.known ? medium.known->images() : std::ssize(medium.files);
  }
  const int64_t most = model.model().context_length();
  if (tokens < most) return;
  throw ContextExceeded(
      fmt::format("the conversation has {} images, a token each or more, but the model's context "
                  "holds {}; ask about fewer at once",
                  tokens, most));
}

int64_t tokens_of(ServedModel& model, const Question& question, std::span<const MediumPlan> plans) {
  if (question.plain.empty()) return model.completions().count_tokens(question.messages, plans);
  int64_t tokens = 0;
  for (const PlainPrompt& prompt : question.plain) {
    tokens += model.completions().count_tokens(prompt);
  }
  return tokens;
}

/// What is wrong with all that is asked, by the field that has it.
template <typename Work>
auto at_its_place(const Question& question, const Work& work) {
  try {
    return work();
  } catch (const ContextExceeded& error) {
    throw RequestError(400, error.what(), question.place, "context_length_exceeded");
  } catch (const UsageError& error) {
    throw RequestError(400, error.what(), question.place);
  }
}

}  // namespace

QuestionSize size_of(ServedModel& model, Question& question, const ProgressCallback& wanted) {
  at_its_place(question, [&] { check_media_fit(model, question); });
  fetch_media(model, question.media, wanted);
  const std::vector<MediumPlan> plans = plan_media(model, question.media, wanted);
  QuestionSize size;
  size.tokens = at_its_place(question, [&] { return tokens_of(model, question, plans); });
  for (const MediumPlan& plan : plans) size.images += plan.images();
  return size;
}

namespace {

/// Every token's weights of every image, in each head, are kept until the answer's end: an answer
/// with its evidence may have so many tokens times images.
constexpr int64_t kMostWeighed = int64_t{1} << 17;

}  // namespace

void bound_evidence(Question& question, int64_t images) {
  if (!question.generation.evidence || images == 0) return;
  const int64_t most = std::max<int64_t>(1, kMostWeighed / (images * question.choices));
  if (question.has_length && question.generation.max_new_tokens > most) {
    throw RequestError(400,
                       fmt::format("attribution over {} images is told of {} tokens at most, but "
                                   "max_tokens is {}",
                                   images, most, question.generation.max_new_tokens),
                       "max_tokens");
  }
  question.generation.max_new_tokens = std::min(question.generation.max_new_tokens, most);
}

void answer(const std::shared_ptr<http::Exchange>& exchange, ServedModel& model, Question question,
            std::shared_ptr<AnswerForm> form, Finishers& finishers) {
  if (!question.has_seed) question.generation.seed = random_number();
  const QuestionSize size = size_of(
      model, question, [&](std::string_view, int64_t, int64_t) { return !exchange->gone(); });
  bound_evidence(question, size.images);
  const auto answering = std::make_shared<Answering>(exchange, model, std::move(form), question,
                                                     size.tokens, finishers);
  try {
    answering->begin(question);
  } catch (...) {
    if (!answering->fail_in_stream()) throw;
  }
}

}  // namespace owl3::server
