// Asks questions about items: many conversations at once, their rows in order.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "batch/batch_item.h"
#include "batch/batch_loop.h"
#include "batch/batch_row.h"
#include "batch/prompt_template.h"
#include "owl3/owl3.h"
#include "training_data/media_reader.h"

namespace owl3 {

struct BatchQuestions {
  std::vector<std::string> texts;
  std::vector<PromptTemplate> templates;  // the same, where items have columns; else none
};

struct BatchOptions {
  int parallel = 8;  // items that are read, looked at or asked about at once
  ImageOptions image;
  VideoOptions video;
  ChatOptions chat;
  GenerationOptions generation;
};

class BatchRunner {
 public:
  /// The references must outlive the runner. `go_on` may be called by any thread.
  BatchRunner(const Model& model, const BatchInput& input, const BatchQuestions& questions,
              BatchOptions options, std::function<bool()> go_on);

  /// Throws UsageError where no item like this one can be asked these questions.
  void check(const BatchItem& item) const;

  /// As run_course(). What is wrong with an item is in its rows.
  void run(const BatchCourse& course);

  VisualMemoryStats memory() const { return memory_.stats(); }

 private:
  std::vector<BatchRow> ask(const BatchWork& work);
  void ask_about(const BatchItem& item, const BatchWork& work, std::vector<BatchRow>& rows);
  std::vector<Medium> encoded(const BatchItem& item);
  VideoOptions video_options(const std::optional<FilmSegment>& segment) const;
  std::string question_about(const BatchItem& item, int64_t question) const;
  Answer taken(PendingAnswer& pending) const;
  ProgressCallback progress() const;

  Model model_;
  const BatchInput& input_;
  const BatchQuestions& questions_;
  BatchOptions options_;
  std::function<bool()> go_on_;
  VisualMemory memory_;
  Engine engine_;
  MediaReader reader_;
};

}  // namespace owl3
