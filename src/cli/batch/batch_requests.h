// `owl3 batch --openai`: requests in the form of OpenAI's Batch API, answered as the server would.
#pragma once

#include "cli/batch/batch_options.h"

namespace owl3::cli {

void run_requests(const BatchArguments& arguments);

}  // namespace owl3::cli
