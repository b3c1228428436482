// POST /v1/responses: what of it maps onto a conversation, read and checked.
#pragma once

#include <string_view>

#include "server/openai/responses_form.h"
#include "server/question.h"

namespace owl3::server {

struct ResponsesRequest {
  Question question;
  ResponsesFormOptions form;
};

/// Nothing is kept between requests: what refers to an earlier one is refused. Throws RequestError.
ResponsesRequest read_responses_request(std::string_view body, const RequestContext& context,
                                        const RequestLimits& limits);

}  // namespace owl3::server
