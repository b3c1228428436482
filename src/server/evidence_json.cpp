#include "server/evidence_json.h"

#include <cmath>

namespace owl3::server {

namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr int64_t kMostHeatMaps = 16;

/// Six places say all that there is to know.
double rounded(double value) {
  return std::round(value * 1e6) / 1e6;
}

OrderedJson rounded_list(std::span<const float> values) {
  OrderedJson list = OrderedJson::array();
  for (const float value : values) list.push_back(rounded(double{value}));
  return list;
}

OrderedJson image_json(const Evidence& evidence, size_t index,
                       std::span<const std::string> places) {
  const ImageEvidence& image = evidence.images[index];
  OrderedJson json = {{"number", index + 1},
                      {"part", places[image.medium]},
                      {"image", image.image},
                      {"share", rounded(image.share)},
                      {"attention", rounded(image.attention)}};
  const std::vector<double>& seconds = evidence.media[image.medium].frame_seconds();
  const auto frame = static_cast<size_t>(image.image);
  if (frame < seconds.size()) json["seconds"] = rounded(seconds[frame]);
  if (!image.heat_map.empty()) json["heat_map"] = rounded_list(image.heat_map);
  return json;
}

}  // namespace

std::optional<EvidenceWanted> read_evidence_wanted(const Fields& fields) {
  const Json* given = fields.find("attribution");
  if (given == nullptr) return std::nullopt;
  if (given->is_boolean()) {
    return given->get<bool>() ? std::optional(EvidenceWanted{}) : std::nullopt;
  }
  if (!given->is_object()) {
    fields.fail("attribution", "must be true, false, or an object with tokens and heat_maps");
  }
  const Fields inner(*given, fields.place_of("attribution") + ".");
  EvidenceWanted wanted;
  wanted.tokens = inner.boolean("tokens").value_or(false);
  wanted.heat_maps = inner.integer("heat_maps", 0, kMostHeatMaps).value_or(0);
  return wanted;
}

OrderedJson evidence_json(const Evidence& evidence, std::span<const std::string> places,
                          const EvidenceWanted& wanted) {
  OrderedJson json = {{"images", OrderedJson::array()}, {"leading", OrderedJson::array()}};
  for (size_t i = 0; i < evidence.images.size(); ++i) {
    json["images"].push_back(image_json(evidence, i, places));
  }
  for (const size_t i : evidence.leading) json["leading"].push_back(i + 1);
  if (wanted.heat_maps > 0) {
    json["grid"] = OrderedJson::array({evidence.grid_rows, evidence.grid_cols});
  }
  if (!wanted.tokens) return json;
  json["tokens"] = OrderedJson::array();
  for (const TokenEvidence& token : evidence.tokens) {
    json["tokens"].push_back({{"text", token.text},
                              {"shares", rounded_list(token.shares)},
                              {"attention", rounded_list(token.attention)}});
  }
  return json;
}

}  // namespace owl3::server
