#include "text/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/error.h"

namespace owl3 {
namespace {

constexpr size_t kMaxExpressionBytes = 64 << 10;
constexpr size_t kJitStackBytes = 8 << 20;
constexpr uint32_t kHeapLimitKib = 256 << 10;
// PCRE2's own limit of ten million steps is too low for a run of that many spaces, over which a
// legitimate pattern goes back once; this one ends a runaway expression in seconds.
constexpr uint32_t kMatchLimit = 200'000'000;

std::string message_of(int error) {
  PCRE2_UCHAR message[256];
  pcre2_get_error_message(error, message, sizeof message);
  return reinterpret_cast<const char*>(message);
}

}  // namespace

void PcreDeleter::operator()(pcre2_code* code) const {
  pcre2_code_free(code);
}
void PcreDeleter::operator()(pcre2_match_data* data) const {
  pcre2_match_data_free(data);
}
void PcreDeleter::operator()(pcre2_match_context* context) const {
  pcre2_match_context_free(context);
}
void PcreDeleter::operator()(pcre2_jit_stack* stack) const {
  pcre2_jit_stack_free(stack);
}

Pattern::Pattern(std::string_view expression, bool literal) {
  if (expression.empty()) throw InputError("the pattern is empty");
  if (expression.size() > kMaxExpressionBytes) {
    throw InputError(fmt::format("the pattern has {} bytes, more than the {} owl3 takes",
                                 expression.size(), kMaxExpressionBytes));
  }
  // \C could cut a character in two.
  const uint32_t options =
      literal ? PCRE2_UTF | PCRE2_LITERAL : PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
  int error = 0;
  size_t offset = 0;
  code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                            options, &error, &offset, nullptr));
  if (!code_) {
    throw InputError(
        fmt::format("the pattern is wrong at character {}: {}", offset, message_of(error)));
  }
  // Where code may not be generated at run time, matching is interpreted: slower, the same result.
  pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);
}

PatternMatcher::PatternMatcher()
    : stack_(allocated(pcre2_jit_stack_create(32 << 10, kJitStackBytes, nullptr))),
      context_(allocated(pcre2_match_context_create(nullptr))),
      data_(allocated(pcre2_match_data_create(1, nullptr))) {
  pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
  pcre2_set_match_limit(context_.get(), kMatchLimit);
  pcre2_set_heap_limit(context_.get(), kHeapLimitKib);
}

bool PatternMatcher::find(const Pattern& pattern, std::string_view text, size_t start,
                          Match& match) {
  const auto run = [&](uint32_t options) {
    return pcre2_match(pattern.code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                       start, options | PCRE2_NO_UTF_CHECK, data_.get(), context_.get());
  };
  int result = run(0);
  if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = run(PCRE2_NO_JIT);
  if (result == PCRE2_ERROR_NOMATCH) return false;
  if (result < 0) {
    throw InputError(
        fmt::format("the tokenizer's pattern fails on this text: {}", message_of(result)));
  }
  const size_t* bounds = pcre2_get_ovector_pointer(data_.get());
  match = {bounds[0], bounds[1]};
  if (match.begin < start || match.end < match.begin) {
    throw InputError("the tokenizer's pattern matches backwards; \\K must not be used so");
  }
  return true;
}

}  // namespace owl3
