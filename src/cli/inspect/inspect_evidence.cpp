// owl3 inspect evidence: what attention reads from images against another implementation's account.
#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "builtin/open_model.h"
#include "cli/inspect/inspect.h"
#include "eval/evidence_check.h"
#include "program/failure.h"
#include "program/number_option.h"

namespace owl3::cli {

namespace {

struct Options {
  std::string folder;
  std::string model;
  std::string precision = "both";
  std::optional<double> tolerance;
  int threads = 0;
  bool no_splits = false;
  bool vision_int8 = false;
  bool visual_memory_int8 = false;
  bool json = false;
};

std::string_view name_of(Precision precision) {
  return precision == Precision::kFloat32 ? "float32" : "bf16";
}

std::string text_of(const std::optional<double>& difference) {
  return difference ? fmt::format("{:.3g}", *difference) : std::string("-");
}

void print_table(const EvidenceReport& report) {
  fmt::print("{}, within {:.3g}\n", name_of(report.precision), report.tolerance);
  fmt::print("  {:<22} {:>6} {:>12} {:>12} {:>12}\n", "prompt", "layer", "by image", "by key",
             "gate");
  size_t failed = 0;
  for (const EvidenceCheck& r : report.results) {
    fmt::print("  {:<22} {:>6} {:>12.3g} {:>12} {:>12}  {}\n", r.prompt, r.layer, r.by_image,
               text_of(r.by_key), text_of(r.gate), r.passed ? "ok" : "FAILED");
    if (r.passed) continue;
    ++failed;
    fmt::print("    {}\n", r.worst);
  }
  if (failed > 0) fmt::print("  {} of {} differ\n", failed, report.results.size());
}

/// JSON has no infinity, which stands for NaN where a number should be.
nlohmann::ordered_json number_of(const std::optional<double>& difference) {
  if (!difference || !std::isfinite(*difference)) return nullptr;
  return *difference;
}

nlohmann::ordered_json to_json(const EvidenceReport& report) {
  auto results = nlohmann::ordered_json::array();
  for (const EvidenceCheck& r : report.results) {
    results.push_back({{"prompt", r.prompt},
                       {"layer", r.layer},
                       {"by_image", number_of(r.by_image)},
                       {"by_key", number_of(r.by_key)},
                       {"gate", number_of(r.gate)},
                       {"worst", r.worst},
                       {"passed", r.passed}});
  }
  return {{"precision", name_of(report.precision)},
          {"tolerance", report.tolerance},
          {"passed", report.passed()},
          {"results", std::move(results)}};
}

/// The checkpoint that --model names; nothing where it is not given.
std::filesystem::path other_model(const Options& options) {
  if (options.model.empty()) return {};
  if (names_builtin_model(options.model)) {
    throw UsageError(fmt::format("--model {}: is not the model that {} was made with",
                                 options.model, options.folder));
  }
  return find_existing_model(options.model);
}

void run(const Options& options) {
  const std::filesystem::path model = other_model(options);
  bool passed = true;
  auto all = nlohmann::ordered_json::array();
  for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    if (options.precision != "both" && options.precision != name_of(precision)) continue;
    const ModelOptions model_options = {precision, options.vision_int8, options.visual_memory_int8,
                                        options.threads};
    const EvidenceReport report = check_evidence(
        options.folder, {model_options, !options.no_splits, model, options.tolerance});
    passed = passed && report.passed();
    if (options.json) {
      all.push_back(to_json(report));
    } else {
      print_table(report);
    }
  }
  if (options.json) {
    fmt::print("{}\n", all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  }
  if (passed) return;
  const std::string message = fmt::format("{}: out of tolerance", options.folder);
  if (options.json) throw ToldFailure(message);
  throw Error(message);
}

}  // namespace

void add_inspect_evidence(CLI::App& inspect) {
  auto options = std::make_shared<Options>();
  CLI::App* app = inspect.add_subcommand(
      "evidence", "Compare what attention reads from images with another implementation's account");
  app->add_option("DIR", options->folder, "A folder with evidence.json and its files")->required();
  app->add_option("--model", options->model,
                  "The model, in place of the one that evidence.json names: its folder, which has "
                  "the prompts too, or a conversion of it")
      ->type_name("MODEL");
  app->add_option("--precision", options->precision, "Only this precision")
      ->check(CLI::IsMember({"both", "float32", "bf16"}))
      ->capture_default_str();
  app->add_option("--tolerance", options->tolerance,
                  "Allow weights to differ by this, instead of the limits below")
      ->transform(real_number(0.0, 1.0))
      ->type_name("X");
  app->add_option("-t,--threads", options->threads,
                  "Threads (0: what affinity and CPU quota allow)")
      ->transform(whole_number(0, 1024))
      ->capture_default_str();
  app->add_flag("--vision-int8", options->vision_int8, "The vision encoder's products in int8");
  app->add_flag("--visual-memory-int8", options->visual_memory_int8, "Visual memory in int8");
  app->add_flag(
      "--no-splits", options->no_splits,
      "Read each prompt in one piece only, not also cut at every position, token by token "
      "and in steps with the others");
  app->add_flag("--json", options->json, "Print JSON");
  app->footer(
      "Exits with 1 when anything is out of tolerance, 1e-4 in float32 and 0.02 in bf16, and says\n"
      "where: every weight of every image, of every key in the last row, and the means of the "
      "gates.\n"
      "Prompts and pictures are those of golden.json in the model's folder.\n\n"
      "Examples:\n"
      "  owl3 inspect evidence tests/data/evidence/unified\n"
      "  owl3 inspect evidence evidence/unified --model tests/data/model/unified --json");
  app->callback([options] { run(*options); });
}

}  // namespace owl3::cli
