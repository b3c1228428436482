#include "training_data/row_media.h"

#include <algorithm>
#include <string_view>

#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kInline = "data:";
constexpr std::string_view kInlineBase64 = "data:;base64,";
constexpr std::string_view kFile = "file://";

/// ms-swift takes a long text that names no file for base64. No path is so long without a dot, a
/// hyphen or any other character that base64 has not.
bool is_bare_base64(std::string_view text) {
  constexpr size_t kShortest = 200;
  return text.size() > kShortest && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '/' || c == '=' || c == '\n' || c == '\r';
         });
}

std::string reference_of(std::string text, const std::string& place, const RowValues& row) {
  if (text.empty()) row.fail(place, "is empty");
  if (text.find('\0') != std::string::npos) row.fail(place, "has a zero byte");
  if (text.starts_with(kFile)) return text.substr(kFile.size());
  return is_bare_base64(text) ? std::string(kInlineBase64) + text : text;
}

}  // namespace

std::string medium_reference(const Json& value, const std::string& place, const RowValues& row) {
  if (value.is_string()) return reference_of(value.get<std::string>(), place, row);
  if (!value.is_object()) {
    row.fail(place,
             fmt::format("must be a path or an object with path or bytes, not {}", kind_of(value)));
  }
  if (const Json* bytes = find_value(value, "bytes")) {
    const std::string inner = place + ".bytes";
    std::string base64 = row.text(*bytes, inner);
    if (base64.empty()) row.fail(inner, "is empty");
    return base64.starts_with(kInline) ? base64 : std::string(kInlineBase64) + base64;
  }
  for (const char* key : {"path", "url"}) {
    const Json* text = find_value(value, key);
    const std::string inner = fmt::format("{}.{}", place, key);
    if (text != nullptr) return reference_of(row.text(*text, inner), inner, row);
  }
  row.fail(place, "has neither path nor bytes");
}

}  // namespace owl3
