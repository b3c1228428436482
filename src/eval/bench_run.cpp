#include "eval/bench_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <span>

#include "core/atomic_file.h"
#include "core/checksum.h"
#include "core/error.h"
#include "eval/bench_asker.h"
#include "eval/bench_films.h"
#include "eval/bench_media.h"
#include "eval/bench_scoring.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr size_t kErrorsShown = 3;

Compatibility mode_of(const BenchOptions& options) {
  return options.official_compat ? Compatibility::kOfficial : Compatibility::kIntended;
}

std::string checksum_of_rows(const BenchmarkData& data) {
  std::string all;
  for (const BenchmarkRow& row : data.rows) {
    all += row.row.dump(-1, ' ', false, Json::error_handler_t::replace);
    all += fmt::format("{} {}\n", row.place.part, row.place.rotation);
  }
  std::string digits;
  for (const uint8_t byte : checksum_of(std::as_bytes(std::span(all)))) {
    digits += fmt::format("{:02x}", byte);
  }
  return digits;
}

std::vector<int64_t> wanted_rows(const BenchmarkData& data, const BenchOptions& options) {
  std::vector<int64_t> wanted;
  const int64_t all = std::ssize(data.rows);
  const int64_t end = options.limit > 0 ? std::min(options.limit, all) : all;
  for (int64_t i = 0; i < end; ++i) {
    if (options.shard.has(i)) wanted.push_back(i);
  }
  return wanted;
}

/// Rows that have no answer yet, or could not be asked.
std::vector<int64_t> open_rows(const std::vector<int64_t>& rows, const BenchLines& lines) {
  std::vector<int64_t> open;
  for (const int64_t row : rows) {
    const auto found = lines.find(row);
    if (found == lines.end() || found->second.contains("error")) open.push_back(row);
  }
  return open;
}

/// "WHERE: MESSAGE"
std::string told_with_place(const Json& line, const std::string& message) {
  const std::string where = line.value("where", "");
  return message.starts_with(where) ? message : where + ": " + message;
}

/// Counts the rows that have a line, and what is to be told of them.
void tell_lines(const std::vector<int64_t>& rows, const BenchLines& lines,
                const std::map<int64_t, std::string>& left_out, BenchResult& result) {
  for (const int64_t row : rows) {
    const auto found = lines.find(row);
    if (found == lines.end()) continue;
    const Json& line = found->second;
    ++result.answered;
    if (line.contains("warning")) {
      const std::string warning = line.value("warning", "");
      if (++result.warnings == 1) result.first_warning = told_with_place(line, warning);
    }
    const auto broken = left_out.find(row);
    const bool unasked = line.contains("error");
    if (!unasked && broken == left_out.end()) continue;
    ++result.errors;
    if (!unasked) ++result.unscored;
    if (result.first_errors.size() >= kErrorsShown) continue;
    result.first_errors.push_back(
        told_with_place(line, unasked ? line.value("error", "") : broken->second));
  }
}

/// Whether both say the same; a number that is not defined is as good as another.
bool is_same(const Json& a, const Json& b) {
  return a.dump() == b.dump();
}

void score(const BenchScorer& scorer, Compatibility mode, BenchResult& result) {
  if (result.answered > 0 && scorer.scored().empty()) {
    result.not_scored = "no row is sound enough to be scored";
    return;
  }
  try {
    result.metrics = scorer.metrics(mode);
  } catch (const InputError& error) {
    result.not_scored = error.what();
    return;
  }
  if (mode == Compatibility::kOfficial) return;
  try {
    Json official = scorer.metrics(Compatibility::kOfficial).values;
    if (!is_same(official, result.metrics->values)) result.official = std::move(official);
  } catch (const InputError& error) {
    result.official = {{"error", error.what()}};
  }
}

/// The lines with what was made of each reply, and its score, or why it has none.
BenchLines with_scores(BenchLines scored, const std::vector<int64_t>& rows,
                       const BenchScorer& scorer, Compatibility mode, const BenchResult& result) {
  for (const int64_t row : rows) {
    const auto found = scored.find(row);
    if (found == scored.end()) continue;
    for (const char* key : {"record", "score", "not_scored"}) found->second.erase(key);
    const auto broken = scorer.left_out().find(row);
    const bool is_told = broken == scorer.left_out().end() || found->second.contains("error");
    if (!is_told) found->second["not_scored"] = broken->second;
  }
  const std::vector<int64_t> counted = scorer.scored();
  const std::vector<Json> records = scorer.records(mode);
  for (size_t i = 0; i < counted.size(); ++i) {
    Json& line = scored.at(counted[i]);
    if (line.value("reference", Json()).is_null()) {
      Json answer = scorer.annotators_answer(records[i]);
      if (!answer.is_null()) line["reference"] = std::move(answer);
    }
    line["record"] = records[i];
    if (!result.metrics) continue;
    const auto& row_score = result.metrics->scores.at(i);
    line["score"] = row_score ? Json(*row_score) : Json(nullptr);
  }
  return scored;
}

fs::path write_file(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
  return path;
}

/// The file to be handed in, where answers are not public.
void write_submission(const BenchmarkSet& set, const BenchScorer& scorer,
                      const BenchOptions& options, BenchResult& result) {
  const Submission submission = scorer.submission();
  const std::string stem = (options.output / (set.name + ".submission")).string();
  if (submission.sheet) {
    result.files.push_back(write_file(stem + ".xlsx", submission.sheet->xlsx()));
    return;
  }
  const std::string text =
      submission.file_text
          ? *submission.file_text
          : submission.content.dump(-1, ' ', false, Json::error_handler_t::replace);
  result.files.push_back(write_file(stem + ".json", text));
}

/// Asks the rows, one after the other. Throws Interrupted.
void ask_rows(const std::vector<int64_t>& open, BenchAsker& asker, const BenchmarkData& data,
              BenchRecords& records, int64_t all, const ProgressCallback& progress) {
  for (size_t i = 0; i < open.size(); ++i) {
    const int64_t done = all - std::ssize(open) + static_cast<int64_t>(i);
    if (progress && !progress("asking", done, all)) throw Interrupted("interrupted");
    Json line = asker.ask(data.rows[static_cast<size_t>(open[i])]);
    line["row"] = open[i];
    records.add(open[i], std::move(line));
  }
}

std::vector<BenchAnswer> answers_of(const std::vector<int64_t>& rows, const BenchLines& lines) {
  std::vector<BenchAnswer> answers;
  for (const int64_t row : rows) {
    const auto found = lines.find(row);
    if (found == lines.end() || found->second.contains("error")) continue;
    const auto reply = found->second.value("reply", std::string());
    const Checksum checksum = checksum_of(std::as_bytes(std::span(reply)));
    BenchAnswer answer = {row, 0, std::nullopt};
    std::memcpy(&answer.reply, checksum.data(), sizeof answer.reply);
    const Json score = found->second.value("score", Json());
    if (score.is_number()) answer.score = score.get<double>();
    answers.push_back(answer);
  }
  return answers;
}

/// A benchmark's rows, and the task that asks them.
struct Questions {
  Questions(const BenchmarkSet& set, const fs::path& folder)
      : data(read_benchmark(set, folder)), task(set.make_task()), media(set, data, folder) {
    if (data.rows.empty()) {
      throw InputError(fmt::format("{}: its {} has no row to ask", folder.string(), set.title));
    }
    count_stills(*task, media, data);
  }

  BenchmarkData data;
  std::unique_ptr<BenchmarkTask> task;
  BenchMedia media;  // of `data`, which stays where it is
};

BenchRunIdentity identity_of(const BenchmarkSet& set, const Questions& questions,
                             const std::string& model, const BenchOptions& options) {
  return {set.name,
          model,
          options.arithmetic,
          checksum_of_rows(questions.data),
          options.max_new_tokens,
          settings_json(questions.task->settings()),
          options.weights,
          frame_choice_of(*questions.task, questions.data, mode_of(options))};
}

}  // namespace

void check_benchmark(const BenchmarkSet& set, const std::vector<BenchPlace>& places,
                     const BenchOptions& options) {
  const Questions questions(set, options.data);
  BenchRunIdentity identity = identity_of(set, questions, "", options);
  for (const BenchPlace& place : places) {
    identity.model = place.model;
    const BenchRecords records(place.output, identity, options.shard);
  }
}

BenchResult run_benchmark(const BenchmarkSet& set, const std::function<Model()>& load_model,
                          const std::string& model_name, const BenchOptions& options,
                          const ProgressCallback& progress) {
  const Questions questions(set, options.data);
  const BenchmarkData& data = questions.data;
  const BenchmarkTask& task = *questions.task;
  BenchRecords records(options.output, identity_of(set, questions, model_name, options),
                       options.shard);
  const std::vector<int64_t> rows = wanted_rows(data, options);
  BenchResult result;
  result.benchmark = set.name;
  result.title = set.title;
  result.settings = settings_json(task.settings());
  result.rows = std::ssize(rows);
  try {
    const std::vector<int64_t> open = open_rows(rows, records.lines());
    if (!open.empty()) {
      const Model model = load_model();
      BenchAsker asker(model, task, questions.media, mode_of(options), options.max_new_tokens,
                       progress);
      ask_rows(open, asker, data, records, result.rows, progress);
    }
  } catch (const Interrupted&) {
    result.interrupted = true;
  }
  result.files.push_back(records.path());
  if (result.interrupted) {
    tell_lines(rows, records.lines(), {}, result);
    return result;
  }
  BenchLines lines = records.lines();
  const Compatibility mode = mode_of(options);
  const BenchScorer scorer(task, data, lines, rows);
  tell_lines(rows, lines, scorer.left_out(), result);
  if (!task.submit_only()) {
    score(scorer, mode, result);
  } else {
    result.not_scored = "its replies are handed in, and scored elsewhere";
    if (options.shard.of == 1) write_submission(set, scorer, options, result);
  }
  BenchLines scored = with_scores(lines, rows, scorer, mode, result);
  std::erase_if(scored, [&](const auto& line) { return !options.shard.has(line.first); });
  records.rewrite(scored);
  result.answers = answers_of(rows, records.lines());
  result.mistakes =
      worst_mistakes(records.lines(), rows, data, task, questions.media, options.mistakes);
  return result;
}

}  // namespace owl3
