// Conversations that write their answers at the same time, as the scheduler runs them.
#pragma once

#include "engine/scheduler.h"
#include "model/owl3_model.h"

namespace owl3::cli {

/// Has `count` conversations write so many tokens each behind the prompt, in common steps, and
/// waits for them. Throws Interrupted when keep_going says no, and what else went wrong.
void write_answers(Scheduler& scheduler, const Sequence& prompt, std::vector<int32_t> prompt_ids,
                   int64_t count, int64_t tokens, const KeepGoing& keep_going);

}  // namespace owl3::cli
