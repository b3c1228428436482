// How replies to LLaVA-Interleave's questions are scored: by the option, or by ROUGE-L.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "benchmarks/compatibility.h"

namespace owl3 {

/// A reply and its reference, as they are compared.
struct LlavaComparison {
  std::string prediction, reference;

  bool correct() const { return prediction == reference; }
};

/// Both normalised, twice where the options are texts and once where they are pictures; where the
/// reply has a colon, the last part of it that is one letter a to h counts. In every mode as the
/// official code does it: an option is no text of more than 32 full stops.
LlavaComparison compare_choice(std::string_view reply, std::string_view reference, int times);

struct LlavaRouge {
  std::string prediction, reference;  // normalised
  std::optional<double> score;        // none where the reference is empty: the row is left out
};

/// Of the first 512 characters of the normalised reply. Throws InputError where it has nothing but
/// full stops.
LlavaRouge compare_open(std::string_view reply, std::string_view reference, Compatibility mode);

}  // namespace owl3
