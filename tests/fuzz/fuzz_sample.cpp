// Fuzzes the rows of training files. InputError is the only way out; a sample that comes through
// has as many media as marks, and something to learn.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "data/sample.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  for (const bool newline : {false, true}) {
    try {
      const owl3::Sample sample = owl3::parse_sample(line, "fuzz", {newline, {}});
      size_t marks = 0;
      for (const owl3::Message& message : sample.messages) {
        marks += owl3::count_media_marks(message.content);
      }
      const auto& learnt = sample.learnt;
      if (marks != sample.media.size() || learnt.size() != sample.messages.size() ||
          std::find(learnt.begin(), learnt.end(), true) == learnt.end()) {
        __builtin_trap();
      }
    } catch (const owl3::InputError&) {
      // Refused, as most inputs are.
    }
  }
  return 0;
}
