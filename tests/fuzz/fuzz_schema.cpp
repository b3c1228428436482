// Fuzzes the compiler of schemas, and walks an answer of least bytes through what it accepts: no
// walk ends where nothing may follow. InputError is the only way out.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "constraint/answer_form.h"
#include "core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  owl3::AnswerForm form;
  form.schema = std::string(reinterpret_cast<const char*>(data), size);
  if (size == 0) return 0;
  try {
    owl3::AnswerGrammar grammar(form);
    owl3::WalkState state = grammar.begin();
    constexpr int kMostBytes = 200;
    for (int i = 0; i < kMostBytes && !grammar.walk().complete(state); ++i) {
      const std::string bytes = grammar.walk().next_bytes(state, 4);
      if (bytes.empty()) __builtin_trap();
      const auto choice = static_cast<size_t>(data[static_cast<size_t>(i) % size]) % bytes.size();
      state = grammar.walk().next(state, static_cast<unsigned char>(bytes[choice]));
    }
  } catch (const owl3::InputError&) {
    // Refused, as most inputs are.
  }
  return 0;
}
