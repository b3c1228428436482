// Heads that find what was said before and copy it, to begin with.
#pragma once

#include <cstdint>

#include "train/model.h"

namespace owl3::train {

/// How much larger embeddings become, in their own deviations.
inline constexpr double kEmbeddingSize = 3;

/// Gives the first two layers of a new model the circuit that trained language models have for
/// continuing a text as it went on before (Olsson et al., In-context Learning and Induction Heads,
/// 2022), and a head that attends to the same token elsewhere:
///
///   layer 1, last head        attends to the token before and tells the present one its identity
///   layer 2, last head        attends to tokens that were told the present one's identity, and
///                             adds what they are to the stream, from which they are predicted
///   layer 2, last but one     attends to the same token elsewhere, and adds what it knows
///
/// Learnt from nothing, these come late. Everything stays trainable, so they can also be unlearnt.
/// `sharpness` scales queries and keys; at 2.5 a match outweighs hundreds of other tokens.
/// `deviation` is the embeddings' own. They become larger, and keep half a head's directions free
/// for what is told.
///
/// Throws InputError where the model has one layer, less than three heads, or heads that share
/// their keys.
void start_copying(Owl3ModuleImpl& module, double sharpness, double deviation, uint64_t seed);

}  // namespace owl3::train
