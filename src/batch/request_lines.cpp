#include "batch/request_lines.h"

#include <optional>
#include <span>
#include <unordered_set>
#include <utility>

#include "batch/item_checksum.h"
#include "core/error.h"
#include "core/zero_byte.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Deeper than the deepest body that is read, and flat enough for whoever walks through it.
constexpr int kDeepest = 100;

struct TooDeep {};

/// Nothing where the line is no JSON object that can be read. `with_body`: with what is asked,
/// which may be large.
std::optional<Json> parse_line(std::string_view text, bool with_body) {
  if (find_zero_byte(text) != text.npos) return std::nullopt;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > kDeepest) throw TooDeep();
    return with_body || event != Json::parse_event_t::key || depth != 1 || value != "body";
  };
  try {
    Json line = Json::parse(text.begin(), text.end(), watch);
    if (line.is_object()) return line;
  } catch (const Json::exception&) {  // no JSON, or no UTF-8
  } catch (const TooDeep&) {
  }
  return std::nullopt;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n") == line.npos;
}

/// Null where there is none.
Json custom_id_of(const Json& line) {
  const auto id = line.find("custom_id");
  const bool is_there = id != line.end() && id->is_string() && !id->get<std::string>().empty();
  return is_there ? *id : Json();
}

std::string text_field(const Json& line, const char* name) {
  const auto field = line.find(name);
  return field != line.end() && field->is_string() ? field->get<std::string>() : "";
}

std::string written(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// What a line of a Batch must have, in the order in which it is told to be missing.
void read_fields(const Json& line, bool is_again, BatchRequest& request) {
  const auto refuse = [&](const char* code, const std::string& error) {
    request.code = code;
    request.error = error;
  };
  request.custom_id = custom_id_of(line);
  request.url = text_field(line, "url");
  const auto body = line.find("body");
  if (request.custom_id.is_null()) {
    refuse("missing_required_parameter", "custom_id must be a text that is not empty");
  } else if (is_again) {
    refuse("duplicate_custom_id",
           fmt::format("an earlier line has the custom_id {}", written(request.custom_id)));
  } else if (text_field(line, "method") != "POST") {
    refuse("invalid_method", "method must be POST");
  } else if (request.url.empty()) {
    refuse("missing_required_parameter", "url is missing: /v1/chat/completions, or another path");
  } else if (body == line.end() || !body->is_object()) {
    refuse("missing_required_parameter", "body must be a JSON object");
  } else {
    request.body = written(*body);
  }
}

}  // namespace

RequestLines::RequestLines(const fs::path& path) : file_(MappedFile::open(path)) {
  std::unordered_set<std::string> ids;
  int64_t number = 0;
  for (size_t begin = 0; begin < text().size();) {
    Line line{begin, ++number};
    const std::string_view text = text_of(line);
    begin += text.size() + 1;
    if (is_blank(text)) continue;
    const auto parsed = parse_line(text, false);
    const Json id = parsed ? custom_id_of(*parsed) : Json();
    line.is_again = !id.is_null() && !ids.insert(id.get<std::string>()).second;
    lines_.push_back(line);
  }
  if (!ids.empty()) return;
  throw InputError(
      fmt::format("{}: no line of it is a request of OpenAI's Batch API: {{\"custom_id\", "
                  "\"method\", \"url\", \"body\"}}",
                  path.string()));
}

std::string_view RequestLines::text() const {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  std::string_view text(reinterpret_cast<const char*>(file_->bytes().data()),
                        file_->bytes().size());
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

/// Without its line end.
std::string_view RequestLines::text_of(const Line& line) const {
  return text().substr(line.begin, text().find('\n', line.begin) - line.begin);
}

BatchRequest RequestLines::request(int64_t index) const {
  const Line& line = lines_.at(static_cast<size_t>(index));
  BatchRequest request;
  if (const auto parsed = parse_line(text_of(line), true)) {
    read_fields(*parsed, line.is_again, request);
  } else {
    request.code = "invalid_json_line";
    request.error = "is no JSON object that can be read";
  }
  if (!request.error.empty())
    request.error = fmt::format("line {}: {}", line.number, request.error);
  return request;
}

std::string RequestLines::checksum() const {
  return item_checksum(file_->bytes());
}

}  // namespace owl3
