#include "cli/bench/bench_options.h"

#include <algorithm>

#include "program/arithmetic_options.h"
#include "program/number_option.h"

namespace owl3::cli {

namespace {

constexpr const char* kModel = "The model";
constexpr const char* kTests = "The tests";
constexpr const char* kOutput = "Output";

constexpr const char* kFooter =
    "The last column says what fraction of this machine's own measured peak was reached, and of\n"
    "which: the arithmetic a test runs in (float32, bf16, int8), or memory where that is the "
    "tighter\nbound. Prompts of N images count reading the prompt, not encoding the images. Where "
    "several\nconversations decode at once, the rate is of all together, and per item one's own. "
    "For --types, the\nmodel is converted to a file in the folder for temporary files (TMPDIR) and "
    "measured, one type\nafter the other.\n\n"
    "Examples:\n"
    "  owl3 bench MODEL\n"
    "  owl3 bench MODEL --types bf16,q8_0,q4_0 --threads 1,2 --images 1,10,100\n"
    "  owl3 bench small.gguf --tests encode --batch 4 --vision-int8\n"
    "  owl3 bench MODEL --tests decode --parallel 1,2,4,8,16\n"
    "  owl3 make-checkpoint --like 2b /tmp/2b && owl3 bench /tmp/2b --markdown > 2b.md";

/// An option that takes a list in one word: "1,10,100".
template <typename Values>
CLI::Option* add_list(CLI::App& command, const char* name, Values& values, const char* text) {
  return command.add_option(name, values, text)->delimiter(',')->allow_extra_args(false);
}

void add_model_options(CLI::App& command, BenchOptions& options) {
  CLI::Option* types =
      add_list(command, "--types", options.types,
               "Measure it in these types: bf16, q8_0, q6_k, q4_k, q4_0 (default: as it is)")
          ->check(CLI::IsMember({"bf16", "q8_0", "q6_k", "q4_k", "q4_0"}))
          ->type_name("TYPE,...")
          ->group(kModel);
  command
      .add_option("--vision", options.vision,
                  "Type of the vision encoder with --types: bf16 or q8_0")
      ->check(CLI::IsMember({"bf16", "q8_0"}))
      ->needs(types)
      ->capture_default_str()
      ->type_name("TYPE")
      ->group(kModel);
  add_arithmetic_options(command, options.model_options, kModel);
}

void add_test_options(CLI::App& command, BenchOptions& options) {
  add_list(command, "--tests", options.tests,
           "Which: encode (an image), prefill (of text), decode (of text), images (prompts with "
           "them), evidence (decoding with it and without) (default: all but evidence)")
      ->check(CLI::IsMember({"encode", "prefill", "decode", "images", "evidence"}))
      ->type_name("TEST,...")
      ->group(kTests);
  add_list(command, "--images", options.images,
           "Image counts of the N-image prompts (default: 1,10)")
      ->transform(whole_number(1, 30000))
      ->type_name("N,...")
      ->group(kTests);
  const auto add_count = [&](const char* name, int64_t& count, int largest, const char* text) {
    command.add_option(name, count, text)
        ->transform(whole_number(1, largest))
        ->capture_default_str()
        ->type_name("N")
        ->group(kTests);
  };
  add_count("--batch", options.batch, 1000, "Also encode this many images at once");
  add_count("--prefill", options.prefill_tokens, 32000, "Tokens of the text prefill test");
  add_count("--decode", options.decode_tokens, 10000, "Tokens of each decoding test");
  add_list(command, "--parallel", options.parallel,
           "Conversations that decode at once; a list measures each count (default: 1)")
      ->transform(whole_number(1, 256))
      ->type_name("N,...")
      ->group(kTests);
  add_list(
      command, "-t,--threads", options.threads,
      "Threads (0: what affinity and CPU quota allow); a list measures each count (default: 0)")
      ->transform(whole_number(0, 1024))
      ->type_name("N,...")
      ->group(kTests);
  command
      .add_option("-r,--repetitions", options.repetitions,
                  "Measured runs of each test, after one to warm up")
      ->transform(whole_number(1, 1000))
      ->capture_default_str()
      ->type_name("N")
      ->group(kTests);
}

}  // namespace

bool BenchOptions::wants(const std::string& test) const {
  return std::find(tests.begin(), tests.end(), test) != tests.end();
}

void add_bench_options(CLI::App& command, BenchOptions& options) {
  command.footer(kFooter);
  command.add_option("MODEL", options.model, "A name (owl3 list), checkpoint folder or .gguf file")
      ->required()
      ->type_name("");
  add_model_options(command, options);
  add_test_options(command, options);
  CLI::Option* json = command.add_flag_callback(
      "--json", [&options] { options.format = BenchFormat::kJson; },
      "Print JSON: every repetition's seconds, too");
  command
      .add_flag_callback(
          "--markdown", [&options] { options.format = BenchFormat::kMarkdown; },
          "Print a Markdown table, with machine, date and command line")
      ->excludes(json)
      ->group(kOutput);
  json->group(kOutput);
}

}  // namespace owl3::cli
