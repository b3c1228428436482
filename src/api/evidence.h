// From what a sequence logged of its reading to what a caller gets of it.
#pragma once

#include <cstdint>
#include <vector>

#include "api/impl.h"

namespace owl3 {

/// The evidence of an answer, of `answer_ids`, by the sequence's log, which begins with the reading
/// that decided on the first of them. `media` are those of the sequence's images. Heat maps are
/// computed by the model's thread.
Evidence evidence_of(Internals::LoadedModel& model, const Sequence& sequence,
                     const std::vector<Medium>& media, const std::vector<int32_t>& answer_ids,
                     const EvidenceOptions& options);

}  // namespace owl3
