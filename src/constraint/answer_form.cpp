#include "constraint/answer_form.h"

#include "constraint/schema_reader.h"
#include "core/zero_byte.h"

namespace owl3 {

namespace {

constexpr size_t kMaxSchemaBytes = size_t{4} << 20;
constexpr int kMaxNesting = 250;
constexpr size_t kMaxShown = 300;  // bytes

/// Before anything is parsed: how deep brackets go.
int nesting_of(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (!quoted && (text[i] == '[' || text[i] == '{'))
      deepest = std::max(deepest, ++depth);
    else if (!quoted && (text[i] == ']' || text[i] == '}'))
      --depth;
  }
  return deepest;
}

}  // namespace

nlohmann::ordered_json parse_schema(std::string_view text) {
  if (text.size() > kMaxSchemaBytes) throw InputError("the schema is larger than 4 MB");
  if (nesting_of(text) > kMaxNesting) throw InputError("the schema is nested more than 250 deep");
  if (const size_t zero = find_zero_byte(text); zero != text.npos) {
    throw InputError(fmt::format("the schema is no JSON: byte {} is zero", zero + 1));
  }
  try {
    return nlohmann::ordered_json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    std::string what = error.what();
    const size_t end = what.find("] ");  // its own number
    if (end != std::string::npos) what.erase(0, end + 2);
    const size_t read = what.find("; last read: ");  // all of a long text
    if (read != std::string::npos && what.size() > kMaxShown) what.erase(read);
    throw InputError("the schema is no JSON: " + what);
  }
}

AnswerGrammar::AnswerGrammar(const AnswerForm& form, IntegerTexts integers) {
  const int told = (form.schema.empty() ? 0 : 1) + (form.choices.empty() ? 0 : 1) +
                   (form.regex.empty() ? 0 : 1) + (form.json ? 1 : 0);
  if (told != 1) {
    throw UsageError(
        "an answer's form is one of a schema, choices, a regular expression, or any JSON");
  }
  Formulas& formulas = grammar_.formulas();
  formulas.write_integers(integers);
  RegexTerms& terms = grammar_.terms();
  if (!form.choices.empty() || !form.regex.empty()) {
    std::vector<RegexId> ways;
    for (const std::string& choice : form.choices) {
      if (choice.empty()) throw UsageError("a choice is empty; leave it out");
      ways.push_back(terms.literal(choice));
    }
    if (!form.regex.empty()) ways.push_back(read_regex(terms, form.regex, true));
    text_ = std::make_unique<TextAutomaton>(terms, terms.either(std::move(ways)), budget_);
    if (text_->empty()) throw InputError("no text matches the regular expression");
    begin_ = walk_.begin_text(*text_);
    return;
  }
  FormulaId formula = formulas.kinds(bit_of(ValueKind::kArray) | bit_of(ValueKind::kObject));
  if (!form.json) {
    const nlohmann::ordered_json document = parse_schema(form.schema);
    formula = read_schema(formulas, terms, document);
  }
  if (!grammar_.inhabited(formula)) {
    if (integers == IntegerTexts::kDigits) {
      const AnswerGrammar in_any_text(form);  // throws the same where that isn't why
      throw NoAnswer("the schema allows no answer: owl3 writes integers in up to 32 digits");
    }
    throw NoAnswer("the schema allows no answer: what it asks for contradicts itself");
  }
  grammar_.explore(formula);
  begin_ = walk_.begin_json(formula);
}

void AnswerGrammar::refill() {
  budget_.refill(kWork);
}

bool AnswerGrammar::accepts(std::string_view text) {
  refill();
  WalkState state = begin_;
  for (const char byte : text) {
    state = walk_.next(state, static_cast<unsigned char>(byte));
    if (state.empty()) return false;
  }
  return walk_.complete(state);
}

}  // namespace owl3
