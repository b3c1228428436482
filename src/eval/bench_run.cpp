#include "eval/bench_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <span>

#include "benchmarks/python_text.h"
#include "benchmarks/task_parts.h"
#include "core/atomic_file.h"
#include "core/checksum.h"
#include "core/error.h"
#include "eval/bench_films.h"
#include "eval/bench_media.h"
#include "text/user_marks.h"
#include "training_data/media_reader.h"

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

/// What the user says in a prompt of the official evaluation, as Chat takes it. A film is so many
/// images.
std::string question_of(const BenchmarkPrompt& prompt) {
  std::string question;
  size_t pictures = prompt.images.size();
  for (const PromptClip& clip : prompt.clips) pictures += static_cast<size_t>(clip.num_frames);
  const std::vector<std::string> contents = prompt.expanded();
  for (size_t k = 0; k < contents.size(); ++k) {
    if (prompt.messages[k].role != "user") continue;
    const auto parts = python::split(contents[k], kImage);
    question = without_marks(parts.front());
    for (size_t i = 1; i < parts.size(); ++i) {
      question.append(kUserImageMark).append(without_marks(parts[i]));
    }
    const size_t marks = parts.size() - 1;
    if (marks != pictures) {
      throw InputError(
          fmt::format("the prompt names {} images, but the row has {}", marks, pictures));
    }
  }
  return question;
}

/// How much of the evidence each picture is.
std::vector<double> shares_of(const Evidence& evidence, size_t pictures) {
  std::vector<double> shares(pictures, 0);
  for (const ImageEvidence& image : evidence.images) shares.at(image.medium) += image.share;
  return shares;
}

/// Asks one row after the other; pictures of the row before are still known.
class RowAsker {
 public:
  RowAsker(const Model& model, const BenchmarkTask& task, const BenchMedia& media,
           const BenchOptions& options, const ProgressCallback& progress)
      : model_(model),
        task_(task),
        media_(media),
        progress_(progress),
        memory_(model),
        films_(memory_, mode_of(options)),
        generation_(model.preset("eval")) {
    generation_.do_sample = false;
    generation_.evidence = EvidenceOptions{.heat_maps = 0};
    generation_.max_new_tokens = options.max_new_tokens;
  }

  /// The line of the records. Throws Interrupted.
  Json ask(const BenchmarkRow& row) {
    Json line = {{"row", nullptr}, {"where", row.where}};
    try {
      if (!row.error.empty()) throw InputError(row.error);
      const BenchmarkPrompt prompt = task_.prompt(row.row, row.place);
      line["reference"] = prompt.reference;
      line["images"] = prompt.images;
      const std::string question = question_of(prompt);
      for (const auto& message : prompt.messages) {
        if (message.role == "user") line["prompt"] = message.content;
      }
      const std::vector<Medium> pictures = pictures_of(row, prompt, line);
      const Answer answer = answer_to(question, pictures);
      line["reply"] = answer.text;
      line["evidence"] = shares_of(*answer.evidence, pictures.size());
    } catch (const InputError& error) {
      line["error"] = error.what();
    } catch (const UsageError& error) {  // more than the context holds
      line["error"] = error.what();
    }
    return line;
  }

 private:
  /// The row's images, or the frames of its film, which the line then tells.
  std::vector<Medium> pictures_of(const BenchmarkRow& row, const BenchmarkPrompt& prompt,
                                  Json& line) {
    if (prompt.clips.empty()) return encoded(media_.pictures(row, prompt, reader_));
    const PromptClip& clip = prompt.clips.front();  // no task has several
    line["film"] = clip.path;
    const ShownFrames& shown = films_.show(media_.film(row, clip), clip, progress_);
    line["frames"] = shown.numbers;
    if (!shown.warning.empty()) line["warning"] = shown.warning;
    return shown.images;
  }

  std::vector<Medium> encoded(const std::vector<MediaBytes>& files) {
    std::vector<ImageBytes> images;
    for (const MediaBytes& file : files) images.push_back({file.name, file.bytes});
    ImageOptions options;
    options.cut = task_.settings().cut;
    return memory_.add_images(images, options, progress_);
  }

  Answer answer_to(const std::string& question, const std::vector<Medium>& pictures) {
    // Control tokens written out in a row work, as in the official evaluation.
    ChatOptions options;
    options.control_tokens = true;
    Chat chat(model_, options);
    const auto go_on = [this](std::string_view) { return !progress_ || progress_("", 0, 0); };
    Answer answer = chat.ask(question, pictures, generation_, go_on, progress_);
    if (answer.stop_reason == StopReason::kInterrupted) throw Interrupted("interrupted");
    return answer;
  }

  const Model& model_;
  const BenchmarkTask& task_;
  const BenchMedia& media_;
  const ProgressCallback& progress_;
  MediaReader reader_;
  VisualMemory memory_;
  BenchFilms films_;
  GenerationOptions generation_;
};

std::vector<int64_t> wanted_rows(const BenchmarkData& data, const BenchOptions& options) {
  std::vector<int64_t> wanted;
  const int64_t all = std::ssize(data.rows);
  const int64_t end = options.limit > 0 ? std::min(options.limit, all) : all;
  for (int64_t i = 0; i < end; ++i) {
    if (options.shard.has(i)) wanted.push_back(i);
  }
  return wanted;
}

/// The official record of a reply; null where the row is so broken that it has none.
Json record_of(const BenchmarkTask& task, const BenchmarkRow& row, const Json& line,
               Compatibility mode) {
  try {
    if (!row.error.empty()) return nullptr;
    return task.record(row.row, row.place, line.value("reply", std::string()), mode);
  } catch (const InputError&) {
    return nullptr;
  }
}

/// Scores what was answered.
class Scorer {
 public:
  Scorer(const BenchmarkTask& task, const BenchmarkData& data, const BenchLines& lines,
         const std::vector<int64_t>& rows)
      : task_(task), data_(data), lines_(lines), rows_(rows) {}

  std::vector<Json> records(Compatibility mode) const {
    std::vector<Json> records;
    for (const int64_t row : answered(mode)) records.push_back(record(row, mode));
    return records;
  }

  BenchmarkMetrics metrics(Compatibility mode) const {
    const std::vector<Json> all = records(mode);
    return task_.metrics(all, truth_of(all), mode);
  }

  /// The rows that have a record.
  std::vector<int64_t> answered(Compatibility mode) const {
    std::vector<int64_t> answered;
    for (const int64_t row : rows_) {
      if (lines_.contains(row) && !record(row, mode).is_null()) answered.push_back(row);
    }
    return answered;
  }

  BenchmarkTruth truth_of(const std::vector<Json>& records) const {
    BenchmarkTruth truth;
    truth.table = data_.truth.table;
    std::set<std::string> asked;
    for (const Json& record : records) {
      if (record.contains("question_id")) asked.insert(record["question_id"].dump());
    }
    for (const Json& annotation : data_.truth.annotations) {
      if (asked.contains(annotation.value("question_id", Json()).dump())) {
        truth.annotations.push_back(annotation);
      }
    }
    return truth;
  }

 private:
  Json record(int64_t row, Compatibility mode) const {
    return record_of(task_, data_.rows[static_cast<size_t>(row)], lines_.at(row), mode);
  }

  const BenchmarkTask& task_;
  const BenchmarkData& data_;
  const BenchLines& lines_;
  const std::vector<int64_t>& rows_;
};

/// Rows that have no answer yet, or could not be asked.
std::vector<int64_t> open_rows(const std::vector<int64_t>& rows, const BenchLines& lines) {
  std::vector<int64_t> open;
  for (const int64_t row : rows) {
    const auto found = lines.find(row);
    if (found == lines.end() || found->second.contains("error")) open.push_back(row);
  }
  return open;
}

void tell_errors(const std::vector<int64_t>& rows, const BenchLines& lines, BenchResult& result) {
  for (const int64_t row : rows) {
    const auto found = lines.find(row);
    if (found == lines.end()) continue;
    ++result.answered;
    if (!found->second.contains("error")) continue;
    ++result.errors;
    if (result.first_errors.size() < kErrorsShown) {
      const std::string where = found->second.value("where", "");
      const std::string error = found->second.value("error", "");
      result.first_errors.push_back(error.starts_with(where) ? error : where + ": " + error);
    }
  }
}

/// Whether both say the same; a number that is not defined is as good as another.
bool is_same(const Json& a, const Json& b) {
  return a.dump() == b.dump();
}

void score(const Scorer& scorer, Compatibility mode, BenchResult& result) {
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

/// The lines with what was made of each reply, and its score.
BenchLines with_scores(BenchLines scored, const Scorer& scorer, Compatibility mode,
                       const BenchResult& result) {
  const std::vector<int64_t> rows = scorer.answered(mode);
  const std::vector<Json> records = scorer.records(mode);
  for (size_t i = 0; i < rows.size(); ++i) {
    Json& line = scored.at(rows[i]);
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
void write_submission(const BenchmarkTask& task, const BenchmarkSet& set, const Scorer& scorer,
                      const BenchOptions& options, BenchResult& result) {
  // What is handed in is the official file in every mode.
  const std::vector<Json> records = scorer.records(Compatibility::kOfficial);
  const Submission submission = task.submission(records, scorer.truth_of(records));
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
void ask_rows(const std::vector<int64_t>& open, RowAsker& asker, const BenchmarkData& data,
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

}  // namespace

BenchResult run_benchmark(const BenchmarkSet& set, const std::function<Model()>& load_model,
                          const std::string& model_name, const BenchOptions& options,
                          const ProgressCallback& progress) {
  BenchmarkData data = read_benchmark(set, options.data);
  const auto task = set.make_task();
  const BenchMedia media(set, data, options.data);
  count_stills(*task, media, data);
  BenchRecords records(
      options.output,
      {set.name, model_name, options.arithmetic, checksum_of_rows(data), options.max_new_tokens,
       settings_json(task->settings()), frame_choice_of(*task, data, mode_of(options))},
      options.shard);
  const std::vector<int64_t> rows = wanted_rows(data, options);
  BenchResult result;
  result.benchmark = set.name;
  result.title = set.title;
  result.settings = settings_json(task->settings());
  result.rows = std::ssize(rows);
  try {
    const std::vector<int64_t> open = open_rows(rows, records.lines());
    if (!open.empty()) {
      const Model model = load_model();
      RowAsker asker(model, *task, media, options, progress);
      ask_rows(open, asker, data, records, result.rows, progress);
    }
  } catch (const Interrupted&) {
    result.interrupted = true;
  }
  tell_errors(rows, records.lines(), result);
  result.files.push_back(records.path());
  if (result.interrupted) return result;
  const Compatibility mode = mode_of(options);
  const Scorer scorer(*task, data, records.lines(), rows);
  if (!task->submit_only()) {
    score(scorer, mode, result);
  } else {
    result.not_scored = "its replies are handed in, and scored elsewhere";
    if (options.shard.of == 1) write_submission(*task, set, scorer, options, result);
  }
  BenchLines lines = records.lines();
  std::erase_if(lines, [&](const auto& line) { return !options.shard.has(line.first); });
  records.rewrite(with_scores(std::move(lines), scorer, mode, result));
  result.answers = answers_of(rows, records.lines());
  result.mistakes = worst_mistakes(records.lines(), rows, data, *task, media, options.mistakes);
  return result;
}

}  // namespace owl3
