#include "server/local_answers.h"

#include <chrono>
#include <memory>
#include <semaphore>
#include <span>
#include <utility>
#include <vector>

#include "core/error.h"
#include "server/answering.h"
#include "server/choices.h"
#include "server/openai/openai_json.h"
#include "server/request_error.h"

namespace owl3::server {

namespace {

/// The answer's object without what differs from run to run.
OrderedJson lasting_body(const http::Response& response) {
  OrderedJson body = OrderedJson::parse(response.body);
  body.erase("timings");
  return body;
}

std::vector<Answer> wait_for_all(Choices& choices, const Question& question,
                                 std::span<const Medium> media,
                                 const std::function<bool()>& go_on) {
  constexpr std::chrono::milliseconds kPatience(100);
  const auto done =
      std::make_shared<std::counting_semaphore<>>(0);  // told of behind an answer's end
  choices.begin(question, media, [&](int64_t) {
    AskCallbacks callbacks;
    callbacks.on_done = [done] { done->release(); };
    return callbacks;
  });
  for (int64_t i = 0; i < choices.count(); ++i) {
    while (!done->try_acquire_for(kPatience)) {
      if (!go_on()) choices.cancel();
    }
  }
  std::vector<Answer> answers = choices.take();
  for (Answer& answer : answers) {
    if (answer.stop_reason == StopReason::kInterrupted) throw Interrupted("interrupted");
    answer.prefilled_tokens = answer.prompt_tokens;  // whatever was known from before
  }
  return answers;
}

LocalAnswer failure_of(const RequestError& error) {
  return {error.status(), error_json(error), error.what()};
}

}  // namespace

LocalAnswer LocalAnswers::answer(OpenAiPath path, std::string_view body, const AnswerNumber& number,
                                 uint64_t seed, const std::function<bool()>& go_on) {
  try {
    RequestContext context = context_of(model_, "");
    context.files = &files_;
    OpenAiRequest request = read_openai_request(path, body, model_, context, {}, number);
    if (request.question.stream) {
      throw RequestError(400, "stream is not supported: an answer in a file is whole", "stream",
                         "unsupported_parameter");
    }
    return answered(std::move(request), seed, go_on);
  } catch (const Interrupted&) {
    throw;
  } catch (...) {
    return failure_of(current_request_error());
  }
}

LocalAnswer LocalAnswers::answered(OpenAiRequest request, uint64_t seed,
                                   const std::function<bool()>& go_on) {
  Question& question = request.question;
  if (!question.has_seed) question.generation.seed = seed;
  const ProgressCallback wanted = [&](std::string_view, int64_t, int64_t) { return go_on(); };
  bound_evidence(question, size_of(model_, question, wanted).images);
  Choices choices(model_, question);
  const std::vector<Medium> media = choices.read_media_of(question, wanted);
  const std::vector<Answer> answers = wait_for_all(choices, question, media, go_on);
  LocalAnswer answer;
  answer.body = lasting_body(request.form->whole(answers, choices.report()));
  for (const Answer& one : answers) answer.new_tokens += one.new_tokens;
  return answer;
}

}  // namespace owl3::server
