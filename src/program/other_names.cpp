#include "program/other_names.h"

#include <algorithm>
#include <array>
#include <utility>

namespace owl3 {

namespace {

using Names = std::pair<std::string_view, std::string_view>;  // elsewhere, here

constexpr std::array<Names, 12> kCommands = {{{"run", "chat"},
                                              {"ask", "chat"},
                                              {"ls", "list"},
                                              {"models", "list"},
                                              {"rm", "remove"},
                                              {"delete", "remove"},
                                              {"download", "pull"},
                                              {"fetch", "pull"},
                                              {"show", "info"},
                                              {"quantize", "convert"},
                                              {"finetune", "train"},
                                              {"completion", "completions"}}};

constexpr std::array<Names, 20> kOptions = {{{"--img", "--image"},
                                             {"--picture", "--image"},
                                             {"--photo", "--image"},
                                             {"--film", "--video"},
                                             {"--movie", "--video"},
                                             {"--question", "--prompt"},
                                             {"--text", "--prompt"},
                                             {"--system-prompt", "--system"},
                                             {"--tokens", "--max-new-tokens"},
                                             {"--max-tokens", "--max-new-tokens"},
                                             {"--n-predict", "--max-new-tokens"},
                                             {"--num-predict", "--max-new-tokens"},
                                             {"--temp", "--temperature"},
                                             {"--beams", "--num-beams"},
                                             {"--outfile", "--output"},
                                             {"--out", "--output"},
                                             {"--quantize", "--type"},
                                             {"--outtype", "--type"},
                                             {"--cpu-threads", "--threads"},
                                             {"--n-threads", "--threads"}}};

template <size_t N>
std::string own_name(const std::array<Names, N>& names, std::string_view word,
                     std::span<const std::string> there) {
  for (const auto& [other, own] : names) {
    if (word == other && std::find(there.begin(), there.end(), own) != there.end())
      return std::string(own);
  }
  return {};
}

}  // namespace

std::string command_known_elsewhere(std::string_view word, std::span<const std::string> there) {
  return own_name(kCommands, word, there);
}

std::string option_known_elsewhere(std::string_view word, std::span<const std::string> there) {
  return own_name(kOptions, word, there);
}

}  // namespace owl3
