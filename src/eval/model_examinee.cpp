#include "eval/model_examinee.h"

#include <utility>

#include "core/error.h"
#include "eval/option_reply.h"

namespace owl3 {

ModelExaminee::ModelExaminee(Model model, const ExamineeOptions& options, ProgressCallback progress)
    : model_(std::move(model)),
      options_(options),
      progress_(std::move(progress)),
      pictures_(model_) {}

void ModelExaminee::check(const Exam& exam) const {
  std::vector<MediumPlan> images;
  for (const std::string& image : exam.images) images.push_back({.path = image});
  const Chat chat(model_, {.system = options_.system});
  for (const Ask& ask : exam.asks) {
    try {
      chat.check({{ask.text, images}});
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("a question about {} images: {}", images.size(), error.what()));
    }
  }
}

Reply ModelExaminee::reply(const Exam& exam, const Ask& ask) {
  const std::vector<Medium> media = pictures_.media(exam.images, progress_);
  Reply reply = options_.scoring == Scoring::kText ? reply_in_text(ask, media)
                                                   : reply_by_likelihood(ask, media);
  for (const Medium& medium : media) reply.visual_bytes += medium.bytes();
  return reply;
}

Reply ModelExaminee::reply_in_text(const Ask& ask, const std::vector<Medium>& media) {
  GenerationOptions generation = model_.preset("eval");
  generation.do_sample = false;
  generation.max_new_tokens = options_.max_new_tokens;
  generation.evidence = EvidenceOptions{.heat_maps = 0};
  Chat chat(model_, {.system = options_.system, .control_tokens = options_.control_tokens});
  const auto go_on = [this](std::string_view) { return !progress_ || progress_("", 0, 0); };
  const Answer answer = chat.ask(ask.text, media, generation, go_on, progress_);
  if (answer.stop_reason == StopReason::kInterrupted) throw Interrupted("interrupted");
  Reply reply;
  reply.text = answer.text;
  if (!answer.evidence->tokens.empty() && !answer.evidence->leading.empty()) {
    reply.leading_image = answer.evidence->leading.front();
  }
  reply.first_token_seconds = answer.first_token_seconds;
  reply.decode_seconds = answer.decode_seconds;
  // The first token comes out of the prefill; the token that ends an answer is decoded as well.
  const bool ended = answer.stop_reason == StopReason::kEndOfAnswer;
  reply.decoded_tokens = answer.new_tokens - (ended || answer.new_tokens == 0 ? 0 : 1);
  return reply;
}

Reply ModelExaminee::reply_by_likelihood(const Ask& ask, const std::vector<Medium>& media) {
  if (ask.options.empty() || !ask.right) {
    throw UsageError("a question has no options, so none can be scored; score by text");
  }
  GenerationOptions generation = generation_preset("greedy");
  generation.max_new_tokens = 1;  // which the prompt has told already
  for (size_t i = 0; i < ask.options.size(); ++i) {
    generation.scored_texts.push_back(reply_with_option(ask, i));
  }
  Chat chat(model_, {.system = options_.system, .control_tokens = options_.control_tokens});
  const auto go_on = [this](std::string_view) { return !progress_ || progress_("", 0, 0); };
  const Answer answer = chat.ask(ask.text, media, generation, go_on, progress_);
  if (answer.scored_texts.empty()) throw Interrupted("interrupted");
  Reply reply;
  reply.first_token_seconds = answer.first_token_seconds;
  for (const ScoredText& option : answer.scored_texts) {
    reply.option_scores.push_back(option.logprob);
  }
  return reply;
}

}  // namespace owl3
