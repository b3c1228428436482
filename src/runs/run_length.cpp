#include "runs/run_length.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "core/counted.h"

namespace owl3 {

namespace {

/// With fewer, no recipe taught owlet a name (docs/training.md).
constexpr int64_t kFewSteps = 30;

std::string epochs_text(double epochs) {
  if (epochs == std::floor(epochs)) return counted(static_cast<int64_t>(epochs), "epoch");
  return epochs < 0.1 ? fmt::format("{:.2g} epochs", epochs) : fmt::format("{:.1f} epochs", epochs);
}

/// What makes more steps of the same data.
std::string advice(const Recipe& recipe) {
  if (recipe.steps > 0) return "raise steps";
  std::string text = "raise epochs";
  if (recipe.batch.accumulate > 1) text += ", lower batch.accumulate";
  if (recipe.batch.rows > 1) text += ", lower batch.rows";
  const bool language = recipe.task == Task::kLanguage;
  if (language && recipe.batch.pack) text += ", set batch.pack to false";
  if (language) text += ", or take recipes/small.yaml, which is for few rows";
  return text;
}

}  // namespace

RunLength run_length(const Recipe& recipe, int64_t samples_per_epoch, int64_t counted_steps,
                     int64_t counted_samples, bool whole) {
  RunLength length{samples_per_epoch, recipe.steps, static_cast<double>(recipe.epochs), whole};
  if (counted_steps == 0 && !whole) return length;
  const auto steps = static_cast<double>(counted_steps);
  const auto epochs = static_cast<double>(counted_samples) / static_cast<double>(samples_per_epoch);
  if (recipe.steps > 0) {
    length.epochs = whole ? epochs : static_cast<double>(recipe.steps) * epochs / steps;
  } else {
    length.steps = whole ? counted_steps : std::llround(length.epochs * steps / epochs);
  }
  return length;
}

std::string length_text(const Recipe& recipe, const RunLength& length) {
  const bool by_steps = recipe.steps > 0;
  const std::string given =
      by_steps ? counted(recipe.steps, "step") : counted(recipe.epochs, "epoch");
  if (length.steps == 0 || length.epochs == 0) return given;
  return fmt::format("{}, {}{}", given, length.exact ? "" : "about ",
                     by_steps ? epochs_text(length.epochs) : counted(length.steps, "step"));
}

std::string short_run_warning(const Recipe& recipe, const RunLength& length) {
  if (length.steps == 0 || length.steps >= kFewSteps) return "";
  return fmt::format("warning: {} teach{} next to nothing, {} or more are needed: {}",
                     counted(length.steps, "step"), length.steps == 1 ? "es" : "", kFewSteps,
                     advice(recipe));
}

}  // namespace owl3
