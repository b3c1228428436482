// What servers tell of a model.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "owl3/model.h"

namespace owl3 {

struct ModelFacts {
  int64_t parameters = 0;
  int64_t weight_bytes = 0;
  int64_t layers = 0;
  int64_t hidden_size = 0;
  int64_t vocabulary = 0;
  bool number_images = false;  // "<image>1<image>2" before a question, instead of a line each
};

ModelFacts facts_of(const Model& model);

/// Of words; control tokens written out in them are none. Throws InputError where they are not
/// UTF-8.
std::vector<int32_t> tokens_of(const Model& model, std::string_view text);
/// Throws UsageError for a number that no token has.
std::string text_of_tokens(const Model& model, std::span<const int32_t> tokens);

}  // namespace owl3
