// A conversation as a JSON file: what was said, and which media it was about.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "owl3/owl3.h"

namespace owl3 {

/// A medium by its file and how it is to be read.
struct MediumSource {
  bool is_video = false;
  std::filesystem::path path;
  ImageOptions image;  // where it is an image
  VideoOptions video;  // where it is a film
};

struct SavedTurn {
  std::string question;
  std::vector<MediumSource> media;
  std::string answer;
};

struct SavedConversation {
  std::string system;
  std::optional<bool> number_images;  // as in ChatOptions
  std::vector<SavedTurn> turns;
  GenerationOptions generation;
};

/// Written whole or not at all. Paths of media are kept absolute.
void save_conversation(const std::filesystem::path& path, const SavedConversation& conversation);

/// Throws InputError that names the file and what is wrong in it. Relative paths of media are
/// relative to the file. What the file does not say about generation is as in `defaults`.
SavedConversation load_conversation(const std::filesystem::path& path,
                                    const GenerationOptions& defaults);

}  // namespace owl3
