#include "eval/option_reply.h"

#include "core/error.h"

namespace owl3 {

std::string reply_with_option(const Ask& ask, size_t option) {
  OWL3_CHECK(ask.right && option < ask.options.size());
  if (ask.lettered) return std::string(1, static_cast<char>('A' + option));
  const std::string& right = ask.options[*ask.right];
  std::string sentence = ask.sentence;
  // The last place: "The ground behind the orange is orange."
  const size_t at = sentence.rfind(right);
  if (at == sentence.npos) return ask.options[option];
  return sentence.replace(at, right.size(), ask.options[option]);
}

}  // namespace owl3
