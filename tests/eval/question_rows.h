// Questions for tests, as lines of JSONL.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

namespace owl3 {

/// A question about one image: which of four colours it has.
inline std::string single_row(const std::string& image, const std::string& colour,
                              const std::string& text = "<image>\\nWhich colour is it?") {
  return fmt::format(R"({{"messages": [{{"role": "user", "content": "{}"}}], "images": ["{}"], )"
                     R"("options": ["red", "green", "blue", "pink"], "answer": "{}"}})"
                     "\n",
                     text, image, colour);
}

/// A complete question among others, its options rotated `shift` times, as make-data writes it.
inline std::string complete_row(int group, int shift, const std::vector<std::string>& images,
                                const std::string& by = "content") {
  std::vector<std::string> options = {"red", "green", "blue", "pink"};
  std::rotate(options.begin(), options.begin() + shift, options.end());
  std::string marks;
  for (size_t i = 0; i < images.size(); ++i) marks += fmt::format("<image>{}", i + 1);
  return fmt::format(
      R"({{"messages": [{{"role": "user", "content": "{}\nWhich colour?"}}, )"
      R"({{"role": "assistant", "content": "The ground is green."}}], "images": ["{}"], )"
      R"("answers": ["green"], "distractors": {}, "by": "{}", "options": ["{}"], "group": {}}})"
      "\n",
      marks, fmt::join(images, "\", \""), images.size() - 1, by, fmt::join(options, "\", \""),
      group);
}

}  // namespace owl3
