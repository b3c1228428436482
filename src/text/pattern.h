// A pre-tokenizer's pattern: a regular expression (PCRE2, compiled to machine code) that cuts text
// into pieces.
#pragma once

#include <memory>
#include <string>
#include <string_view>

// PCRE2's types are named by macros; these are the ones behind pcre2_code and its kin.
struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;
struct pcre2_real_jit_stack_8;

namespace owl3 {

struct PcreDeleter {
  void operator()(pcre2_real_code_8* code) const;
  void operator()(pcre2_real_match_data_8* data) const;
  void operator()(pcre2_real_match_context_8* context) const;
  void operator()(pcre2_real_jit_stack_8* stack) const;
};
template <typename T>
using PcreHandle = std::unique_ptr<T, PcreDeleter>;

/// Immutable; matched by any number of PatternMatchers at a time.
class Pattern {
 public:
  /// `expression` is a regular expression, or with `literal` the text itself. Throws InputError
  /// with what is wrong and where.
  Pattern(std::string_view expression, bool literal);

 private:
  friend class PatternMatcher;
  PcreHandle<pcre2_real_code_8> code_;
};

/// One thread's working memory for matching.
class PatternMatcher {
 public:
  PatternMatcher();

  struct Match {
    size_t begin = 0;
    size_t end = 0;
  };
  /// Finds the first match at or after `start` of `text` (valid UTF-8); false when there is none.
  /// Throws InputError when the expression needs too much time or memory.
  bool find(const Pattern& pattern, std::string_view text, size_t start, Match& match);

 private:
  PcreHandle<pcre2_real_jit_stack_8> stack_;
  PcreHandle<pcre2_real_match_context_8> context_;
  PcreHandle<pcre2_real_match_data_8> data_;
};

}  // namespace owl3
