// From a question to the last byte of its answer.
#pragma once

#include <memory>

#include "server/answer_form.h"
#include "server/http/http_server.h"
#include "server/question.h"
#include "server/served_model.h"
#include "server/workers.h"

namespace owl3::server {

/// Of a request of `owner`'s: generation as the checkpoint recommends it, with as many tokens as
/// the context has left.
RequestContext context_of(ServedModel& model, std::string owner);

struct QuestionSize {
  int64_t tokens = 0;
  int64_t images = 0;  // as the model sees them
};

/// What can be said before anything is encoded, but not before all is fetched. `wanted` says
/// whether anybody waits. Throws what answer() would.
QuestionSize size_of(ServedModel& model, Question& question, const ProgressCallback& wanted = {});

/// Cuts an answer that is to come with its evidence to what may be kept of it. Throws RequestError
/// where more was asked for.
void bound_evidence(Question& question, int64_t images);

/// Reads the question's pictures in this thread; the answer goes its own way, and ends in one of
/// the finishers. Throws what is wrong, where nothing of an answer has gone out.
void answer(const std::shared_ptr<http::Exchange>& exchange, ServedModel& model, Question question,
            std::shared_ptr<AnswerForm> form, Finishers& finishers);

uint64_t random_number();

}  // namespace owl3::server
