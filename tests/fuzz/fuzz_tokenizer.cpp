// Fuzzes the reader of tokenizer.json, then what it made of it. InputError is the only way out.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > (64 << 10)) return 0;
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  try {
    const owl3::Tokenizer tokenizer = owl3::Tokenizer::from_json(json, "fuzz");
    const auto ids = tokenizer.encode(
        "The owl's 3 eggs,\n\n  caf\xC3\xA9 cafe\xCC\x81 \xE4\xB8\x96\xE7\x95\x8C <x> "
        "abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc");
    tokenizer.decode(ids);
    for (const int32_t id : ids) tokenizer.is_special(id);
  } catch (const owl3::InputError&) {
    // Refused, as most inputs are.
  }
  return 0;
}
