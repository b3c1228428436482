#include "formats/syllable_tokenizer.h"

#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "formats/tokenizer_writer.h"

namespace owl3 {

namespace {

/// The vocabulary under construction: words grow from pairs of existing ones.
class Vocabulary {
 public:
  explicit Vocabulary(int64_t limit) : limit_(static_cast<size_t>(limit)) {
    for (std::string& character : byte_characters()) add(std::move(character));
  }

  bool full() const { return words_.size() >= limit_; }
  size_t size() const { return words_.size(); }
  const std::string& word(size_t id) const { return words_[id]; }

  /// Adds left + right as a token with its merge, while there is room.
  void merge(const std::string& left, const std::string& right) {
    if (full()) return;
    merges_.push_back(left + " " + right);
    add(left + right);
  }

  const std::vector<std::string>& words() const { return words_; }
  const std::vector<std::string>& merges() const { return merges_; }

 private:
  void add(std::string word) { words_.push_back(std::move(word)); }

  size_t limit_;
  std::vector<std::string> words_;
  std::vector<std::string> merges_;
};

/// Syllables ("ba"), then words of two and three of them, each also with the space before it.
void add_syllables(Vocabulary& vocabulary) {
  const std::string space = "\u0120";  // what stands for byte 0x20
  const auto with_space = [&](size_t begin, size_t end) {
    for (size_t id = begin; id < end; ++id)
      vocabulary.merge(space, std::string(vocabulary.word(id)));
  };
  const size_t syllables = vocabulary.size();
  for (const char consonant : std::string_view("bcdfghjklmnpqrstvwxyz")) {
    for (const char vowel : std::string_view("aeiou")) {
      vocabulary.merge(std::string(1, consonant), std::string(1, vowel));
    }
  }
  const size_t syllables_end = vocabulary.size();
  with_space(syllables, syllables_end);

  size_t words = syllables;
  size_t words_end = syllables_end;
  while (!vocabulary.full()) {
    const size_t longer = vocabulary.size();
    for (size_t head = words; head < words_end && !vocabulary.full(); ++head) {
      for (size_t tail = syllables; tail < syllables_end; ++tail) {
        vocabulary.merge(std::string(vocabulary.word(head)), std::string(vocabulary.word(tail)));
      }
    }
    words = longer;
    words_end = vocabulary.size();
    with_space(words, words_end);
  }
}

}  // namespace

std::string make_syllable_tokenizer(int64_t text_tokens) {
  OWL3_CHECK(text_tokens >= 256);
  Vocabulary vocabulary(text_tokens);
  add_syllables(vocabulary);
  return write_tokenizer_json(vocabulary.words(), vocabulary.merges(), kQwen2Pattern);
}

}  // namespace owl3
