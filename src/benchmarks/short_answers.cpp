#include "benchmarks/short_answers.h"

#include "benchmarks/python_text.h"

namespace owl3 {

namespace {

std::string_view first_clause(std::string_view text) {
  return python::before(python::before(text, "."), ",");
}

/// What follows the first `mark` up to the next, or the text where there is none.
std::string_view after(std::string_view text, std::string_view mark) {
  const size_t at = text.find(mark);
  return at == std::string_view::npos ? text : python::before(text.substr(at + mark.size()), mark);
}

std::optional<std::string> first_of(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return std::string(python::first_characters(text, 1));
}

}  // namespace

std::string vizwiz_answer(std::string_view reply) {
  return std::string(python::strip(first_clause(reply)));
}

std::string pope_answer(std::string_view reply) {
  return std::string(first_clause(python::strip(reply)));
}

YesOrNo yes_or_no(std::string_view answer) {
  const std::string word = python::lower(python::strip(answer));
  return word == "yes" ? YesOrNo::kYes : word == "no" ? YesOrNo::kNo : YesOrNo::kNeither;
}

std::string gqa_answer(std::string_view reply) {
  const std::string small = python::lower(python::before(first_clause(python::strip(reply)), "!"));
  std::string_view text = small;
  for (const char* mark : {"is ", "are ", "a ", "an ", "the "}) text = after(text, mark);
  return std::string(python::strip(python::before(text, " of")));
}

std::string nlvr2_answer(std::string_view reply) {
  const std::string small = python::lower(first_clause(reply));
  return std::string(python::strip(small));
}

std::optional<std::string> ai2d_answer(std::string_view reply) {
  return first_of(reply);
}

std::optional<std::string> mi_bench_answer(std::string_view reply) {
  return first_of(python::lower(reply));
}

std::optional<std::string> next_qa_answer(std::string_view reply, Compatibility mode) {
  if (reply.empty()) return "x";
  if (mode == Compatibility::kIntended) reply = python::strip(reply);
  const std::string_view first = python::strip(python::first_characters(reply, 1));
  return first_of(python::lower(first));
}

}  // namespace owl3
