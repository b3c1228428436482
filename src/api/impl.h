// What stands behind the handles of include/owl3/.
#pragma once

#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include "constraint/answer_forms.h"
#include "engine/scheduler.h"
#include "memory/memory_file.h"
#include "memory/memory_key.h"
#include "model/owl3_model.h"
#include "owl3/owl3.h"
#include "text/prompt.h"
#include "text/tokenizer.h"

namespace owl3 {

struct Model::Impl {
  /// Opens a checkpoint on a backend; the options' threads and precision are the backend's already.
  /// Throws InputError.
  static Model load(CheckpointSource source, std::unique_ptr<Backend> backend,
                    const ModelOptions& options);

  /// The weights are made ready while the tokenizer is still being parsed.
  Impl(Checkpoint checkpoint, std::future<Tokenizer> parsing, std::unique_ptr<Backend> backend,
       const ModelOptions& options_in)
      : options(options_in),
        model(std::move(checkpoint), std::move(backend), options_in),
        visual_key(model_key(model, options_in)),
        tokenizer(parsing.get()),
        forms(tokenizer),
        scheduler(std::make_shared<Scheduler>(model)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { scheduler->close(); }

  /// The answer's form, compiled; null where none is asked for. Throws as AnswerForms::get().
  std::shared_ptr<AnswerConstraint> constraint(const GenerationOptions& generation) {
    return generation.form ? forms.get(*generation.form) : nullptr;
  }

  ModelOptions options;
  Owl3Model model;
  Sha256::Digest visual_key;  // of what its memories of images depend on
  Tokenizer tokenizer;
  AnswerForms forms;
  std::shared_ptr<Scheduler> scheduler;  // all that computes with the model goes through it
};

struct Medium::Impl {
  explicit Impl(Model model_in) : model(std::move(model_in)) {}

  Model model;  // whose memories these are
  std::filesystem::path path;
  MediaLayout layout;
  std::vector<ImageMemoryPtr> images;  // one per image token
  std::vector<ContentHash> hashes;     // of their pixels
  std::vector<double> frame_seconds;   // of a film, one per frame
  std::string warning;
  // Of a memory file: where each image lies in it.
  std::shared_ptr<const MemoryFile> file{};
  std::vector<uint32_t> records{};
};

/// The way from the handles to what stands behind them, for the library's own rooms.
struct Internals {
  using LoadedModel = Model::Impl;
  using EncodedMedium = Medium::Impl;

  static LoadedModel& of(const Model& model) { return *model.impl_; }
  static const EncodedMedium& of(const Medium& medium) { return *medium.impl_; }
  static Medium medium(std::shared_ptr<const EncodedMedium> encoded) {
    return Medium(std::move(encoded));
  }
};

}  // namespace owl3
