// `owl3 inspect schema`: JSON Schemas and instances, walked through the constraint that answers are
// held to.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/inspect/inspect.h"
#include "constraint/answer_form.h"
#include "constraint/schema_reader.h"
#include "core/error.h"
#include "program/failure.h"
#include "program/terminal.h"

namespace owl3::cli {
namespace {

using Json = nlohmann::ordered_json;

struct InspectSchemaOptions {
  std::vector<std::string> files;
  bool json = false;
  bool brief = false;
};

struct SchemaCounts {
  size_t rows = 0;
  size_t supported = 0;
  size_t tests = 0;
  size_t differing = 0;
  size_t broken = 0;
};

/// Rows of a file: a JSON list of them, or one a line.
std::vector<std::pair<std::string, Json>> read_rows(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw InputError(fmt::format("{}: cannot be read", file));
  const std::string text((std::istreambuf_iterator<char>(stream)), {});
  std::vector<std::pair<std::string, Json>> rows;
  const auto parse = [&](std::string_view part, const std::string& place) {
    try {
      return Json::parse(part);
    } catch (const nlohmann::json::exception& error) {
      throw InputError(fmt::format("{} is no JSON: {}", place, error.what()));
    }
  };
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '[') {
    size_t number = 0;
    for (Json& row : parse(text, file)) {
      rows.emplace_back(fmt::format("{}: row {}", file, ++number), std::move(row));
    }
    return rows;
  }
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string place = fmt::format("{}:{}", file, number);
    rows.emplace_back(place, parse(line, place));
  }
  return rows;
}

/// The row's schema as a constraint; where there is none, `report` says why.
std::unique_ptr<AnswerGrammar> compile(const Json& schema, Json& report) {
  try {
    AnswerForm form;
    form.schema = schema.dump();
    auto grammar = std::make_unique<AnswerGrammar>(form);
    report["supported"] = true;
    return grammar;
  } catch (const UnsupportedKeyword& error) {
    report["supported"] = false;
    report["refused"] = error.keyword();
    report["error"] = error.what();
  } catch (const NoAnswer& error) {
    // Nothing is valid: every instance is refused, which is right.
    report["supported"] = true;
    report["error"] = error.what();
  } catch (const InputError& error) {
    report["supported"] = false;
    report["error"] = error.what();
  }
  return nullptr;
}

void inspect_row(const std::string& place, const Json& row, SchemaCounts& counts,
                 std::vector<Json>& lines) {
  Json report = {{"row", place}};
  if (!row.is_object() || !row.contains("schema")) {
    throw InputError(fmt::format("{}: a row has \"schema\" and \"tests\"", place));
  }
  if (row.contains("name")) report["name"] = row["name"];
  if (row.contains("description")) report["name"] = row["description"];
  const std::unique_ptr<AnswerGrammar> grammar = compile(row["schema"], report);
  const bool supported = report["supported"];
  ++counts.rows;
  counts.supported += supported ? 1 : 0;
  Json tests = Json::array();
  if (supported && row.contains("tests")) {
    for (const Json& test : row["tests"]) {
      if (!test.is_object() || !test.contains("data") || !test.contains("valid") ||
          !test["valid"].is_boolean()) {
        throw InputError(fmt::format("{}: a test has \"data\" and \"valid\"", place));
      }
      const std::string instance = test["data"].dump();
      const bool accepted = grammar != nullptr && grammar->accepts(instance);
      const bool valid = test["valid"];
      ++counts.tests;
      counts.differing += accepted == valid ? 0 : 1;
      tests.push_back({{"valid", valid}, {"accepted", accepted}, {"instance", instance}});
    }
  }
  report["tests"] = std::move(tests);
  lines.push_back(std::move(report));
}

void print_row(const Json& report, bool brief) {
  const std::string place = report["row"];
  const std::string name = report.contains("name") && report["name"].is_string()
                               ? " (" + one_line(report["name"].get<std::string>()) + ")"
                               : "";
  if (!report["supported"].get<bool>()) {
    const std::string error = one_line(report["error"].get<std::string>());
    fmt::print("{}{}: refused: {}\n", place, name, error);
    return;
  }
  if (!brief) fmt::print("{}{}: supported\n", place, name);
  for (const Json& test : report["tests"]) {
    const bool valid = test["valid"];
    const bool accepted = test["accepted"];
    if (brief && valid == accepted) continue;
    constexpr size_t kShown = 100;
    std::string instance = one_line(test["instance"].get<std::string>());
    if (instance.size() > kShown) instance = instance.substr(0, kShown) + "...";
    fmt::print("{}{}  {}, {}: {}\n", brief ? place + ":" : "", valid == accepted ? "" : "  DIFFERS",
               valid ? "valid" : "invalid", accepted ? "accepted" : "not accepted", instance);
  }
}

void inspect_schema(const InspectSchemaOptions& options) {
  SchemaCounts counts;
  for (const std::string& file : options.files) {
    for (const auto& [place, row] : read_rows(file)) {
      std::vector<Json> lines;
      inspect_row(place, row, counts, lines);
      for (const Json& line : lines) {
        if (options.json) {
          fmt::print("{}\n", line.dump(-1, ' ', false, Json::error_handler_t::replace));
        } else {
          print_row(line, options.brief);
        }
      }
    }
  }
  const std::string summary = fmt::format(
      "{} of {} schemas supported ({:.1f} %); {} of {} tests as they should be", counts.supported,
      counts.rows,
      counts.rows == 0
          ? 0.0
          : 100.0 * static_cast<double>(counts.supported) / static_cast<double>(counts.rows),
      counts.tests - counts.differing, counts.tests);
  fmt::print(options.json ? stderr : stdout, "{}\n", summary);
  std::fflush(stdout);
  if (counts.differing > 0) {
    throw InputError(fmt::format("{} of {} tests differ", counts.differing, counts.tests));
  }
}

}  // namespace

void add_inspect_schema(CLI::App& inspect) {
  auto options = std::make_shared<InspectSchemaOptions>();
  CLI::App* app = inspect.add_subcommand(
      "schema", "Walk instances through what answers under a JSON Schema are held to");
  app->add_option("CASES", options->files,
                  "Rows {\"schema\", \"tests\": [{\"valid\", \"data\"}]}: JSONL, or a JSON list")
      ->required();
  app->add_flag("--json", options->json, "A JSON object per row");
  app->add_flag("--brief", options->brief, "Only what is refused, and tests that differ");
  app->footer(
      "For each row whether its schema is supported, or the keyword that is refused; for each "
      "test\n"
      "whether its data, written compactly, is an answer that can be given. Exits with 1 when a\n"
      "supported schema accepts what is not valid, or doesn't what is.\n\n"
      "Examples:\n"
      "  owl3 inspect schema cases.jsonl\n"
      "  owl3 inspect schema --brief cases.jsonl");
  app->callback([options] { inspect_schema(*options); });
}

}  // namespace owl3::cli
