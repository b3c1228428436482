#include "cli/eval/eval_conversations.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/models/load_model.h"
#include "eval/conversations.h"
#include "eval/replies_file.h"
#include "eval/row_texts.h"
#include "eval/scoring.h"
#include "owlet/score.h"
#include "program/arithmetic_options.h"
#include "program/interrupt.h"
#include "program/lora_option.h"
#include "program/number_option.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string model;
  std::string data;
  int64_t min_images = 0;
  int64_t max_images = 1'000'000;
  int64_t limit = 0;  // conversations; 0: all
  int64_t max_new_tokens = 100;
  ModelOptions model_options;
  bool json = false;
  std::string replies;  // a JSONL file; empty: none
};

void add_options(CLI::App& command, Options& options) {
  constexpr const char* kRows = "The conversations";
  command.add_option("MODEL", options.model, "A name (owl3 list), checkpoint folder or .gguf file")
      ->required()
      ->type_name("");
  command.add_option("--data", options.data, "The conversations, a JSONL file")
      ->required()
      ->type_name("FILE")
      ->group(kRows);
  command.add_option("--min-images", options.min_images, "Only those about as many or more")
      ->transform(whole_number(0, 1'000'000))
      ->type_name("N")
      ->group(kRows);
  command.add_option("--max-images", options.max_images, "Only those about as many or fewer")
      ->transform(whole_number(0, 1'000'000))
      ->type_name("N")
      ->group(kRows);
  command.add_option("--limit", options.limit, "At most so many; 0: all of them")
      ->transform(whole_number(0, 1'000'000))
      ->capture_default_str()
      ->type_name("N")
      ->group(kRows);
  command.add_option("--max-new-tokens", options.max_new_tokens, "Longest answer, in tokens")
      ->transform(whole_number(1, 100'000))
      ->capture_default_str()
      ->type_name("N")
      ->group(kRows);
  add_lora_option(command, options.model_options.lora)->group(kRows);
  add_threads_option(command, options.model_options.threads)->group("The machine");
  add_arithmetic_options(command, options.model_options, "The machine");
  command.add_flag("--json", options.json, "Print JSON")->group("Output");
  command.add_option("--replies", options.replies, "Write every answer as a line of JSON")
      ->type_name("FILE")
      ->group("Output");
}

std::vector<Conversation> wanted_conversations(const Options& options) {
  std::vector<Conversation> wanted;
  for (Conversation& conversation : read_conversations(options.data)) {
    const int64_t images = conversation.images();
    if (images < options.min_images || images > options.max_images) continue;
    wanted.push_back(std::move(conversation));
    if (static_cast<int64_t>(wanted.size()) == options.limit) break;
  }
  if (wanted.empty()) {
    throw UsageError(fmt::format("{}: no conversation has {} to {} images", options.data,
                                 options.min_images, options.max_images));
  }
  return wanted;
}

std::string table(const ConversationScores& scores, size_t conversations) {
  std::string text = fmt::format("{:<20} {:>6} {:>8} {:>13}\n", "task", "asked", "right", "95 %");
  const auto add = [&](std::string_view name, const TaskScore& score) {
    const Interval sure = confidence_interval(score.right, score.asked);
    const double share = 100.0 * static_cast<double>(score.right) /
                         static_cast<double>(std::max<int64_t>(score.asked, 1));
    text += fmt::format("{:<20} {:>6} {:>6.1f} % {:>13}\n", name, score.asked, share,
                        fmt::format("{:.0f} to {:.0f} %", 100 * sure.low, 100 * sure.high));
  };
  for (const auto& [task, score] : scores.tasks) add(task, score);
  add(fmt::format("all, {} rows", conversations), scores.all);
  return text;
}

std::string json(const ConversationScores& scores, const Options& options) {
  Json tasks = Json::object();
  for (const auto& [task, score] : scores.tasks) {
    tasks[task] = {{"asked", score.asked}, {"right", score.right}};
  }
  const Json report = {
      {"model", options.model},    {"data", options.data},      {"interrupted", scores.interrupted},
      {"asked", scores.all.asked}, {"right", scores.all.right}, {"tasks", std::move(tasks)}};
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string reply_line(const ConversationTurn& turn, const std::string& reply, bool right) {
  const Json line = {{"task", turn.task},
                     {"question", behind_image_marks(turn.question)},
                     {"answer", turn.answer},
                     {"reply", reply},
                     {"right", right}};
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

int run(const Options& options) {
  const std::vector<Conversation> conversations = wanted_conversations(options);
  const InterruptGuard interrupt;
  const Model model = load_model(options.model, options.model_options);
  tell_warnings(model.warnings());
  RepliesFile replies(options.replies);
  ProgressBar bar;
  const ConversationScores scores = score_conversations(
      conversations, model, is_right_answer, options.max_new_tokens,
      [&](std::string_view stage, int64_t done, int64_t total) {
        if (stage == "asking" || stage == "encoding images") bar.update(stage, done, total);
        return !interrupt.interrupted();
      },
      [&](const ConversationTurn& turn, const std::string& reply, bool right) {
        replies.write(reply_line(turn, reply, right));
      });
  bar.erase();
  replies.commit();
  tell_warnings(scores.warnings);
  if (scores.interrupted) tell("owl3: interrupted; of the questions asked so far:\n");
  fmt::print("{}", options.json ? json(scores, options) : table(scores, conversations.size()));
  return scores.interrupted ? interrupted_exit_code() : 0;
}

}  // namespace

void add_eval_conversations(CLI::App& eval) {
  auto options = std::make_shared<Options>();
  CLI::App* command = eval.add_subcommand(
      "conversations", "Ask what rows of conversations ask, and count right answers by task");
  command->footer(
      "FILE is JSONL, rows as training has them with `answers`, the words that make each answer\n"
      "right, and `tasks` to count them by. Questions are asked one after the other; what the "
      "model\n"
      "answered stands before the next. docs/evaluation.md tells more.\n\n"
      "Examples:\n"
      "  owl3 make-data held-out --kind stage3 --count 2000 --split test\n"
      "  owl3 eval conversations MODEL --data held-out/stage3.jsonl --max-images 64");
  add_options(*command, *options);
  command->callback([options] {
    const int code = run(*options);
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace owl3::cli
