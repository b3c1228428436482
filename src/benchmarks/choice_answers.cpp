#include "benchmarks/choice_answers.h"

#include <optional>

#include "benchmarks/python_text.h"
#include "core/error.h"

namespace owl3 {

namespace {

/// Whether the letter stands at the beginning of a word, before one of ".,:)" or at the very end.
bool names_letter(const std::vector<python::Character>& text, char letter, bool at_end) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i].code_point != static_cast<char32_t>(letter)) continue;
    if (i > 0 && python::is_word(text[i - 1].code_point)) continue;
    const bool last = i + 1 == text.size();
    if (last ? at_end
             : std::u32string_view(U".,:)").find(text[i + 1].code_point) !=
                   std::u32string_view::npos) {
      return true;
    }
  }
  return false;
}

/// First of the reply as it is, then as if a full stop ended it.
std::optional<std::string> named_letter(std::string_view reply) {
  const std::vector<python::Character> text = python::characters(reply);
  for (const bool at_end : {false, true}) {
    for (const char letter : {'E', 'D', 'C', 'B', 'A'}) {
      if (names_letter(text, letter, at_end)) return std::string(1, letter);
    }
  }
  return std::nullopt;
}

constexpr const char* kNoOption = "X";

/// What is taken out of a reply before its first letter is looked for: words that have such a
/// letter themselves. The official list lacks a comma, which joins two of them.
std::vector<std::string_view> misleading_words(Compatibility mode) {
  if (mode == Compatibility::kOfficial) return {"Best answer:Best option:", "Answer:"};
  return {"Best answer:", "Best option:", "Answer:"};
}

/// A text cut at its first blank.
struct FirstWord {
  std::string_view word, rest;

  explicit FirstWord(std::string_view text) : word(python::before(text, " ")) {
    if (word.size() < text.size()) rest = text.substr(word.size() + 1);
  }
};

}  // namespace

std::string q_bench2_answer(std::string_view reply) {
  return named_letter(reply).value_or(kNoOption);
}

std::string mmbench_answer(std::string_view reply, const std::vector<std::string>& options,
                           Compatibility mode) {
  if (auto letter = named_letter(reply)) return *letter;
  if (mode == Compatibility::kIntended && python::strip(reply).empty()) return kNoOption;
  const std::string small = python::lower(reply);
  constexpr std::string_view kLetters = "ABCDEFG";
  for (size_t i = 0; i < options.size(); ++i) {
    const std::string option = python::lower(options[i]);
    if (!python::contains(option, small) && !python::contains(small, option)) continue;
    if (i < kLetters.size()) return std::string(1, kLetters[i]);
    throw InputError(
        fmt::format("the reply names option {} of {}, but MMBench's rule has letters "
                    "for seven",
                    i + 1, options.size()));
  }
  return kNoOption;
}

std::string videomme_answer(std::string_view reply, Compatibility mode) {
  std::string text(python::strip(reply));
  for (const std::string_view words : misleading_words(mode)) {
    text = python::replace_all(text, words, "");
  }
  const size_t found = text.find_first_of("ABCD");
  return found == std::string::npos ? "A" : std::string(1, text[found]);
}

bool agrees_with_option(std::string_view reply, std::string_view reference, Compatibility mode) {
  const std::string option_text = python::lower(reference);
  const FirstWord option(option_text);
  if (option.rest.empty()) {
    throw InputError(fmt::format("the reference \"{}\" has no text after its letter", reference));
  }
  std::string_view content = option.rest;
  if (content.ends_with('.')) content.remove_suffix(1);

  const std::string small = python::lower(reply);
  const FirstWord said(small);
  // White space in front takes the place of the first word, but not of what the rest may say.
  const std::string_view word =
      mode == Compatibility::kOfficial ? said.word : FirstWord(python::strip(small)).word;
  const std::string without_periods = python::replace_all(word, ".", "");
  const std::string_view letter = python::strip(without_periods);
  const bool counts = mode == Compatibility::kOfficial || !letter.empty();
  if (counts && python::contains(option.word, letter)) return true;
  return python::contains(said.rest, python::strip(content));
}

}  // namespace owl3
