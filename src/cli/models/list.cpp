// `owl3 list`: the models in the cache.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "core/byte_text.h"
#include "core/error.h"
#include "hub/cache.h"
#include "hub/model_name.h"

namespace owl3::cli {

namespace {

namespace fs = std::filesystem;

struct Row {
  std::string name;  // what a MODEL may be
  uint64_t bytes = 0;
  std::string kind;
  fs::path path;
};

uint64_t bytes_in(const fs::path& snapshot) {
  uint64_t bytes = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(snapshot, error)) {
    const uint64_t size = fs::file_size(entry.path(), error);
    if (!error) bytes += size;
  }
  return bytes;
}

/// "owl3-2b", or "owl3-2b@v1.0:q8_0" where it isn't main.
std::string name_of(const CachedModel& model, const std::string& commit,
                    const std::string& type = "") {
  return ModelName{model.repository, revision_of(model, commit), type}.text();
}

std::vector<Row> rows_of(const CachedModel& model) {
  std::vector<Row> rows;
  for (const CachedSnapshot& snapshot : model.snapshots) {
    if (!snapshot.complete) continue;
    const fs::path path = model.folder / "snapshots" / snapshot.commit;
    rows.push_back({name_of(model, snapshot.commit), bytes_in(path), "as released", path});
  }
  for (const CachedConversion& conversion : model.conversions) {
    rows.push_back({name_of(model, conversion.commit, conversion.type), conversion.bytes,
                    "converted", conversion.path});
  }
  // What is whole belongs to the rows above, if there are any.
  const uint64_t arrived = model.part_bytes + (rows.empty() ? model.bytes : 0);
  if (arrived > 0) {
    const std::string name = short_model_name(model.repository);
    rows.push_back({name, arrived, fmt::format("incomplete; owl3 pull {} goes on", name), ""});
  }
  return rows;
}

/// No models are no error, but a place that can't be looked at is.
void check_root(const fs::path& root) {
  std::error_code error;
  const fs::directory_iterator entries(root, error);
  if (!error || root.empty() || error == std::errc::no_such_file_or_directory) return;
  throw InputError(
      fmt::format("{}: {}; models are looked for there because of HF_HUB_CACHE, "
                  "HF_HOME, XDG_CACHE_HOME or HOME",
                  root.string(), error.message()));
}

std::vector<Row> all_rows() {
  const HubCache cache;
  check_root(cache.root());
  std::vector<Row> rows;
  for (const CachedModel& model : cache.models()) {
    for (Row& row : rows_of(model)) rows.push_back(std::move(row));
  }
  return rows;
}

void list(bool as_json, bool names_only) {
  const std::vector<Row> rows = all_rows();
  if (names_only) {
    for (const Row& row : rows) fmt::print("{}\n", row.name);
    return;
  }
  if (as_json) {
    for (const Row& row : rows) {
      const nlohmann::ordered_json json = {{"name", row.name},
                                           {"bytes", row.bytes},
                                           {"kind", row.kind.substr(0, row.kind.find(';'))},
                                           {"path", row.path.string()}};
      fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    return;
  }
  if (rows.empty()) {
    fmt::print("no models yet; owl3 pull fetches {}\n", short_model_names());
    return;
  }
  size_t width = 0;
  for (const Row& row : rows) width = std::max(width, row.name.size());
  for (const Row& row : rows) {
    fmt::print("{:<{}}  {:>9}  {}\n", row.name, width, byte_text(row.bytes), row.kind);
  }
  fmt::print("in {}\n", HubCache().root().string());
}

}  // namespace

void add_list_command(CLI::App& app) {
  auto as_json = std::make_shared<bool>(false);
  auto names_only = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("list", "Show the models that were fetched");
  command->footer(
      "The names are what any command takes for MODEL. Models of other families, which Hugging "
      "Face's\n"
      "cache may hold too, are not shown.\n\n"
      "Examples:\n"
      "  owl3 list\n"
      "  owl3 list --json");
  command->add_flag("--json", *as_json, "One JSON object a line: name, bytes, kind, path");
  command->add_flag("--names", *names_only, "The names alone, one a line")->excludes("--json");
  command->callback([as_json, names_only] { list(*as_json, *names_only); });
}

}  // namespace owl3::cli
