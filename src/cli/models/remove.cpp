// `owl3 remove`: a model out of the cache.
#include "hub/remove.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "core/byte_text.h"
#include "core/error.h"
#include "core/similar.h"

namespace owl3::cli {

namespace {

void remove(const std::string& text) {
  const auto name = parse_model_name(text);
  if (const auto type = unknown_type_in(text)) throw UsageError(unknown_type_message(text, *type));
  if (!name) {
    throw UsageError(
        fmt::format("{}: is no name that owl3 list shows; only what was fetched is removed{}", text,
                    did_you_mean(text, released_model_names())));
  }
  const uint64_t bytes = remove_model(HubCache(), *name);
  fmt::print("{} removed: {} are free again\n", name->text(), byte_text(bytes));
}

}  // namespace

void add_remove_command(CLI::App& app) {
  auto model = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("remove", "Remove a model that was fetched");
  command->footer(
      "Examples:\n"
      "  owl3 remove owl3-2b              all of it, all revisions and conversions included\n"
      "  owl3 remove owl3-2b@v1.0         that revision, and conversions of it\n"
      "  owl3 remove owl3-2b:q4_k         that conversion\n"
      "  owl3 remove owl3-2b:original     all but the conversions");
  command->add_option("MODEL", *model, "A name that owl3 list shows")->required()->type_name("");
  command->callback([model] { remove(*model); });
}

}  // namespace owl3::cli
