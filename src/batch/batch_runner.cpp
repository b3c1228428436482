#include "batch/batch_runner.h"

#include <chrono>
#include <list>
#include <memory>
#include <utility>

#include "api/likelihood_json.h"
#include "api/stop_reason.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

EngineOptions limits_of(const BatchOptions& options, const BatchQuestions& questions) {
  EngineOptions limits;
  limits.max_running = options.parallel;
  limits.max_waiting = options.parallel * std::ssize(questions.texts);
  limits.throughput = true;
  return limits;
}

/// The value that an answer is which must be JSON; one that was cut short is text still.
Json answer_value(const std::string& text, const std::optional<AnswerForm>& form) {
  if (!form || (form->schema.empty() && !form->json)) return text;
  Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json(text) : value;
}

/// A question that is being answered.
struct Asked {
  Asked(const Model& model, const ChatOptions& options, BatchRow& row_in)
      : row(row_in), chat(model, options) {}

  BatchRow& row;
  Chat chat;
  std::optional<PendingAnswer> pending{};
};

/// What is wrong with a row becomes its error.
template <typename Work>
void or_error(BatchRow& row, const Work& work) {
  try {
    work();
  } catch (const InputError& error) {
    row.error = error.what();
  } catch (const UsageError& error) {  // more than the context holds, marks that don't fit
    row.error = error.what();
  }
}

}  // namespace

BatchRunner::BatchRunner(const Model& model, const BatchInput& input,
                         const BatchQuestions& questions, BatchOptions options,
                         std::function<bool()> go_on)
    : model_(model),
      input_(input),
      questions_(questions),
      options_(std::move(options)),
      go_on_(std::move(go_on)),
      memory_(model_),
      engine_(model_, limits_of(options_, questions_)) {}

void BatchRunner::check(const BatchItem& item) const {
  std::vector<MediumPlan> media;  // the least that they can be
  for (const BatchMedium& medium : item.media) {
    media.push_back({.is_video = medium.is_video, .path = medium.reference});
  }
  for (int64_t i = 0; i < std::ssize(questions_.texts); ++i) {
    Chat(model_, options_.chat).check({{question_about(item, i), media}});
  }
}

void BatchRunner::run(const BatchCourse& course) {
  run_course(course, options_.parallel, go_on_,
             [this](const BatchWork& work) { return ask(work); });
}

std::vector<BatchRow> BatchRunner::ask(const BatchWork& work) {
  std::vector<BatchRow> rows;
  for (const int64_t question : work.questions) {
    BatchRow& row = rows.emplace_back();
    row.index = work.item * std::ssize(questions_.texts) + question;
    row.question = questions_.texts[static_cast<size_t>(question)];
  }
  BatchRow failure;
  or_error(failure, [&] { ask_about(input_.item(work.item), work, rows); });
  if (failure.error.empty()) return rows;
  for (BatchRow& row : rows) row.error = failure.error;
  return rows;
}

/// All questions at once: they share the steps that write their answers.
void BatchRunner::ask_about(const BatchItem& item, const BatchWork& work,
                            std::vector<BatchRow>& rows) {
  for (BatchRow& row : rows) {
    row.item = item.name;
    row.columns = item.row;
    if (!item.media.empty()) row.segment = item.media.front().segment;
  }
  if (!item.error.empty()) throw InputError(item.error);
  const std::vector<Medium> media = encoded(item);
  for (const Medium& medium : media) {
    for (BatchRow& row : rows) row.warning = row.warning.empty() ? medium.warning() : row.warning;
  }
  std::list<Asked> asked;  // an answer that is pending keeps to its conversation
  for (size_t i = 0; i < rows.size(); ++i) {
    or_error(rows[i], [&] {
      rows[i].question = question_about(item, work.questions[i]);
      Asked& one = asked.emplace_back(model_, options_.chat, rows[i]);
      one.pending = engine_.ask(one.chat, rows[i].question, media, options_.generation);
    });
  }
  for (Asked& one : asked) {
    if (!one.pending) continue;
    or_error(one.row, [&] {
      const Answer answer = taken(*one.pending);
      one.row.answer = answer_value(answer.text, options_.generation.form);
      one.row.stop = stop_reason_name(answer.stop_reason);
      one.row.tokens = answer.new_tokens;
      one.row.choices = probabilities_of(answer.scored_texts);
      one.row.choice_logprobs = text_logprobs_of(answer.scored_texts);
      one.row.logprobs = logprobs_of(answer.likelihoods);
    });
  }
}

Answer BatchRunner::taken(PendingAnswer& pending) const {
  constexpr std::chrono::milliseconds kPatience(100);
  while (!pending.wait_for(kPatience)) {
    if (go_on_()) continue;
    pending.cancel();
    break;
  }
  Answer answer = pending.get();
  if (answer.stop_reason == StopReason::kInterrupted) throw Interrupted("interrupted");
  return answer;
}

std::string BatchRunner::question_about(const BatchItem& item, int64_t question) const {
  const auto number = static_cast<size_t>(question);
  if (questions_.templates.empty()) return questions_.texts[number];
  return questions_.templates[number].fill(item.row);
}

ProgressCallback BatchRunner::progress() const {
  return [this](std::string_view, int64_t, int64_t) { return go_on_(); };
}

/// Of a film's part. What is behind the end that its header told belongs to the last.
VideoOptions BatchRunner::video_options(const std::optional<FilmSegment>& segment) const {
  VideoOptions options = options_.video;
  if (!segment) return options;
  options.start_seconds = static_cast<double>(segment->from_ms) / 1000;
  if (!segment->is_last) options.end_seconds = static_cast<double>(segment->to_ms) / 1000;
  return options;
}

/// Images that follow each other are encoded together, which is faster.
std::vector<Medium> BatchRunner::encoded(const BatchItem& item) {
  std::vector<Medium> media;
  for (size_t i = 0; i < item.media.size();) {
    if (item.media[i].is_video) {
      const BatchMedium& film = item.media[i++];
      media.push_back(
          memory_.add_video(reader_.film(film.reference), video_options(film.segment), progress()));
      continue;
    }
    std::vector<MediaBytes> files;
    std::vector<ImageBytes> images;
    for (; i < item.media.size() && !item.media[i].is_video; ++i) {
      files.push_back(reader_.read(item.media[i].reference));
      images.push_back({files.back().name, files.back().bytes});
    }
    const std::vector<Medium> some = memory_.add_images(images, options_.image, progress());
    media.insert(media.end(), some.begin(), some.end());
  }
  return media;
}

}  // namespace owl3
