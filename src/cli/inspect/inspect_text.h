// The text parts of `owl3 inspect`, apart from the command line: JSON lines in, JSON lines out.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include "text/prompt.h"

namespace owl3::cli {

/// For every line {"text": ...} of `cases` one line {"ids": [...], "decoded": "..."}. Throws
/// InputError with `name` and the line's number when one is wrong; blank lines are passed over.
void tokenize_cases(const Tokenizer& tokenizer, std::istream& cases, const std::string& name,
                    std::ostream& out);

/// For every conversation {"messages": [{"role", "content"}...], "media": [{"type": "image",
/// "grid": [rows, cols] or null} or {"type": "video", "frames": n}...]} one line {"ids",
/// "media_positions", "pieces"}. Without `variant` each line has one of its own.
void prompt_cases(const Tokenizer& tokenizer, std::optional<Variant> variant, std::istream& cases,
                  const std::string& name, std::ostream& out);

}  // namespace owl3::cli
