#include "cli/inspect/golden_options.h"

#include "builtin/open_model.h"
#include "program/arithmetic_options.h"
#include "program/failure.h"
#include "program/number_option.h"

namespace owl3::cli {

void add_golden_check_options(CLI::App& app, GoldenCheckOptions& options) {
  app.add_option("--precision", options.precision, "Only this precision")
      ->check(CLI::IsMember({"both", "float32", "bf16", "bf16-expanded"}))
      ->capture_default_str();
  add_threads_option(app, options.threads);
  app.add_flag("--vision-int8", options.vision_int8, "The vision encoder's products in int8");
  app.add_flag("--visual-memory-int8", options.visual_memory_int8, "Visual memory in int8");
  add_device_option(app, options.device);
}

std::filesystem::path other_model(const GoldenCheckOptions& options, std::string_view owlet_is) {
  if (options.model.empty()) return {};
  if (names_builtin_model(options.model)) {
    throw UsageError(fmt::format("--model {}: is {}", options.model, owlet_is));
  }
  return find_existing_model(options.model);
}

void check_in_precisions(const GoldenCheckOptions& options, const std::string& subject,
                         const std::function<GoldenCheckReport(const ModelOptions&)>& check) {
  bool passed = true;
  auto all = nlohmann::ordered_json::array();
  std::vector<Precision> precisions = {Precision::kFloat32, Precision::kBFloat16};
  if (options.precision != "both") precisions = {precision_named(options.precision)};
  for (const Precision precision : precisions) {
    GoldenCheckReport report = check({precision,
                                      options.vision_int8,
                                      options.visual_memory_int8,
                                      options.threads,
                                      {},
                                      options.device});
    passed = passed && report.passed;
    if (options.json) all.push_back(std::move(report.json));
  }
  if (options.json) {
    fmt::print("{}\n", all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  }
  if (passed) return;
  const std::string message = fmt::format("{}: out of tolerance", subject);
  if (options.json) throw ToldFailure(message);
  throw Error(message);
}

}  // namespace owl3::cli
