// POST /v1/completions: texts that are gone on with, read and checked.
#pragma once

#include <string_view>

#include "server/openai/text_form.h"
#include "server/question.h"

namespace owl3::server {

struct TextRequest {
  Question question;
  TextFormOptions form;
};

/// `prompt` is a text, a list of texts, a list of tokens or a list of such. Throws RequestError.
TextRequest read_text_request(std::string_view body, const RequestContext& context,
                              const RequestLimits& limits);

}  // namespace owl3::server
