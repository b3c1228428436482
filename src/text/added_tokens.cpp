#include "text/added_tokens.h"

#include <utf8proc.h>

#include <algorithm>

#include "core/error.h"
#include "text/utf8.h"

namespace owl3 {
namespace {

/// A letter, mark, digit or connector such as the underscore.
bool is_word_character(char32_t code_point) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code_point))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return false;
  }
}

/// The last character of valid, non-empty UTF-8.
Utf8Character last_character(std::string_view text) {
  size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<uint8_t>(text[begin]) & 0xC0) == 0x80) --begin;
  return first_character(text.substr(begin));
}

bool stands_alone(std::string_view text, size_t begin, size_t end) {
  return (begin == 0 || !is_word_character(last_character(text.substr(0, begin)).code_point)) &&
         (end == text.size() || !is_word_character(first_character(text.substr(end)).code_point));
}

/// Where the white space that ends at `end` begins, not before `floor`.
size_t white_space_before(std::string_view text, size_t end, size_t floor) {
  while (end > floor) {
    const Utf8Character last = last_character(text.substr(floor, end - floor));
    if (!is_white_space(last.code_point)) break;
    end -= last.length;
  }
  return end;
}

size_t white_space_after(std::string_view text, size_t begin) {
  while (begin < text.size()) {
    const Utf8Character next = first_character(text.substr(begin));
    if (!is_white_space(next.code_point)) break;
    begin += next.length;
  }
  return begin;
}

bool reaches_into(std::span<const TextRange> ranges, size_t begin, size_t end) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const TextRange& range) {
    return range.begin < end && begin < range.end;
  });
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens)
    : tokens_(std::move(tokens)), token_at_{-1} {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    OWL3_CHECK(!tokens_[i].content.empty());
    begins_[static_cast<uint8_t>(tokens_[i].content[0])] = true;
    uint32_t node = 0;
    for (const char byte : tokens_[i].content) {
      const auto [child, is_new] =
          children_.try_emplace(uint64_t{node} << 8 | static_cast<uint8_t>(byte),
                                static_cast<uint32_t>(token_at_.size()));
      if (is_new) token_at_.push_back(-1);
      node = child->second;
    }
    token_at_[node] = static_cast<int32_t>(i);
  }
}

const AddedToken* AddedTokenMatcher::longest_at(std::string_view text, size_t begin,
                                                std::span<const TextRange> literal) const {
  const AddedToken* longest = nullptr;
  uint32_t node = 0;
  for (size_t i = begin; i < text.size(); ++i) {
    const auto child = children_.find(uint64_t{node} << 8 | static_cast<uint8_t>(text[i]));
    if (child == children_.end()) break;
    node = child->second;
    if (token_at_[node] < 0) continue;
    const AddedToken& token = tokens_[static_cast<size_t>(token_at_[node])];
    if (!token.is_control() || !reaches_into(literal, begin, i + 1)) longest = &token;
  }
  return longest;
}

std::vector<Segment> AddedTokenMatcher::split(std::string_view text,
                                              std::span<const TextRange> literal) const {
  std::vector<Segment> segments;
  size_t done = 0;
  const auto add_text_until = [&](size_t end) {
    if (end > done) segments.push_back({text.substr(done, end - done), -1});
    done = end;
  };
  for (size_t i = 0; i < text.size();) {
    if (!begins_[static_cast<uint8_t>(text[i])]) {
      ++i;
      continue;
    }
    const AddedToken* token = longest_at(text, i, literal);
    if (token == nullptr) {
      ++i;
      continue;
    }
    size_t begin = i;
    size_t end = i + token->content.size();
    i = end;
    if (token->single_word && !stands_alone(text, begin, end)) continue;
    if (token->lstrip) begin = white_space_before(text, begin, done);
    if (token->rstrip) i = end = white_space_after(text, end);
    add_text_until(begin);
    segments.push_back({text.substr(begin, end - begin), token->id});
    done = end;
  }
  add_text_until(text.size());
  return segments;
}

}  // namespace owl3
