// Small training files for tests: pictures, rows, and a tokenizer.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../core/scratch_folder.h"
#include "formats/syllable_tokenizer.h"
#include "media/image.h"
#include "text/tokenizer.h"

namespace owl3::test {

/// A tokenizer with the model's special tokens.
inline const Tokenizer& tokenizer() {
  static const Tokenizer made = Tokenizer::from_json(make_syllable_tokenizer(400), "syllables");
  return made;
}

inline int32_t special(const std::string& token) {
  return *tokenizer().id_of_added_token(token);
}

/// A picture of one colour as a PPM file, which the media room reads like any other.
inline std::string picture(int width, int height, int colour) {
  std::string file = fmt::format("P6\n{} {}\n255\n", width, height);
  for (int i = 0; i < width * height; ++i) {
    file += static_cast<char>(colour);
    file += static_cast<char>(colour / 2);
    file += static_cast<char>(255 - colour);
  }
  return file;
}

inline std::string row(const std::string& question, const std::string& answer,
                       const std::vector<std::string>& images = {}) {
  nlohmann::json json = {
      {"messages",
       {{{"role", "user"}, {"content", question}}, {{"role", "assistant"}, {"content", answer}}}}};
  if (!images.empty()) json["images"] = images;
  return json.dump() + "\n";
}

/// An entry of a ustar archive.
inline std::string tar_entry(const std::string& name, const std::string& content) {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(100, 8, std::string("0000644\0", 8));
  char size[12];
  std::snprintf(size, sizeof size, "%011zo", content.size());
  header.replace(124, 12, std::string(size, 12));
  header.replace(136, 12, std::string("00000000000\0", 12));
  header.replace(148, 8, "        ");
  header[156] = '0';
  header.replace(257, 8, std::string("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  char checksum[8];
  std::snprintf(checksum, sizeof checksum, "%06o", sum);
  header.replace(148, 8, std::string(checksum, 7) + ' ');
  return header + content + std::string((512 - content.size() % 512) % 512, '\0');
}

inline std::string tar_end() {
  return std::string(1024, '\0');
}

}  // namespace owl3::test
