// A benchmark of the official evaluation: what it asks of a row, what it keeps of a reply, and what
// the replies of a whole set amount to. The check against the official results and the runs of a
// model go through this interface both.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/compatibility.h"
#include "benchmarks/spreadsheet.h"
#include "benchmarks/table.h"

namespace owl3 {

/// What the official plan, or who runs a task, may set.
struct TaskSettings {
  bool cut = false;  // images are cut into tiles
  std::optional<int64_t> num_frames;
  bool use_number = true;        // AI2D: options are numbered, not lettered
  bool use_llava_style = false;  // VQA: line breaks between the parts of the prompt
  bool image_index = true;       // LLaVA-Interleave: images are introduced by their number
};

/// Where a row stands.
struct RowPlace {
  int64_t index = 0;                       // in the task
  std::string part;                        // MVBench: the split; MIBench: the file
  int64_t rotation = 0;                    // MIBench: of the options
  std::optional<int64_t> files_in_folder;  // MVBench: where the clip is a folder of stills
};

struct PromptClip {
  std::string path;
  std::optional<std::pair<nlohmann::ordered_json, nlohmann::ordered_json>> bounds;  // seconds
  int64_t num_frames = 0;
};

/// A question as it goes to the model.
struct BenchmarkPrompt {
  struct Message {
    std::string role, content;
  };
  std::vector<Message> messages;  // the last is the assistant's, which is to be written
  std::vector<nlohmann::ordered_json> images;
  std::vector<PromptClip> clips;
  nlohmann::ordered_json reference;  // the right answer, or what stands in its place
  nlohmann::ordered_json sample_index;

  /// The contents of the messages, each <|video|> as so many <|image|>.
  std::vector<std::string> expanded() const;
};

/// What a set is scored against beside the records themselves.
struct BenchmarkTruth {
  std::vector<nlohmann::ordered_json> annotations;  // VQA's: question_id, answers, types
  std::shared_ptr<const Table> table;               // MMBench's
};

struct BenchmarkMetrics {
  nlohmann::ordered_json values;  // as the official code writes them; NaN: not defined
  nlohmann::ordered_json details =
      nlohmann::ordered_json::object();       // what else it knows or prints
  std::vector<std::optional<double>> scores;  // of each record, 0 to 1; nothing where left out
};

/// A file with replies, for sets whose answers are not public.
struct Submission {
  nlohmann::ordered_json content;        // what the file says
  std::optional<std::string> file_text;  // of a JSON file, where its bytes are laid down
  std::optional<Spreadsheet> sheet{};    // where it is an .xlsx file
};

class BenchmarkTask {
 public:
  explicit BenchmarkTask(TaskSettings settings) : settings_(std::move(settings)) {}
  virtual ~BenchmarkTask() = default;
  BenchmarkTask(const BenchmarkTask&) = delete;
  BenchmarkTask& operator=(const BenchmarkTask&) = delete;

  const TaskSettings& settings() const { return settings_; }

  /// The folder whose pictures are the row's clip, as the official evaluation names it: how many
  /// files it has is wanted in the row's place before prompt(). Nothing where the clip is a film,
  /// or the row names none.
  virtual std::optional<std::string> stills_folder(const nlohmann::ordered_json& row,
                                                   const RowPlace& place) const;

  // All throw InputError, saying what of the row or the records is wrong.

  virtual BenchmarkPrompt prompt(const nlohmann::ordered_json& row,
                                 const RowPlace& place) const = 0;
  /// What the official results file holds of a reply.
  virtual nlohmann::ordered_json record(const nlohmann::ordered_json& row, const RowPlace& place,
                                        const std::string& reply, Compatibility mode) const = 0;
  /// The same of a row that could not be asked, which is never right where that is intended: that
  /// of an empty reply, unless the rule reads an answer from it.
  virtual nlohmann::ordered_json unasked_record(const nlohmann::ordered_json& row,
                                                const RowPlace& place, Compatibility mode) const {
    return record(row, place, "", mode);
  }
  /// Of all records, in order.
  virtual BenchmarkMetrics metrics(const std::vector<nlohmann::ordered_json>& records,
                                   const BenchmarkTruth& truth, Compatibility mode) const = 0;
  /// Whether the set's answers are not public: a submission instead of metrics.
  virtual bool submit_only() const { return false; }
  virtual Submission submission(const std::vector<nlohmann::ordered_json>& records,
                                const BenchmarkTruth& truth) const;

 private:
  TaskSettings settings_;
};

}  // namespace owl3
