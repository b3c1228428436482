#include "cli/chat/chat_evidence.h"

#include <fmt/format.h>

#include <cmath>

#include "program/terminal.h"

namespace owl3::cli {

namespace {

constexpr size_t kMostLines = 5;
constexpr double kLeastShare = 0.01;  // of those behind the first

/// "0:07", "1:02.5", "1:00:00".
std::string clock_text(double seconds) {
  const auto tenths = static_cast<int64_t>(std::llround(seconds * 10));
  const int64_t whole = tenths / 10;
  const std::string fraction = tenths % 10 == 0 ? "" : fmt::format(".{}", tenths % 10);
  if (whole < 3600) return fmt::format("{}:{:02}{}", whole / 60, whole % 60, fraction);
  return fmt::format("{}:{:02}:{:02}{}", whole / 3600, whole / 60 % 60, whole % 60, fraction);
}

/// Six places say all that there is to know.
double rounded(double value) {
  return std::round(value * 1e6) / 1e6;
}

nlohmann::ordered_json rounded_list(const std::vector<float>& values) {
  auto list = nlohmann::ordered_json::array();
  for (const float value : values) list.push_back(rounded(double{value}));
  return list;
}

}  // namespace

std::string image_name(const Evidence& evidence, const ImageEvidence& image) {
  const Medium& medium = evidence.media.at(image.medium);
  const std::string path = medium.path().string();
  const auto index = static_cast<size_t>(image.image);
  if (medium.is_video()) {
    const std::vector<double>& seconds = medium.frame_seconds();
    return fmt::format("{} at {}", path, clock_text(index < seconds.size() ? seconds[index] : 0));
  }
  if (medium.images() == 1) return path;
  if (image.image + 1 == medium.images()) return path + " as a whole";
  return fmt::format("{}, tile {} of {}", path, image.image + 1, medium.images() - 1);
}

std::string evidence_text(const Evidence& evidence) {
  const size_t images = evidence.images.size();
  if (images == 0) return "attended to: there is no image in the conversation\n";
  if (evidence.tokens.empty()) return "attended to: the answer has no token\n";
  std::string text = fmt::format("attended to, of {} image{}:\n", images, images == 1 ? "" : "s");
  for (size_t rank = 0; rank < std::min(images, kMostLines); ++rank) {
    const size_t i = evidence.leading[rank];
    const ImageEvidence& image = evidence.images[i];
    if (rank > 0 && image.share < kLeastShare) break;
    text += fmt::format("  {:5.1f} %  {:>{}}  {}\n", 100 * image.share, i + 1,
                        std::to_string(images).size(), one_line(image_name(evidence, image)));
  }
  return text;
}

nlohmann::ordered_json evidence_json(const Evidence& evidence) {
  using Json = nlohmann::ordered_json;
  Json images = Json::array();
  for (size_t i = 0; i < evidence.images.size(); ++i) {
    const ImageEvidence& image = evidence.images[i];
    const Medium& medium = evidence.media[image.medium];
    Json entry = {{"number", i + 1},
                  {"path", medium.path().string()},
                  {"image", image.image},
                  {"share", rounded(image.share)},
                  {"attention", rounded(image.attention)}};
    const auto frame = static_cast<size_t>(image.image);
    if (frame < medium.frame_seconds().size()) {
      entry["seconds"] = rounded(medium.frame_seconds()[frame]);
    }
    if (!image.heat_map.empty()) entry["heat_map"] = rounded_list(image.heat_map);
    images.push_back(std::move(entry));
  }
  Json leading = Json::array();
  for (const size_t i : evidence.leading) leading.push_back(i + 1);
  Json tokens = Json::array();
  for (const TokenEvidence& token : evidence.tokens) {
    tokens.push_back({{"text", token.text},
                      {"shares", rounded_list(token.shares)},
                      {"attention", rounded_list(token.attention)}});
  }
  return {{"images", std::move(images)},       {"leading", std::move(leading)},
          {"tokens", std::move(tokens)},       {"grid", {evidence.grid_rows, evidence.grid_cols}},
          {"layers", evidence.weights.layers}, {"heads", evidence.weights.heads}};
}

}  // namespace owl3::cli
