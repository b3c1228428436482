// `owl3 chat`: one answer with -p, a conversation without.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "builtin/builtin_model.h"
#include "builtin/open_model.h"
#include "cli/chat/chat_interactive.h"
#include "cli/chat/chat_report.h"
#include "cli/chat/chat_slips.h"
#include "cli/chat/line_editor.h"
#include "cli/chat/live.h"
#include "cli/chat/question_text.h"
#include "cli/commands.h"
#include "cli/models/fetching.h"
#include "cli/models/load_model.h"
#include "core/error.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

constexpr const char* kFooter =
    "Images and films stand before the question, in the order given, or where <image> and <video>\n"
    "stand in it. Without -p, a conversation: /help lists its commands; when standard input is\n"
    "a pipe, every line of it is a question or a command.\n\n"
    "Examples:\n"
    "  owl3 chat MODEL --image photo.jpg -p 'What is this?'\n"
    "  owl3 chat MODEL --image a.jpg --image b.jpg -p 'What changed from <image> to <image>?'\n"
    "  owl3 chat MODEL --image 'scans/*.png' --no-cut --greedy -p 'Which page has the map?'\n"
    "  owl3 chat MODEL --video film.mp4 --fps 0.5 --start 60 --end 120 -p 'What happens?'\n"
    "  owl3 chat MODEL --memory holiday.owlmem --only '*.jpg' -p 'Where was this?'\n"
    "  owl3 chat MODEL --image page.png --json -p - < question.txt\n"
    "  owl3 chat MODEL --image photo.jpg --choices 'yes,no' -p 'Is anyone in the picture?'\n"
    "  owl3 chat MODEL --live rtsp://camera/1 --every 10s --ask 'Is anyone at the door?'\n"
    "  owl3 chat MODEL                                  a conversation";

bool asks_for_a_precision(const ModelOptions& options) {
  return options.precision != Precision::kBFloat16 || options.vision_int8 ||
         options.visual_memory_int8;
}

/// The memory that is to be asked about, if any; the model will be the one it was made with, and
/// have its precision, where no other was asked for.
std::optional<SavedMemory> open_memory(ChatArguments& arguments) {
  if (arguments.memory.empty()) return std::nullopt;
  const SavedMemory memory = SavedMemory::open(arguments.memory);
  tell_warnings(memory.warnings());
  const std::string model = memory.info().model;
  if (arguments.model.empty() && !model.empty()) {
    if (!names_builtin_model(model)) arguments.model = model;
    tell(fmt::format("owl3: {} was made with {}, which answers\n", arguments.memory, model));
  }
  if (!asks_for_a_precision(arguments.model_options)) {
    arguments.model_options = memory.options_for(arguments.model_options);
  }
  return memory;
}

int answer_or_converse(ChatArguments arguments) {
  check_chat_arguments(arguments);
  arguments.generation.form = read_form(arguments.form);
  const std::optional<SavedMemory> memory = open_memory(arguments);
  if (!arguments.model.empty() && !arguments.json) offer_to_fetch(arguments.model);
  if (arguments.model.empty() && !memory) tell_of_builtin_model();
  InterruptGuard interrupt;
  // Editing needs both ends to be a terminal; otherwise questions are plain lines.
  const int shown_on = arguments.json ? STDERR_FILENO : STDOUT_FILENO;
  std::optional<QuietTerminal> quiet;
  if (!arguments.prompt && is_terminal(STDIN_FILENO) && is_terminal(shown_on)) {
    quiet.emplace(shown_on);
  }
  std::string question;
  if (arguments.prompt) {
    question = question_text(*arguments.prompt, interrupt);
    check_question(question);
  }
  if (!arguments.live.source.empty()) {
    if (arguments.prompt) arguments.prompt = question;
    return watch_live(arguments, interrupt, quiet ? &*quiet : nullptr);
  }
  ChatSession session(arguments, interrupt);
  const auto known_question = arguments.prompt ? std::optional(question) : std::nullopt;
  if (memory) session.fall_back_on(*memory);
  if (!arguments.load.empty()) session.load(arguments.load);
  if (memory) session.attach_memory(*memory, arguments.selection);
  // Without other media nothing is encoded, and asking tells what does not fit.
  session.attach(arguments.media,
                 memory && arguments.media.empty() ? std::nullopt : known_question);
  int code = 0;
  if (!arguments.prompt) {
    code = converse(session, arguments, interrupt, quiet ? &*quiet : nullptr);
  } else if (ask_and_show(session, arguments, question) == StopReason::kInterrupted) {
    code = interrupted_exit_code();
  }
  if (arguments.stats) tell(stats_text(session));
  return code;
}

}  // namespace

void add_chat_command(CLI::App& app) {
  auto arguments = std::make_shared<ChatArguments>();
  CLI::App* command =
      app.add_subcommand("chat", "Ask about images and films: one answer, or a conversation");
  command->footer(kFooter);
  add_chat_options(*command, *arguments);
  command->callback([command, arguments] {
    take_media(*command, *arguments);
    check_for_slips(*arguments);
    const int code = answer_or_converse(*arguments);
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace owl3::cli
