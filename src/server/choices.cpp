#include "server/choices.h"

#include <algorithm>
#include <utility>

#include "server/media_reader.h"

namespace owl3::server {

Choices::Choices(ServedModel& model, const Question& question)
    : model_(model), count_(question.choices * std::max<int64_t>(1, std::ssize(question.plain))) {}

std::vector<Medium> Choices::read_media_of(Question& question, const ProgressCallback& progress) {
  EncodedMedia encoded = read_media(model_, question.media, progress);
  for (SentMedium& medium : question.media) {
    report_.places.push_back(medium.where);
    medium.files.clear();
  }
  for (const Medium& medium : encoded.media) report_.images += medium.images();
  report_.warnings = std::move(encoded.warnings);
  report_.encoded = encoded.stats.images_encoded;
  report_.seconds = seconds();
  report_.decode_seconds = encoded.stats.decode_seconds;
  report_.encode_seconds = encoded.stats.encode_seconds;
  return std::move(encoded.media);
}

void Choices::begin(const Question& question, std::span<const Medium> media,
                    const std::function<AskCallbacks(int64_t choice)>& callbacks) {
  try {
    for (int64_t choice = 0; choice < count_; ++choice) {
      auto pending = ask(question, media, choice, callbacks(choice));
      const std::lock_guard lock(mutex_);
      pending_.push_back(std::move(pending));
      if (cancelled_) pending_.back()->cancel();
    }
  } catch (...) {
    take_pending();  // and waits for them
    throw;
  }
}

std::unique_ptr<PendingCompletion> Choices::ask(const Question& question,
                                                std::span<const Medium> media, int64_t choice,
                                                AskCallbacks callbacks) {
  GenerationOptions options = question.generation;
  options.seed += static_cast<uint64_t>(choice % question.choices);
  Completions& completions = model_.completions();
  if (question.plain.empty()) {
    return completions.ask(question.messages, media, options, std::move(callbacks));
  }
  const auto prompt = static_cast<size_t>(choice / question.choices);
  return completions.ask(question.plain[prompt], options, std::move(callbacks));
}

void Choices::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  for (const auto& pending : pending_) pending->cancel();
}

std::vector<Answer> Choices::take() {
  const Pendings pending = take_pending();
  std::vector<Answer> answers;
  for (const auto& choice : pending) answers.push_back(choice->get());
  return answers;
}

Choices::Pendings Choices::take_pending() {
  const std::lock_guard lock(mutex_);
  return std::exchange(pending_, {});
}

}  // namespace owl3::server
