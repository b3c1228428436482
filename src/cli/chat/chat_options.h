// The options of `owl3 chat`, as the user gave them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/chat/form_options.h"
#include "cli/chat/live_options.h"
#include "owl3/owl3.h"

namespace CLI {
class App;
}

namespace owl3::cli {

/// One --image or --video as given: a file, a folder, a glob.
struct MediumArgument {
  bool is_video = false;
  std::string text;
};

/// What the user said about generation; the rest is the preset's, or the checkpoint's.
struct GenerationChoices {
  std::string preset;
  bool greedy = false;
  std::optional<double> temperature;
  std::optional<int64_t> top_k;
  std::optional<double> top_p;
  std::optional<double> min_p;
  std::optional<double> repetition_penalty;
  std::optional<uint64_t> seed;
  std::optional<int64_t> max_new_tokens;
  std::optional<int64_t> num_beams;
  std::vector<std::string> stop;
  std::optional<AnswerForm> form;  // of FormArguments, once they are read
  std::optional<int64_t> logprobs;
  bool choice_probs = false;  // of the form's choices

  /// The options (a checkpoint's, a saved conversation's) with all choices but the preset laid over
  /// them.
  GenerationOptions over(GenerationOptions options) const;
  /// The preset named, or else the defaults, with the choices laid over them.
  GenerationOptions over(const Model& model, const GenerationOptions& defaults) const;
  /// The choices whose probabilities are to be told.
  std::vector<std::string> scored_choices() const;
};

struct ChatArguments {
  std::string model;
  std::vector<MediumArgument> media;  // in the order of the command line
  std::optional<std::string> prompt;  // "-": all of standard input
  std::string load;                   // a saved conversation to go on with, or empty
  std::string system;
  ModelOptions model_options;
  VisualMemoryOptions memory_options;
  std::string memory;         // a memory file, or empty
  MemorySelection selection;  // of that
  ImageOptions image;
  bool strict = false;  // a broken image ends the work, even among many
  std::optional<bool> number_images;
  bool control_tokens = false;
  std::string prompt_folder;  // what was read of long questions is kept there; empty: nowhere
  int64_t prompt_folder_budget_bytes = ChatOptions().prompt_folder_budget_bytes;
  VideoOptions video;
  LiveArguments live;
  GenerationChoices generation;
  FormArguments form;
  bool json = false;
  bool stats = false;
  bool evidence = false;      // to be told with every answer
  std::string evidence_file;  // of the last answer: .html, .svg or .json; empty: none
};

/// What is said about generation: --preset and sampling, --max-new-tokens, --stop.
void add_generation_options(CLI::App& command, GenerationChoices& choices, const char* group);
/// Throws UsageError where they don't fit together.
void check_generation_choices(const GenerationChoices& choices);
/// Throws UsageError for what is no UTF-8.
void check_text(const char* option, const std::string& text);

/// Registers every option on `command`. The media are in `arguments` after take_media().
void add_chat_options(CLI::App& command, ChatArguments& arguments);
/// Reads --image and --video from the parsed command, in the order given.
void take_media(const CLI::App& command, ChatArguments& arguments);
/// Throws UsageError where values don't fit together.
void check_chat_arguments(const ChatArguments& arguments);

}  // namespace owl3::cli
