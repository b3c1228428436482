// `owl3 inspect`: the engine's parts, one by one.
#include "cli/inspect/inspect.h"

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace owl3::cli {

void add_inspect_command(CLI::App& app) {
  CLI::App* inspect = app.add_subcommand(
      "inspect", "Hold the engine's parts against other implementations: tokens, pixels, logits");
  inspect->footer(
      "For whoever ports or doubts the engine: each part reads files of a plain format and prints\n"
      "what the engine makes of them, so that another implementation's output can be compared.\n\n"
      "Examples:\n"
      "  owl3 inspect data train.jsonl\n"
      "  owl3 inspect eval tests/data/eval\n"
      "  owl3 inspect evidence tests/data/evidence/unified\n"
      "  owl3 inspect golden tests/data/model/unified\n"
      "  owl3 inspect image photo.jpg --size 378 --cut -o tiles.rgb\n"
      "  owl3 inspect schema cases.jsonl\n"
      "  owl3 inspect tokenize --tokenizer MODEL/tokenizer.json texts.jsonl");
  inspect->require_subcommand(1);
  add_inspect_data(*inspect);
  add_inspect_distractors(*inspect);
  add_inspect_eval(*inspect);
  add_inspect_evidence(*inspect);
  add_inspect_golden(*inspect);
  add_inspect_image(*inspect);
  add_inspect_prompt(*inspect);
  add_inspect_schema(*inspect);
  add_inspect_tokenize(*inspect);
  add_inspect_train(*inspect);
}

}  // namespace owl3::cli
