// Reads regular expressions of ECMA-262 to a tree.
#include <algorithm>
#include <optional>

#include "constraint/regex.h"
#include "constraint/regex_tree.h"
#include "constraint/unicode_classes.h"
#include "text/utf8.h"

namespace owl3 {

namespace {

constexpr size_t kMaxPattern = 20'000;  // bytes
constexpr int kMaxNesting = 100;

std::string shortened(std::string_view text, size_t most) {
  size_t end = std::min(text.size(), most);
  while (end > 0 && end < text.size() && (text[end] & 0xC0) == 0x80) --end;  // inside a character
  return with_replacements(std::string(text.substr(0, end))) + (end < text.size() ? "..." : "");
}

class RegexReader {
 public:
  explicit RegexReader(std::string_view pattern) : pattern_(pattern) {
    if (pattern.size() > kMaxPattern) fail("it is longer than 20,000 bytes");
    while (!pattern.empty()) {
      const Utf8Character next = first_character(pattern);
      if (next.state != Utf8State::kValid) fail("it is not UTF-8");
      text_.push_back(next.code_point);
      pattern.remove_prefix(next.length);
    }
  }

  RegexTree read() {
    RegexTree tree = choice();
    if (at_ < text_.size()) fail("a ) closes nothing");
    return tree;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const { refuse_pattern(pattern_, what); }
  bool ended() const { return at_ == text_.size(); }
  char32_t peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : U'\0';
  }
  bool take(char32_t character) {
    if (ended() || text_[at_] != character) return false;
    ++at_;
    return true;
  }
  bool take(std::u32string_view word) {
    if (std::u32string_view(text_).substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  char32_t next() {
    if (ended()) fail("it ends too early");
    return text_[at_++];
  }

  RegexTree choice() {
    if (++depth_ > kMaxNesting) fail("its groups are nested more than 100 deep");
    RegexTree tree{RegexTree::Kind::kChoice};
    do tree.parts.push_back(sequence());
    while (take(U'|'));
    --depth_;
    return tree.parts.size() == 1 ? std::move(tree.parts.front()) : tree;
  }

  RegexTree sequence() {
    RegexTree tree{RegexTree::Kind::kSequence};
    while (!ended() && peek() != U'|' && peek() != U')') tree.parts.push_back(quantified());
    return tree;
  }

  RegexTree quantified() {
    RegexTree tree = atom();
    uint32_t min = 0;
    uint32_t max = kUnlimited;
    if (take(U'*')) {
      min = 0;
    } else if (take(U'+')) {
      min = 1;
    } else if (take(U'?')) {
      max = 1;
    } else if (peek() == U'{') {
      if (!braces(min, max)) return tree;
    } else {
      return tree;
    }
    take(U'?');  // whether it is lazy doesn't matter for what matches
    if (peek() == U'*' || peek() == U'+' || peek() == U'?' || at_braces()) {
      fail("nothing to repeat");
    }
    RegexTree repeated{RegexTree::Kind::kRepeat, {}, {}, min, max};
    repeated.parts.push_back(std::move(tree));
    return repeated;
  }

  std::optional<uint32_t> count() {
    if (peek() < U'0' || peek() > U'9') return std::nullopt;
    uint64_t value = 0;
    while (peek() >= U'0' && peek() <= U'9') {
      value = std::min<uint64_t>(value * 10 + (next() - U'0'), 1'000'000);
    }
    return static_cast<uint32_t>(value);
  }

  /// {n}, {n,} or {n,m}; anything else is text, as everywhere but under the u flag.
  bool braces(uint32_t& min, uint32_t& max) {
    const size_t begin = at_;
    take(U'{');
    const std::optional<uint32_t> first = count();
    if (!first) return give_back(begin);
    min = *first;
    max = min;
    if (take(U',')) {
      const std::optional<uint32_t> second = count();
      max = second ? *second : kUnlimited;
    }
    if (!take(U'}')) return give_back(begin);
    if (min > max) fail("a repetition's limits are in the wrong order");
    return true;
  }
  bool give_back(size_t begin) {
    at_ = begin;
    return false;
  }
  bool at_braces() {
    uint32_t min = 0;
    uint32_t max = 0;
    return peek() == U'{' && braces(min, max);
  }

  RegexTree atom() {
    if (at_braces()) fail("nothing to repeat");
    if (std::optional<CharSet> pairs = surrogate_pairs()) return {RegexTree::Kind::kSet, *pairs};
    const char32_t character = next();
    switch (character) {
      case U'^':
        return {RegexTree::Kind::kStart};
      case U'$':
        return {RegexTree::Kind::kEnd};
      case U'(':
        return group();
      case U'[':
        return {RegexTree::Kind::kSet, bracket()};
      case U'.':
        return {RegexTree::Kind::kSet,
                complement(make_char_set({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}))};
      case U'\\':
        return escape();
      case U'*':
      case U'+':
      case U'?':
        fail("nothing to repeat");
      default:
        return {RegexTree::Kind::kSet, make_char_set({{character, character}})};
    }
  }

  RegexTree group() {
    RegexTree look{RegexTree::Kind::kLookahead};
    bool is_look = false;
    if (take(U"?=")) {
      is_look = true;
    } else if (take(U"?!")) {
      is_look = look.negative = true;
    } else if (peek() == U'?' && peek(1) == U'<' && (peek(2) == U'=' || peek(2) == U'!')) {
      fail("lookbehind is not supported");
    } else if (take(U"?<") || take(U"?P<")) {
      while (next() != U'>') {
      }
    } else if (!take(U"?:") && peek() == U'?') {
      fail("a group begins with (? and something not supported");
    }
    RegexTree inside = choice();
    if (!take(U')')) fail("a ( is not closed");
    if (!is_look) return inside;
    look.parts.push_back(std::move(inside));
    return look;
  }

  RegexTree escape() {
    if (peek() == U'b' || peek() == U'B') fail("word boundaries (\\b) are not supported");
    if (peek() >= U'1' && peek() <= U'9') fail("backreferences are not supported");
    if (peek() == U'k') fail("backreferences are not supported");
    if (take(U'A')) return {RegexTree::Kind::kStart};
    if (take(U'Z') || take(U'z')) return {RegexTree::Kind::kEnd};
    return {RegexTree::Kind::kSet, escaped_set()};
  }

  /// What stands behind a backslash, inside brackets or outside.
  CharSet escaped_set() {
    const char32_t character = next();
    const auto one = [](char32_t c) { return make_char_set({{c, c}}); };
    switch (character) {
      case U'd':
        return digits();
      case U'D':
        return complement(digits());
      case U'w':
        return word_characters();
      case U'W':
        return complement(word_characters());
      case U's':
        return white_space();
      case U'S':
        return complement(white_space());
      case U'p':
      case U'P': {
        if (!take(U'{')) fail("\\p needs a property in braces");
        std::string name;
        for (char32_t c = next(); c != U'}'; c = next()) append_utf8(name, c);
        std::optional<CharSet> set = characters_of_category(name);
        if (!set) {
          fail("the property \\p{" + shortened(name, 40) + "} is not supported (categories are)");
        }
        return character == U'p' ? *set : complement(*set);
      }
      case U't':
        return one(U'\t');
      case U'n':
        return one(U'\n');
      case U'v':
        return one(U'\v');
      case U'f':
        return one(U'\f');
      case U'r':
        return one(U'\r');
      case U'0':
        return one(U'\0');
      case U'c':
        return one(next() % 32);
      case U'x':
        return one(hex(2));
      case U'u':
        return one(unicode_escape());
      default:
        return one(character);
    }
  }

  char32_t hex(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) value = value * 16 + hex_digit();
    return value;
  }
  char32_t hex_digit() {
    const char32_t c = next();
    if (c >= U'0' && c <= U'9') return c - U'0';
    if (c >= U'a' && c <= U'f') return c - U'a' + 10;
    if (c >= U'A' && c <= U'F') return c - U'A' + 10;
    fail("a hexadecimal escape has other characters");
  }
  char32_t unicode_escape() {
    if (take(U'{')) {
      char32_t value = 0;
      while (!take(U'}')) {
        value = value * 16 + hex_digit();
        if (value > kLastCharacter) fail("an escaped character does not exist");
      }
      return value;
    }
    const char32_t high = hex(4);
    const size_t behind = at_;
    if (high >= kFirstSurrogate && high < kFirstLow && take(U"\\u") && peek() != U'{') {
      const char32_t low = hex(4);
      if (low >= kFirstLow && low <= kLastSurrogate) return pair_of(high, low);
    }
    at_ = behind;
    return high;
  }

  // Surrogates: alone they are in no text, and only ranges are made of them. A high one or a class
  // of such before a low one or a class of such stands for the characters that UTF-16 has so.
  static constexpr char32_t kFirstLow = 0xDC00;
  static char32_t pair_of(char32_t high, char32_t low) {
    return 0x10000 + ((high - kFirstSurrogate) << 10) + (low - kFirstLow);
  }

  std::optional<CharSet> surrogate_pairs() {
    const size_t begin = at_;
    const std::vector<CharRange> high = surrogates(kFirstSurrogate, kFirstLow - 1);
    const std::vector<CharRange> low = high.empty() ? high : surrogates(kFirstLow, kLastSurrogate);
    if (low.empty()) {
      at_ = begin;
      return std::nullopt;
    }
    std::vector<bool> is_high(kFirstLow - kFirstSurrogate);
    for (const CharRange& range : high) {
      for (char32_t c = range.first; c <= range.last; ++c) is_high[c - kFirstSurrogate] = true;
    }
    std::vector<CharRange> pairs;
    for (char32_t c = 0; c < is_high.size(); ++c) {
      if (!is_high[c]) continue;
      for (const CharRange& range : low) {
        pairs.push_back(
            {pair_of(kFirstSurrogate + c, range.first), pair_of(kFirstSurrogate + c, range.last)});
      }
    }
    return make_char_set(std::move(pairs));
  }

  /// One, or a class of nothing else; empty where something else comes.
  std::vector<CharRange> surrogates(char32_t first, char32_t last) {
    std::vector<CharRange> ranges;
    if (peek() == U'\\' && peek(1) == U'u' && peek(2) != U'{') {
      at_ += 2;
      const char32_t one = hex(4);
      ranges.push_back({one, one});
    } else if (peek() == U'[' && peek(1) != U'^') {
      ++at_;
      ranges = united(bracket_ranges(), {});
    }
    const bool others = std::any_of(ranges.begin(), ranges.end(), [&](const CharRange& range) {
      return range.first < first || range.last > last;
    });
    return others ? std::vector<CharRange>{} : ranges;
  }

  CharSet bracket() {
    const bool negative = take(U'^');
    const CharSet set = make_char_set(bracket_ranges());
    return negative ? complement(set) : set;
  }

  /// Up to the closing bracket, surrogates included.
  std::vector<CharRange> bracket_ranges() {
    const auto is_one = [](const CharSet& member) {
      return member.size() == 1 && member.front().first == member.front().last;
    };
    std::vector<CharRange> ranges;
    while (!take(U']')) {
      const CharSet first = bracket_member();
      if (is_one(first) && peek() == U'-' && peek(1) != U']' && peek(1) != U'\0') {
        const size_t before = at_++;
        const CharSet last = bracket_member();
        if (is_one(last)) {
          if (first.front().first > last.front().first) fail("a range is in the wrong order");
          ranges.push_back({first.front().first, last.front().first});
          continue;
        }
        at_ = before;
      }
      ranges.insert(ranges.end(), first.begin(), first.end());
    }
    return ranges;
  }

  /// One character, which may be a surrogate, or a set.
  std::vector<CharRange> bracket_member() {
    const char32_t character = next();
    if (character != U'\\') return {{character, character}};
    if (take(U'b')) return {{'\b', '\b'}};
    if (take(U'u')) {
      const char32_t one = unicode_escape();
      return {{one, one}};
    }
    return escaped_set();
  }

  static CharSet digits() { return make_char_set({{'0', '9'}}); }
  static CharSet word_characters() {
    return make_char_set({{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {'_', '_'}});
  }
  static CharSet white_space() {
    return make_char_set({{'\t', '\r'},
                          {' ', ' '},
                          {0xA0, 0xA0},
                          {0x1680, 0x1680},
                          {0x2000, 0x200A},
                          {0x2028, 0x2029},
                          {0x202F, 0x202F},
                          {0x205F, 0x205F},
                          {0x3000, 0x3000},
                          {0xFEFF, 0xFEFF}});
  }

  std::string_view pattern_;
  std::u32string text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

RegexTree read_regex_tree(std::string_view pattern) {
  return RegexReader(pattern).read();
}

void refuse_pattern(std::string_view pattern, std::string_view what) {
  throw InputError(fmt::format("the pattern \"{}\": {}", shortened(pattern, 80), what));
}

}  // namespace owl3
