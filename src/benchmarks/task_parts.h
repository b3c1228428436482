// What the tasks' prompts have in common.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/task.h"

namespace owl3 {

// The apostrophe is U+2019.
inline constexpr std::string_view kAnswerByLetter =
    "Answer with the option’s letter from the given choices directly.";

inline constexpr std::string_view kImage = "<|image|>";
inline constexpr std::string_view kVideo = "<|video|>";

/// The user's message before an assistant's that is empty, as most tasks have them.
std::vector<BenchmarkPrompt::Message> plain_messages(std::string content);
/// An empty system message in front, and "None" by the assistant.
std::vector<BenchmarkPrompt::Message> system_messages(std::string content);

/// "A" for 0; "@" for -1. Throws InputError where that is no character.
std::string letter(int64_t index);

/// "A. ..." in lines. Throws InputError above `most` options.
std::string lettered_options(const nlohmann::ordered_json& options, size_t most);
inline constexpr size_t kAnyNumber = 10000;
inline constexpr size_t kFiveLetters = 5;

/// The letter that a row gives by its index, counted from the end where negative: A to E.
std::string one_of_five(const nlohmann::ordered_json& index);

/// The settings, with a number of frames for each clip where none is set. Throws InputError unless
/// it is 1 to 100000.
TaskSettings with_frames(TaskSettings settings, int64_t num_frames);

/// The share of `scores` that are right; NaN of none.
double share_of(const std::vector<std::optional<double>>& scores);

}  // namespace owl3
