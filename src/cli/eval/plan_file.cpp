#include "cli/eval/plan_file.h"

#include <fmt/format.h>

#include "benchmarks/json_text.h"
#include "benchmarks/plan.h"
#include "core/error.h"
#ifdef OWL3_READS_YAML
#include "runs/recipe_tree.h"
#endif
#include "training_data/row_file.h"

namespace owl3::cli {

namespace {

bool is_yaml(const std::string& path) {
  return path.ends_with(".yaml") || path.ends_with(".yml");
}

#ifdef OWL3_READS_YAML
std::vector<PlanLine> yaml_lines(const std::string& path) {
  const RecipeValue plan = load_yaml(path);
  if (plan.kind != RecipeValue::Kind::kList) {
    throw InputError(
        fmt::format("{}: a plan is a list of entries, such as \"- ds_name: gqa_testdev\"", path));
  }
  std::vector<PlanLine> lines;
  for (const RecipeValue& entry : plan.items) lines.push_back({to_json(entry), entry.where});
  return lines;
}
#else
std::vector<PlanLine> yaml_lines(const std::string& path) {
  throw InputError(
      fmt::format("{}: this build of owl3 reads no YAML; write the plan as JSONL", path));
}
#endif

std::vector<PlanLine> json_lines(const std::string& path) {
  const RowFile file = RowFile::open(path);
  std::vector<PlanLine> lines;
  for (int64_t i = 0; i < file.size(); ++i) {
    lines.push_back({parse_json_text(file.row(i), file.where(i)), file.where(i)});
  }
  return lines;
}

}  // namespace

bool is_plan_file(const std::string& word) {
  return is_yaml(word) || word.ends_with(".jsonl") || word.ends_with(".json");
}

std::vector<BenchmarkSet> read_plan(const std::string& path) {
  return planned_sets(is_yaml(path) ? yaml_lines(path) : json_lines(path), path);
}

}  // namespace owl3::cli
