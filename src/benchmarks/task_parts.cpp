#include "benchmarks/task_parts.h"

#include "benchmarks/python_text.h"
#include "benchmarks/python_values.h"
#include "core/error.h"
#include "text/utf8.h"

namespace owl3 {

using nlohmann::ordered_json;

std::vector<std::string> BenchmarkPrompt::expanded() const {
  std::string frames;
  for (int64_t i = 0; !clips.empty() && i < clips.front().num_frames; ++i) frames += kImage;
  std::vector<std::string> contents;
  for (const Message& message : messages) {
    contents.push_back(clips.empty() ? message.content
                                     : python::replace_all(message.content, kVideo, frames));
  }
  return contents;
}

std::optional<std::string> BenchmarkTask::stills_folder(const ordered_json& /*row*/,
                                                        const RowPlace& /*place*/) const {
  return std::nullopt;
}

Submission BenchmarkTask::submission(const std::vector<ordered_json>& /*records*/,
                                     const BenchmarkTruth& /*truth*/) const {
  throw InputError("this benchmark is scored here: it has no submission file");
}

std::vector<BenchmarkPrompt::Message> plain_messages(std::string content) {
  return {{"user", std::move(content)}, {"assistant", ""}};
}

std::vector<BenchmarkPrompt::Message> system_messages(std::string content) {
  return {{"system", ""}, {"user", std::move(content)}, {"assistant", "None"}};
}

std::string letter(int64_t index) {
  const int64_t code = 'A' + index;
  if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
    throw InputError(fmt::format("there is no letter for option {}", index));
  }
  std::string text;
  append_utf8(text, static_cast<char32_t>(code));
  return text;
}

std::string lettered_options(const ordered_json& options, size_t most) {
  if (!options.is_array()) throw InputError("the options of the row are no list");
  if (options.size() > most) {
    throw InputError(fmt::format("the row has {} options, more than the {} that have a letter",
                                 options.size(), most));
  }
  std::vector<std::string> lines;
  for (const ordered_json& option : options) {
    lines.push_back(letter(std::ssize(lines)) + ". " + python::text_of(option));
  }
  return python::join(lines, "\n");
}

std::string one_of_five(const ordered_json& index) {
  const int64_t given = python::integer_of(index, "the right answer's place");
  const int64_t place = given < 0 ? given + std::ssize(std::string_view("ABCDE")) : given;
  if (place < 0 || place >= static_cast<int64_t>(kFiveLetters)) {
    throw InputError(
        fmt::format("the right answer is option {}, but there are five letters", given));
  }
  return letter(place);
}

TaskSettings with_frames(TaskSettings settings, int64_t num_frames) {
  constexpr int64_t kMost = 100000;
  settings.num_frames = settings.num_frames.value_or(num_frames);
  if (*settings.num_frames < 1 || *settings.num_frames > kMost) {
    throw InputError(
        fmt::format("the frames of a clip must be 1 to {}, not {}", kMost, *settings.num_frames));
  }
  return settings;
}

double share_of(const std::vector<std::optional<double>>& scores) {
  double total = 0, count = 0;
  for (const auto& score : scores) {
    if (!score) continue;
    total += *score;
    ++count;
  }
  return python::divide(total, count);
}

}  // namespace owl3
