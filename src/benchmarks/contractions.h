// The apostrophes that the scorers of visual question answering put back into words.
#pragma once

#include <string>
#include <string_view>

namespace owl3 {

/// A contraction that lacks one of its apostrophes, with it: "dont" is "don't", "couldnt've" is
/// "couldn't've"; any other word as it is. One has it the other way round in the results that are
/// compared with: "somebody'd" loses its apostrophe.
std::string restore_apostrophe(std::string_view word);

}  // namespace owl3
