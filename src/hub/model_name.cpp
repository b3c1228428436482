#include "hub/model_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/similar.h"

namespace owl3 {

namespace {

struct Released {
  std::string_view short_name;
  std::string_view name;
};

constexpr std::array<Released, 4> kReleased = {{{"owl3-1b", "mPLUG-Owl3-1B-241014"},
                                                {"owl3-2b", "mPLUG-Owl3-2B-241014"},
                                                {"owl3-7b", "mPLUG-Owl3-7B-241101"},
                                                {"owl3-7b-240728", "mPLUG-Owl3-7B-240728"}}};

// ms-swift's names of its versions 2 and 3, and those that say less than the whole.
constexpr std::array<std::pair<std::string_view, size_t>, 13> kAliases = {
    {{"mplug-owl3-1b", 0},
     {"mplug-owl3-1b-chat", 0},
     {"owl3-1b-241014", 0},
     {"mplug-owl3-2b", 1},
     {"mplug-owl3-2b-chat", 1},
     {"owl3-2b-241014", 1},
     {"mplug-owl3-7b", 2},
     {"owl3-7b-241101", 2},
     {"mplug-owl3v-7b-chat", 2},
     {"mplug_owl3_241101", 2},
     {"mplug-owl3-7b-chat", 3},
     {"mplug_owl3", 3},
     {"mplug_owl3_240728", 3}}};
constexpr std::array kTypes = {"bf16", "q8_0", "q6_k", "q4_k", "q4_0", "original"};
constexpr std::string_view kHuggingFace = "mPLUG/";
constexpr std::string_view kModelScope = "iic/";

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return out;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

/// As the hub has them: "--" would be the divider in the cache.
bool is_plain_name(std::string_view text) {
  return !text.empty() && text.size() <= 96 &&
         std::all_of(text.begin(), text.end(), is_name_character) && text.front() != '.' &&
         text.front() != '-' && text.back() != '.' && text.find("..") == text.npos &&
         text.find("--") == text.npos;
}

std::optional<size_t> released_of(const std::string& lower_name) {
  for (size_t i = 0; i < kReleased.size(); ++i) {
    const std::string_view short_name = kReleased[i].short_name;
    if (lower_name == short_name || lower_name == short_name.substr(5) ||
        lower_name == lower(kReleased[i].name)) {
      return i;
    }
  }
  for (const auto& [alias, index] : kAliases) {
    if (lower_name == alias) return index;
  }
  return std::nullopt;
}

/// "mPLUG/mPLUG-Owl3-2B-241014" of any name of it; empty when it is no name.
std::string repository_of(std::string_view text, bool& known) {
  const size_t slash = text.find('/');
  const std::string name = lower(slash == text.npos ? text : text.substr(slash + 1));
  const std::string owner = slash == text.npos ? "" : lower(text.substr(0, slash + 1));
  if (owner.empty() || owner == lower(kHuggingFace) || owner == kModelScope) {
    const auto released = released_of(name);
    known = released.has_value();
    if (known) {
      return fmt::format("{}{}", owner == kModelScope ? kModelScope : kHuggingFace,
                         kReleased[*released].name);
    }
  }
  const bool is_id = slash != text.npos && is_plain_name(text.substr(0, slash)) &&
                     is_plain_name(text.substr(slash + 1)) && !name.ends_with(".gguf");
  return is_id ? std::string(text) : "";
}

}  // namespace

std::string ModelName::text() const {
  return short_model_name(repository) + (revision.empty() ? "" : "@" + revision) +
         (type.empty() ? "" : ":" + type);
}

std::optional<ModelName> parse_model_name(std::string_view text) {
  ModelName name;
  if (const size_t colon = text.rfind(':'); colon != text.npos) {
    name.type = lower(text.substr(colon + 1));
    if (std::find(kTypes.begin(), kTypes.end(), name.type) == kTypes.end()) return std::nullopt;
    text = text.substr(0, colon);
  }
  if (const size_t at = text.find('@'); at != text.npos) {
    name.revision = text.substr(at + 1);
    if (!is_revision(name.revision)) return std::nullopt;
    text = text.substr(0, at);
  }
  name.repository = repository_of(text, name.known);
  return name.repository.empty() ? std::nullopt : std::optional(name);
}

std::optional<std::string> unknown_type_in(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos || parse_model_name(text)) return std::nullopt;
  if (!parse_model_name(text.substr(0, colon))) return std::nullopt;
  return std::string(text.substr(colon + 1));
}

std::string unknown_type_message(std::string_view text, const std::string& type) {
  const std::vector<std::string> types = conversion_type_names();
  const std::string meant = most_similar(type, types);
  const std::string_view name = text.substr(0, text.size() - type.size());
  return fmt::format(
      "{}: \"{}\" is no type of a conversion; there are {}, and original for the model as it was "
      "released{}",
      text, type, fmt::join(types.begin(), types.end() - 1, ", "),
      meant.empty() ? "" : fmt::format("; did you mean {}{}?", name, meant));
}

std::string modelscope_repository(const std::string& repository) {
  return repository.starts_with(kHuggingFace)
             ? std::string(kModelScope) + repository.substr(kHuggingFace.size())
             : repository;
}

std::string short_model_name(const std::string& repository) {
  for (const Released& model : kReleased) {
    if (repository == std::string(kHuggingFace) + std::string(model.name)) {
      return std::string(model.short_name);
    }
  }
  return repository;
}

bool is_revision(std::string_view text) {
  return !text.empty() && text.size() <= 200 && text.front() != '/' && text.back() != '/' &&
         text.front() != '.' && text.front() != '-' && text.find("..") == text.npos &&
         text.find("//") == text.npos && text.find("/.") == text.npos &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_name_character(c) || c == '/' || c == '+'; });
}

std::vector<std::string> released_model_names() {
  std::vector<std::string> names;
  for (const Released& model : kReleased) names.emplace_back(model.short_name);
  return names;
}

std::string short_model_names() {
  return fmt::format("{}", fmt::join(released_model_names(), ", "));
}

std::vector<std::string> conversion_type_names() {
  return {kTypes.begin(), kTypes.end()};
}

}  // namespace owl3
