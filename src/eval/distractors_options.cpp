#include "eval/distractors_options.h"

#include <CLI/CLI.hpp>

#include "program/arithmetic_options.h"
#include "program/lora_option.h"
#include "program/number_option.h"

namespace owl3 {

namespace {

constexpr const char* kQuestions = "The questions";
constexpr const char* kReplies = "The replies";
constexpr const char* kMachine = "The machine";
constexpr const char* kOutput = "Output";

constexpr const char* kFooter =
    "A question counts as right when it is right under every rotation of its options; \"each\" is\n"
    "the share of single askings, and \"evidence\" of the right ones the share that attended to "
    "the\n"
    "image asked about more than to any other. FILE is JSONL: rows of owl3 make-data --kind "
    "distractors, or "
    "rows\n"
    "with messages, one image, options and answer, which are put among the other rows' images.\n"
    "docs/evaluation.md explains the format, the scoring and the numbers.\n\n"
    "Examples:\n"
    "  owl3 make-data held-out --kind distractors --count 1440 --split test\n"
    "  owl3 eval distractors MODEL --data held-out/distractors.jsonl\n"
    "  owl3 eval distractors MODEL --data mmbench.jsonl -n 0,10,100 --score likelihood\n"
    "  owl3 eval distractors MODEL --data held-out/distractors.jsonl --plot curve.svg";

void add_question_options(CLI::App& command, EvalOptions& options) {
  command.add_option("--data", options.data, "The questions, a JSONL file")
      ->required()
      ->type_name("FILE")
      ->group(kQuestions);
  command
      .add_option("-n,--distractors", options.plan.counts,
                  "How many irrelevant images (default: what the file has; of questions about one "
                  "image 0,1,5,10,20,50,100,200,400)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->transform(whole_number(0, 1'000'000))
      ->type_name("N,...")
      ->group(kQuestions);
  command
      .add_option_function<std::vector<std::string>>(
          "--by",
          [&options](const std::vector<std::string>& names) {
            options.plan.by.clear();
            for (const std::string& name : names) options.plan.by.push_back(*pointing_of(name));
          },
          "Only questions that point by content, or by number (default: both)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"content", "number"}))
      ->type_name("NAME,...")
      ->group(kQuestions);
  command
      .add_option("--questions", options.plan.questions,
                  "At most this many for each N and way of pointing")
      ->transform(whole_number(1, 1'000'000))
      ->capture_default_str()
      ->type_name("N")
      ->group(kQuestions);
  command.add_option("--limit", options.limit, "At most this many in all; 0: no limit")
      ->transform(whole_number(0, 1'000'000))
      ->capture_default_str()
      ->type_name("N")
      ->group(kQuestions);
  command
      .add_option("--seed", options.plan.seed,
                  "Chooses the questions, and the images around those about one")
      ->transform(whole_number(0))
      ->capture_default_str()
      ->type_name("N")
      ->group(kQuestions);
}

void add_reply_options(CLI::App& command, EvalOptions& options) {
  command
      .add_option_function<std::string>(
          "--score",
          [&options](const std::string& name) {
            options.examinee.scoring = name == "text" ? Scoring::kText : Scoring::kLikelihood;
          },
          "text (default): what the model says, greedily; likelihood: the option it holds for the "
          "likeliest reply")
      ->check(CLI::IsMember({"text", "likelihood"}))
      ->type_name("NAME")
      ->group(kReplies);
  command
      .add_option("--max-new-tokens", options.examinee.max_new_tokens, "Longest reply, in tokens")
      ->transform(whole_number(1, 100'000))
      ->capture_default_str()
      ->type_name("N")
      ->group(kReplies);
  command.add_option("--system", options.examinee.system, "System message")
      ->type_name("TEXT")
      ->group(kReplies);
  command
      .add_flag("--control-tokens", options.examinee.control_tokens,
                "Let <|im_end|> and the like in the questions work, as the official code does")
      ->group(kReplies);
  add_lora_option(command, options.model_options.lora)->group(kReplies);
}

void add_thread_option(CLI::App& command, EvalOptions& options) {
  add_threads_option(command, options.model_options.threads)->group(kMachine);
}

void add_output_options(CLI::App& command, EvalOptions& options) {
  CLI::Option* json = command.add_flag_callback(
      "--json", [&options] { options.format = EvalFormat::kJson; }, "Print JSON");
  command
      .add_flag_callback(
          "--markdown", [&options] { options.format = EvalFormat::kMarkdown; },
          "Print a Markdown table, with date, machine and command line")
      ->excludes(json)
      ->group(kOutput);
  json->group(kOutput);
  command
      .add_option("--plot", options.plot,
                  "Draw accuracy, evidence, time and memory over N: a .svg or .png file")
      ->type_name("FILE")
      ->group(kOutput);
  command
      .add_option("--replies", options.replies,
                  "Write every asking and its reply as a line of JSON")
      ->type_name("FILE")
      ->group(kOutput);
}

}  // namespace

void add_exam_options(CLI::App& command, EvalOptions& options) {
  command.add_option("MODEL", options.model, "A name (owl3 list), checkpoint folder or .gguf file")
      ->required()
      ->type_name("");
  add_question_options(command, options);
  add_thread_option(command, options);
  add_output_options(command, options);
}

void add_eval_options(CLI::App& command, EvalOptions& options) {
  command.footer(kFooter);
  add_exam_options(command, options);
  add_reply_options(command, options);
  add_arithmetic_options(command, options.model_options, kMachine);
}

}  // namespace owl3
