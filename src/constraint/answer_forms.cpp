#include "constraint/answer_forms.h"

#include <algorithm>

namespace owl3 {

namespace {

constexpr size_t kMostForms = 8;  // that are kept: with all their masks 28 MB each

/// Equal for equal forms alone.
std::string key_of(const AnswerForm& form) {
  std::string key = form.json ? "json" : "";
  const auto add = [&](const std::string& text) {
    key += fmt::format("|{}:{}", text.size(), text);
  };
  add(form.schema);
  add(form.regex);
  for (const std::string& choice : form.choices) add(choice);
  return key;
}

}  // namespace

std::shared_ptr<AnswerConstraint> AnswerForms::get(const AnswerForm& form) {
  const std::string key = key_of(form);
  std::shared_ptr<const TokenTrie> trie;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(known_.begin(), known_.end(),
                                    [&](const Known& known) { return known.key == key; });
    if (found != known_.end() && !found->constraint->overgrown()) {
      known_.splice(known_.begin(), known_, found);
      return known_.front().constraint;
    }
    if (found != known_.end()) known_.erase(found);
    if (trie_ == nullptr) trie_ = std::make_shared<const TokenTrie>(tokenizer_);
    trie = trie_;
  }
  auto made = std::make_shared<AnswerConstraint>(form, tokenizer_, std::move(trie));
  const std::lock_guard lock(mutex_);
  known_.push_front({key, made});
  if (known_.size() > kMostForms) known_.pop_back();
  return made;
}

}  // namespace owl3
