// The owl3 program and its commands.
#include <CLI/CLI.hpp>

#include "cli/chat/chat_slips.h"
#include "cli/commands.h"
#include "cli/models/mending.h"
#include "program/program.h"

namespace owl3::cli {

namespace {

constexpr const char* kFooter =
    "Examples:\n"
    "  owl3 chat MODEL --image photo.jpg -p 'What is written on the sign?'\n"
    "  owl3 chat MODEL --video film.mp4                 a conversation about a film\n"
    "  owl3 batch MODEL --each 'photos/**' -p 'What is this?' -o labels.jsonl   about thousands\n"
    "  owl3 index holiday/ -o holiday.owlmem            look once, ask for ever (chat --memory)\n"
    "  owl3 pull owl3-2b                                fetch a model; then MODEL is owl3-2b\n"
    "  owl3 info MODEL                                  will it fit this machine?\n"
    "  owl3 convert MODEL small.gguf --type q4_k        less than half the size\n"
    "  owl3 make-checkpoint --like tiny /tmp/tiny       random weights, to try things\n\n"
    "MODEL is the name of a model that owl3 pull fetched, a folder with an mPLUG-Owl3 checkpoint\n"
    "in the official layout, a .gguf file that owl3 convert made of one, or owlet, a small model "
    "in\n"
    "the program that knows drawn pictures. Every command explains itself: owl3 help COMMAND";

void set_up(CLI::App& app) {
  app.set_version_flag("--version", "owl3 " OWL3_VERSION, "Show the version");
  app.footer(kFooter);
  add_chat_command(app);
  add_batch_command(app);
  add_index_command(app);
  add_memory_command(app);
  add_serve_command(app);
  add_pull_command(app);
  add_list_command(app);
  add_remove_command(app);
  add_info_command(app);
  add_convert_command(app);
  add_bench_command(app);
  add_eval_command(app);
  add_make_checkpoint_command(app);
  add_make_data_command(app);
  add_make_tokenizer_command(app);
  add_train_command(app);
  add_plot_command(app);
  add_inspect_command(app);
  add_completions_command(app);
  add_man_command(app);
  add_help_command(app);
}

std::string advice_on(const CLI::App& command, const std::vector<std::string>& left_over) {
  return command.get_name() == "chat" ? advice_on_left_over(left_over) : "";
}

}  // namespace

}  // namespace owl3::cli

int main(int argc, char** argv) {
  owl3::prepare_process();
  CLI::App app("Ask mPLUG-Owl3 about images and films, on this machine alone.", "owl3");
  return owl3::run_program(app, owl3::cli::set_up, argc, argv, owl3::cli::advice_on,
                           owl3::cli::mending_advice);
}
