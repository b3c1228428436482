// POST /v1/chat/completions: what a client sends, read and checked.
#pragma once

#include <string_view>

#include "server/openai/chat_form.h"
#include "server/question.h"

namespace owl3::server {

struct ChatRequest {
  Question question;
  ChatFormOptions form;
};

/// Fields it doesn't know are ignored; those that ask for what the server can't do are refused by
/// name. Throws RequestError, with the field.
ChatRequest read_chat_request(std::string_view body, const RequestContext& context,
                              const RequestLimits& limits);

/// A body that is a part of a message: of one image or film. Throws RequestError.
SentMedium read_media_part(std::string_view body, const RequestContext& context,
                           const RequestLimits& limits);

}  // namespace owl3::server
