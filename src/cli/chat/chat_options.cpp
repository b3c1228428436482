#include "cli/chat/chat_options.h"

#include <CLI/CLI.hpp>

#include "builtin/builtin_model.h"
#include "cli/chat/evidence_file.h"
#include "cli/chat/likelihood_options.h"
#include "cli/media_options.h"
#include "cli/memory/selection.h"
#include "cli/models/load_model.h"
#include "core/error.h"
#include "program/arithmetic_options.h"
#include "program/byte_option.h"
#include "program/lora_option.h"
#include "program/number_option.h"
#include "text/utf8.h"

namespace owl3::cli {

namespace {

constexpr const char* kMedia = "Images and films";
constexpr const char* kAnswer = "The answer";
constexpr const char* kMachine = "The machine";
constexpr const char* kOutput = "Output";

constexpr double kMaxTemperature = 1e6;
constexpr double kMaxPenalty = 1e6;

void add_media_options(CLI::App& command, ChatArguments& arguments) {
  command.add_option("--image", "Image file, folder or glob; repeatable, kept in the order given")
      ->type_name("FILE...")
      ->expected(1, -1)
      ->allow_extra_args()
      ->group(kMedia);
  command.add_option("--video", "Film in any format FFmpeg reads; repeatable")
      ->type_name("FILE...")
      ->expected(1, -1)
      ->allow_extra_args()
      ->group(kMedia);
  command
      .add_flag_function(
          "--number-images,!--no-number-images",
          [&](int64_t given) { arguments.number_images = given > 0; },
          "Put numbers behind images, to be asked by (default: as the checkpoint was taught)")
      ->group(kMedia);
  command
      .add_option("--memory", arguments.memory,
                  "Photos and films of this file, which owl3 index made of them")
      ->type_name("FILE")
      ->group(kMedia);
  command
      .add_option("--load", arguments.load,
                  "Go on with a conversation that /save or the page of owl3 serve wrote")
      ->type_name("FILE")
      ->group(kMedia);
  add_selection_options(command, arguments.selection, kMedia);
  add_reading_options(command, {arguments.image, arguments.video, arguments.strict, "128"}, kMedia);
}

void add_sampling_options(CLI::App& command, GenerationChoices& choices, const char* group) {
  CLI::Option* greedy =
      command.add_flag("--greedy", choices.greedy, "Always the likeliest token")->group(group);
  const auto sampling = [&](CLI::Option* option, const CLI::Validator& range) {
    option->transform(range)->type_name("X")->group(group)->excludes(greedy);
  };
  sampling(command.add_option("--temperature", choices.temperature,
                              "Lower is soberer, higher is wilder; 0 is greedy"),
           real_number(0, kMaxTemperature));
  sampling(command.add_option("--top-k", choices.top_k, "Choose among the K likeliest; 0: off")
               ->type_name("K"),
           whole_number(0));
  sampling(command.add_option("--top-p", choices.top_p,
                              "Choose among the likeliest that together have this probability"),
           real_number(0, 1));
  sampling(command.add_option("--min-p", choices.min_p,
                              "Drop tokens below this fraction of the likeliest's probability"),
           real_number(0, 1));
  command
      .add_option("--repetition-penalty", choices.repetition_penalty,
                  "Above 1: less likely to say again what was said")
      ->transform(positive_number(kMaxPenalty))
      ->type_name("X")
      ->group(group);
  command.add_option("--seed", choices.seed, "The same seed gives the same answer (0)")
      ->transform(seed_number())
      ->type_name("N")
      ->group(group);
  command.add_option("--num-beams", choices.num_beams, "Beam search with this many beams")
      ->transform(whole_number(1))
      ->type_name("N")
      ->group(group)
      ->excludes(greedy);
}

void add_answer_options(CLI::App& command, ChatArguments& arguments) {
  command
      .add_option("-p,--prompt", arguments.prompt,
                  "Ask this, answer, and end; - reads the question from standard input")
      ->type_name("TEXT")
      ->group(kAnswer);
  command
      .add_flag("--control-tokens", arguments.control_tokens,
                "Let <|im_end|> and the like in texts work as such, as the official code does; "
                "otherwise they are text")
      ->group(kAnswer);
  command.add_option("--system", arguments.system, "System message: who the model is to be")
      ->type_name("TEXT")
      ->group(kAnswer);
  add_generation_options(command, arguments.generation, kAnswer);
}

void require(bool holds, const std::string& message) {
  if (!holds) throw UsageError(message);
}

/// A checkpoint given behind --image's files ("--image a.jpg b.jpg MODEL") is still the MODEL.
/// Without any it is the one in the program, where there is one.
void take_model_from_media(ChatArguments& arguments) {
  for (auto medium = arguments.media.rbegin(); medium != arguments.media.rend(); ++medium) {
    if (!means_model(medium->text)) continue;
    arguments.model = medium->text;
    arguments.media.erase(std::next(medium).base());
    return;
  }
  if (builtin_model()) return;
  throw UsageError(
      "MODEL is missing: owl3 chat MODEL, a name (owl3 list), a checkpoint folder or .gguf file");
}

/// "--evidence MODEL" names no file: what follows is the MODEL still.
void take_evidence(const CLI::App& command, ChatArguments& arguments) {
  const CLI::Option* option = command.get_option("--evidence");
  arguments.evidence = option->count() > 0;
  for (const std::string& value : option->results()) {
    if (is_evidence_file(value)) {
      check_evidence_file("--evidence", value);
      arguments.evidence_file = value;
    } else if (!value.empty() && arguments.model.empty() && means_model(value)) {
      arguments.model = value;
    } else if (!value.empty()) {
      check_evidence_file("--evidence", value);
    }
  }
}

}  // namespace

GenerationOptions GenerationChoices::over(const Model& model,
                                          const GenerationOptions& defaults) const {
  GenerationOptions options = over(preset.empty() ? defaults : model.preset(preset));
  if (!options.form) options.form = defaults.form;  // presets have none
  return options;
}

GenerationOptions GenerationChoices::over(GenerationOptions options) const {
  if (temperature || top_k || top_p || min_p) {
    options.do_sample = true;
    options.num_beams = 1;
  }
  options.temperature = temperature.value_or(options.temperature);
  options.top_k = top_k.value_or(options.top_k);
  options.top_p = top_p.value_or(options.top_p);
  options.min_p = min_p.value_or(options.min_p);
  options.repetition_penalty = repetition_penalty.value_or(options.repetition_penalty);
  options.seed = seed.value_or(options.seed);
  options.max_new_tokens = max_new_tokens.value_or(options.max_new_tokens);
  if (num_beams) {
    options.num_beams = *num_beams;
    if (*num_beams > 1) options.do_sample = false;
  }
  if (greedy || temperature == 0.0) {
    options.do_sample = false;
    options.num_beams = 1;
    options.temperature = 1;
  }
  if (!stop.empty()) options.stop = stop;
  if (form) options.form = form;
  options.likeliest = logprobs;
  // A saved conversation's form has choices, too.
  if (choice_probs && options.form) options.scored_texts = options.form->choices;
  return options;
}

std::vector<std::string> GenerationChoices::scored_choices() const {
  return choice_probs && form ? form->choices : std::vector<std::string>();
}

void add_generation_options(CLI::App& command, GenerationChoices& choices, const char* group) {
  command
      .add_option("--preset", choices.preset,
                  "Official settings: sample, beam, eval, or greedy (default: the checkpoint's)")
      ->check(CLI::IsMember({"sample", "beam", "eval", "greedy"}))
      ->type_name("NAME")
      ->group(group);
  add_sampling_options(command, choices, group);
  command.add_option("--max-new-tokens", choices.max_new_tokens, "Longest answer, in tokens")
      ->transform(whole_number(1))
      ->type_name("N")
      ->group(group);
  command.add_option("--stop", choices.stop, "End the answer before this text; repeatable")
      ->type_name("TEXT")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(group);
}

void add_chat_options(CLI::App& command, ChatArguments& arguments) {
  add_optional_model(command, arguments.model);
  add_answer_options(command, arguments);
  add_form_options(command, arguments.form, kAnswer);
  add_lora_option(command, arguments.model_options.lora)->group(kAnswer);
  add_media_options(command, arguments);
  add_live_options(command, arguments.live);
  add_arithmetic_options(command, arguments.model_options, kMachine);
  command
      .add_option("--memory-budget", arguments.memory_options.budget_bytes,
                  "Keep images in at most so much memory, such as 500M or 4G; those of no "
                  "conversation make way (default: as much as the process may have)")
      ->transform(byte_count(1))
      ->type_name("BYTES")
      ->group(kMachine);
  command
      .add_option("--memory-dir", arguments.memory_options.folder,
                  "Where images go that make way, and come back from, also in later conversations")
      ->type_name("FOLDER")
      ->group(kMachine);
  command
      .add_option("--memory-dir-budget", arguments.memory_options.folder_budget_bytes,
                  "Keep at most so much there; those not used for longest make way (10G)")
      ->transform(byte_count(1))
      ->type_name("BYTES")
      ->group(kMachine);
  command
      .add_option("--prompt-cache", arguments.prompt_folder,
                  "Keep there what was read of a long first question, so that the next one about "
                  "the same images begins at once, also in later conversations")
      ->type_name("FOLDER")
      ->group(kMachine);
  command
      .add_option("--prompt-cache-budget", arguments.prompt_folder_budget_bytes,
                  "Keep at most so much there; what is not used for longest makes way (10G)")
      ->transform(byte_count(1))
      ->type_name("BYTES")
      ->group(kMachine);
  add_threads_option(command, arguments.model_options.threads)->group(kMachine);
  command
      .add_flag(
          "--json", arguments.json,
          "One JSON object for each question or command: text, stop reason, tokens, timings, media")
      ->group(kOutput);
  command
      .add_option("--evidence",
                  "With each answer, the images it was read from, by how much they were attended "
                  "to; into a .html, .svg or .json FILE as a picture or data")
      ->type_name("[FILE]")
      ->expected(0, 1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->group(kOutput);
  add_likelihood_options(command, arguments.generation, kOutput);
  command
      .add_flag("--stats", arguments.stats,
                "At the end: images/s, tokens/s, time to the first token, peak memory")
      ->group(kOutput);
}

void take_media(const CLI::App& command, ChatArguments& arguments) {
  const CLI::Option* image = command.get_option("--image");
  const CLI::Option* video = command.get_option("--video");
  size_t images = 0;
  size_t videos = 0;
  for (const CLI::Option* option : command.parse_order()) {  // once per value
    if (option == image && images < image->results().size()) {
      arguments.media.push_back({false, image->results()[images++]});
    } else if (option == video && videos < video->results().size()) {
      arguments.media.push_back({true, video->results()[videos++]});
    }
  }
  take_evidence(command, arguments);
  if (arguments.model.empty()) take_model_from_media(arguments);
}

void check_text(const char* option, const std::string& text) {
  const size_t invalid = find_invalid_utf8(text);
  require(invalid == std::string::npos,
          fmt::format("{}: byte {} is not UTF-8 text", option, invalid + 1));
}

void check_generation_choices(const GenerationChoices& choices) {
  const bool samples = choices.temperature || choices.top_k || choices.top_p || choices.min_p;
  require(!(samples && choices.num_beams.value_or(1) > 1),
          "--num-beams: beam search takes no --temperature, --top-k, --top-p or --min-p");
  for (const std::string& stop : choices.stop) {
    require(!stop.empty(), "--stop: must not be empty");
    check_text("--stop", stop);
  }
}

void check_chat_arguments(const ChatArguments& arguments) {
  check_live_arguments(arguments.live);
  if (!arguments.live.source.empty()) {
    require(arguments.media.empty() && arguments.memory.empty(),
            "--live: takes no --image, --video or --memory beside it");
    require(arguments.load.empty(), "--live: takes no --load beside it");
    require(!arguments.evidence, "--live: answers come without --evidence");
    require(arguments.json || !(arguments.generation.logprobs || arguments.generation.choice_probs),
            "--live: --logprobs and --choice-probs are told with --json");
  }
  check_video_options(arguments.video);
  check_generation_choices(arguments.generation);
  check_likelihood_options(arguments.generation, arguments.form, !arguments.load.empty());
  const MemorySelection none;
  require(!arguments.memory.empty() || arguments.selection == none,
          "--only, --from and --to choose from a --memory; none is given");
  require(arguments.load.empty() || arguments.system.empty(),
          "--load: the conversation has its own --system");
  check_text("--system", arguments.system);
  if (arguments.prompt) check_text("-p", *arguments.prompt);
}

}  // namespace owl3::cli
