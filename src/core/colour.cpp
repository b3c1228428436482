#include "core/colour.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace owl3 {
namespace {

struct NamedColour {
  std::string_view name;
  Colour colour;
};
/// The names of HTML 4, and the other spelling of one.
constexpr NamedColour kNames[] = {
    {"white", {255, 255, 255}}, {"black", {0, 0, 0}},        {"grey", {128, 128, 128}},
    {"gray", {128, 128, 128}},  {"silver", {192, 192, 192}}, {"red", {255, 0, 0}},
    {"maroon", {128, 0, 0}},    {"yellow", {255, 255, 0}},   {"olive", {128, 128, 0}},
    {"lime", {0, 255, 0}},      {"green", {0, 128, 0}},      {"aqua", {0, 255, 255}},
    {"teal", {0, 128, 128}},    {"blue", {0, 0, 255}},       {"navy", {0, 0, 128}},
    {"fuchsia", {255, 0, 255}}, {"purple", {128, 0, 128}}};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

std::optional<Colour> parse_colour(const std::string& given) {
  std::string text = given;
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const NamedColour& named : kNames) {
    if (named.name == text) return named.colour;
  }
  if (!text.starts_with('#') || (text.size() != 4 && text.size() != 7)) return std::nullopt;
  const size_t digits = (text.size() - 1) / 3;  // of a channel: "#f00" is "#ff0000"
  uint8_t channels[3] = {};
  for (size_t c = 0; c < 3; ++c) {
    const int high = hex_digit(text[1 + c * digits]);
    const int low = hex_digit(text[c * digits + digits]);
    if (high < 0 || low < 0) return std::nullopt;
    channels[c] = static_cast<uint8_t>(high * 16 + low);
  }
  return Colour{channels[0], channels[1], channels[2]};
}

std::string colour_text(const Colour& colour) {
  return fmt::format("#{:02x}{:02x}{:02x}", colour.red, colour.green, colour.blue);
}

}  // namespace owl3
