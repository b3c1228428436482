#include "batch/batch_row.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "batch/csv.h"
#include "core/error.h"
#include "core/zero_byte.h"
#include "text/utf8.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kRequestId = "batch_req_";

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Whole seconds without a point.
Json seconds_of(int64_t milliseconds) {
  if (milliseconds % 1000 == 0) return milliseconds / 1000;
  return static_cast<double>(milliseconds) / 1000;
}

/// As a field of a table.
std::string field_text(const Json& json) {
  return json.is_null() ? std::string() : plain_text(json);
}

/// A name or a list of names as text: bytes of file names that are not UTF-8 become U+FFFD.
Json readable(const Json& names) {
  if (names.is_string()) return with_replacements(names.get<std::string>());
  Json all = names;
  if (names.is_array()) std::transform(names.begin(), names.end(), all.begin(), readable);
  return all;
}

/// What was not right with the files, of which one may have a name that the row can't show.
std::string warning_of(const BatchRow& row) {
  std::string warning = with_replacements(row.warning);
  if (readable(row.item) == row.item) return warning;
  if (!warning.empty()) warning += "; ";
  return warning + "the file's name is not UTF-8: U+FFFD stands in it for what is not";
}

std::string json_line(const BatchRow& row, const BatchLayout& layout) {
  if (!row.line.is_null()) return dumped(row.line) + "\n";
  Json line = {{"index", row.index}};
  if (!row.item.is_null()) line["item"] = readable(row.item);
  if (layout.has_segment && row.segment) {
    line["segment"] = row.segment->number;
    line["from"] = seconds_of(row.segment->from_ms);
    line["to"] = seconds_of(row.segment->to_ms);
  }
  if (layout.has_question) line["question"] = row.question;
  if (layout.has_row && !row.columns.is_null()) line["row"] = row.columns;
  if (row.error.empty()) {
    line["answer"] = row.answer;
    line["stop"] = row.stop;
    line["tokens"] = row.tokens;
    if (!layout.choices.empty()) {
      line["choices"] = row.choices;
      line["choice_logprobs"] = row.choice_logprobs;
    }
    if (layout.has_logprobs) line["logprobs"] = row.logprobs;
  } else {
    line["error"] = with_replacements(row.error);
  }
  const std::string warning = warning_of(row);
  if (!warning.empty()) line["warning"] = warning;
  return dumped(line) + "\n";
}

std::optional<int64_t> whole_number(const std::string& text) {
  int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string csv_line(const BatchRow& row, const BatchLayout& layout) {
  std::vector<std::string> fields = {std::to_string(row.index), field_text(readable(row.item))};
  if (layout.has_segment) {
    const auto& part = row.segment;
    fields.push_back(part ? std::to_string(part->number) : "");
    fields.push_back(part ? dumped(seconds_of(part->from_ms)) : "");
    fields.push_back(part ? dumped(seconds_of(part->to_ms)) : "");
  }
  if (layout.has_question) fields.push_back(row.question);
  if (layout.has_row) fields.push_back(field_text(row.columns));
  const bool answered = row.error.empty();
  fields.push_back(answered ? field_text(row.answer) : "");
  fields.push_back(row.stop);
  fields.push_back(answered ? std::to_string(row.tokens) : "");
  for (const Json* numbers : {&row.choices, &row.choice_logprobs}) {
    for (const std::string& choice : layout.choices) {
      fields.push_back(answered ? field_text(numbers->at(choice)) : "");
    }
  }
  if (layout.has_logprobs) fields.push_back(answered ? field_text(row.logprobs) : "");
  fields.push_back(warning_of(row));
  fields.push_back(with_replacements(row.error));  // last: see read_csv_line()
  return csv_record(fields);
}

/// The index in the "id" of a row in OpenAI's form.
std::optional<int64_t> index_in_id(const Json& line) {
  const auto id = line.find("id");
  if (id == line.end() || !id->is_string()) return std::nullopt;
  const auto text = id->get<std::string>();
  return text.starts_with(kRequestId) ? whole_number(text.substr(kRequestId.size())) : std::nullopt;
}

/// Of OpenAI's form: it was refused, or was no request.
bool failed_as_openai(const Json& line) {
  constexpr int kFirstFailure = 400;
  const Json status = line.value(Json::json_pointer("/response/status_code"), Json());
  return !status.is_number_integer() || status >= kFirstFailure;
}

BatchLine read_json_line(std::string_view text, const std::string& where) {
  const bool is_whole = find_zero_byte(text) == text.npos;
  const Json line = is_whole ? Json::parse(text, nullptr, false) : Json();
  if (line.is_object()) {
    const auto index = line.find("index");
    if (index != line.end() && index->is_number_integer()) {
      return {index->get<int64_t>(), line.contains("error")};
    }
    if (const auto number = index_in_id(line)) return {*number, failed_as_openai(line)};
  }
  throw InputError(where + ": is no row of owl3 batch");
}

BatchLine read_csv_line(std::string_view text, const std::string& where) {
  const std::vector<std::string> fields = parse_csv_record(text, where);
  const auto index = whole_number(fields.front());
  if (!index) throw InputError(where + ": is no row of owl3 batch");
  return {*index, !fields.back().empty()};
}

}  // namespace

std::string request_id_of(int64_t index) {
  return std::string(kRequestId) + std::to_string(index);
}

std::string header_of(const BatchLayout& layout) {
  if (layout.format == BatchFormat::kJsonl) return {};
  std::vector<std::string> names = {"index", "item"};
  if (layout.has_segment) names.insert(names.end(), {"segment", "from", "to"});
  if (layout.has_question) names.emplace_back("question");
  if (layout.has_row) names.emplace_back("row");
  names.insert(names.end(), {"answer", "stop", "tokens"});
  for (const char* what : {"p", "logprob"}) {
    for (const std::string& choice : layout.choices) {
      names.push_back(fmt::format("{}({})", what, choice));
    }
  }
  if (layout.has_logprobs) names.emplace_back("logprobs");
  names.insert(names.end(), {"warning", "error"});
  return csv_record(names);
}

std::string line_of(const BatchRow& row, const BatchLayout& layout) {
  return layout.format == BatchFormat::kCsv ? csv_line(row, layout) : json_line(row, layout);
}

BatchLine read_line(std::string_view line, BatchFormat format, const std::string& where) {
  return format == BatchFormat::kCsv ? read_csv_line(line, where) : read_json_line(line, where);
}

std::string plain_text(const Json& json) {
  return json.is_string() ? json.get<std::string>() : dumped(json);
}

std::optional<std::string> answer_text(std::string_view line, BatchFormat format,
                                       std::string_view header) {
  if (format == BatchFormat::kJsonl) {
    const Json row = Json::parse(line, nullptr, false);
    if (!row.is_object() || !row.contains("answer")) return std::nullopt;
    return plain_text(row["answer"]);
  }
  const std::vector<std::string> names = parse_csv_record(header, "header");
  const std::vector<std::string> fields = parse_csv_record(line, "row");
  const auto place =
      static_cast<size_t>(std::find(names.begin(), names.end(), "answer") - names.begin());
  if (place >= fields.size() || !fields.back().empty()) return std::nullopt;
  return fields[place];
}

size_t line_end(std::string_view text, size_t begin, BatchFormat format) {
  if (format == BatchFormat::kCsv) return csv_record_end(text, begin);
  const size_t end = text.find('\n', begin);
  return end == text.npos ? end : end + 1;
}

}  // namespace owl3
