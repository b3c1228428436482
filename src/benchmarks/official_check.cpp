#include "benchmarks/official_check.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "benchmarks/json_text.h"
#include "benchmarks/official_cases.h"
#include "benchmarks/registry.h"
#include "core/error.h"
#include "core/mapped_file.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr double kTolerance = 1e-12;  // relative: means of numpy's are reproduced, not its last bit

struct Kind {
  const char* file;
  CaseFunction function;
};

constexpr Kind kKinds[] = {{"answers.jsonl", answer_case},        {"metrics.jsonl", metrics_case},
                           {"frames.jsonl", frames_case},         {"prompts.jsonl", prompt_case},
                           {"outputs.jsonl", output_case},        {"plan.jsonl", plan_case},
                           {"submissions.jsonl", submission_case}};

std::string excerpt(const Json& value) {
  constexpr size_t kLongest = 200;
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() <= kLongest) return text;
  size_t end = kLongest;  // whole characters
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

bool same_number(const Json& a, const Json& b) {
  if (!a.is_number_float() && !b.is_number_float()) return a == b;
  const double x = a.get<double>(), y = b.get<double>();
  return x == y || std::fabs(x - y) <= kTolerance * std::max(std::fabs(x), std::fabs(y));
}

bool is_undefined(const Json& value) {
  return value.is_number_float() && !std::isfinite(value.get<double>());
}

/// Where two values differ first, and how; nothing where they are the same.
std::optional<std::string> difference(const Json& ours, const Json& theirs,
                                      const std::string& where = "") {
  const auto differs = [&] {
    return fmt::format("{}{}{}, in the golden data {}", where, where.empty() ? "" : ": ",
                       excerpt(ours), excerpt(theirs));
  };
  const std::string prefix = where.empty() ? "" : where + ".";
  if (is_undefined(ours)) {
    return theirs == "nan" ? std::nullopt : std::optional(differs());
  }
  if (ours.is_number() && theirs.is_number()) {
    return same_number(ours, theirs) ? std::nullopt : std::optional(differs());
  }
  if (ours.is_array() && theirs.is_array() && ours.size() == theirs.size()) {
    for (size_t i = 0; i < ours.size(); ++i) {
      if (auto found = difference(ours[i], theirs[i], fmt::format("{}{}", prefix, i))) return found;
    }
    return std::nullopt;
  }
  if (ours.is_object() && theirs.is_object()) {
    for (const auto& [key, value] : theirs.items()) {
      if (!ours.contains(key)) {
        return fmt::format("{}{} is missing, in the golden data {}", prefix, key, excerpt(value));
      }
      if (auto found = difference(ours[key], value, prefix + key)) return found;
    }
    for (const auto& [key, value] : ours.items()) {
      if (!theirs.contains(key)) {
        return fmt::format("{}{}: {}, in the golden data not there", prefix, key, excerpt(value));
      }
    }
    return std::nullopt;
  }
  return ours == theirs ? std::nullopt : std::optional(differs());
}

bool has_undefined(const Json& value) {
  if (!value.is_structured()) return is_undefined(value);
  for (const Json& part : value) {
    if (has_undefined(part)) return true;
  }
  return false;
}

/// A result, or why there is none.
struct Outcome {
  CaseResult result;
  std::optional<std::string> error;

  bool has_no_result() const { return error || has_undefined(result.result); }
};

Outcome outcome_of(CaseFunction function, const Json& golden_case, Compatibility mode) {
  Outcome outcome;
  try {
    outcome.result = function(golden_case, mode);
  } catch (const InputError& error) {
    outcome.error = error.what();
  } catch (const Json::exception& error) {  // a field of another kind than the format has
    outcome.error = error.what();
  }
  return outcome;
}

bool is_error(const Json& expected) {
  return expected.is_object() && expected.size() == 1 && expected.contains("error");
}

/// What of a case differs; nothing where nothing does.
std::optional<std::string> check_case(CaseFunction function, const Json& golden_case,
                                      Compatibility mode) {
  const bool intended = mode == Compatibility::kIntended && golden_case.contains("intended");
  const char* const key = intended ? "intended" : "official";
  if (!golden_case.contains(key)) return fmt::format("the case has no \"{}\"", key);
  const Json& expected = golden_case[key];
  const Outcome outcome = outcome_of(function, golden_case, mode);
  if (is_error(expected)) {
    if (outcome.has_no_result()) return std::nullopt;
    // Where the official code ends in an error and nothing is said of what was meant, a result is
    // as good as none, as long as the error is there when the official faults are asked for.
    if (mode == Compatibility::kIntended &&
        outcome_of(function, golden_case, Compatibility::kOfficial).has_no_result()) {
      return std::nullopt;
    }
    return fmt::format("{}, in the golden data an error, {}", excerpt(outcome.result.result),
                       excerpt(expected["error"]));
  }
  if (outcome.error) {
    return fmt::format("{}; in the golden data {}", *outcome.error, excerpt(expected));
  }
  if (auto found = difference(outcome.result.result, expected)) return found;
  if (intended) return std::nullopt;  // what stands beside is the official result's
  for (const auto& [name, value] : outcome.result.more.items()) {
    if (!golden_case.contains(name)) continue;
    if (auto found = difference(value, golden_case[name], name)) return found;
  }
  return std::nullopt;
}

Json parse_line(std::string_view line, const std::string& place) {
  Json parsed = parse_json_text(line, place);
  if (!parsed.is_object()) throw InputError(fmt::format("{}: no JSON object", place));
  return parsed;
}

std::vector<Json> load_cases(const fs::path& path) {
  const auto file = MappedFile::open(path);
  std::string_view rest(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  std::vector<Json> cases;
  for (size_t number = 1; !rest.empty(); ++number) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    cases.push_back(parse_line(line, fmt::format("{}: line {}", path.string(), number)));
  }
  return cases;
}

/// A line of the plan as a case like the others.
Json plan_entry_as_case(const Json& line, size_t position) {
  Json official = line;
  official.erase("case");
  if (official.contains("error")) official["error"] = true;
  return {
      {"case", line.value("case", "")}, {"position", position}, {"official", std::move(official)}};
}

class FileCheck {
 public:
  FileCheck(const Kind& kind, OfficialReport& report) : kind_(kind), report_(report) {
    report_.files.push_back({kind.file, 0, 0, 0});
  }

  void run(const fs::path& path, Compatibility mode) {
    const std::vector<Json> cases = load_cases(path);
    if (cases.empty()) throw InputError(fmt::format("{}: has no cases", path.string()));
    const bool plan = kind_.function == plan_case;
    for (size_t i = 0; i < cases.size(); ++i) {
      const Json golden_case = plan ? plan_entry_as_case(cases[i], i) : cases[i];
      check().cases += 1;
      check().faults += golden_case.contains("intended") ? 1 : 0;
      const Json name = golden_case.value("case", Json());
      if (auto what = check_case(kind_.function, golden_case, mode)) {
        add(name.is_string() ? name.get<std::string>() : fmt::format("line {}", i + 1), *what);
      }
    }
    if (plan && cases.size() < official_plan().size()) {
      add("plan",
          fmt::format("{} entries, in the golden data {}", official_plan().size(), cases.size()));
    }
  }

 private:
  OfficialFileCheck& check() { return report_.files.back(); }

  void add(const std::string& name, const std::string& what) {
    check().differing += 1;
    report_.differences.push_back({kind_.file, name, what});
  }

  const Kind& kind_;
  OfficialReport& report_;
};

}  // namespace

OfficialReport check_official(const fs::path& folder, Compatibility mode) {
  OfficialReport report;
  for (const Kind& kind : kKinds) {
    std::error_code error;
    if (fs::exists(folder / kind.file, error)) {
      FileCheck(kind, report).run(folder / kind.file, mode);
    }
  }
  if (report.files.empty()) {
    throw InputError(
        fmt::format("{}: has no golden data of the official evaluation: answers.jsonl, "
                    "metrics.jsonl, frames.jsonl, prompts.jsonl, outputs.jsonl, "
                    "plan.jsonl or submissions.jsonl",
                    folder.string()));
  }
  return report;
}

}  // namespace owl3
