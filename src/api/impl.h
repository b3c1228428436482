// What stands behind the handles of include/owl3/.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/owl3_model.h"
#include "owl3/owl3.h"
#include "text/prompt.h"
#include "text/tokenizer.h"

namespace owl3 {

struct Model::Impl {
  Impl(Checkpoint checkpoint, Tokenizer tokenizer_in, std::unique_ptr<Backend> backend,
       const ModelOptions& options_in)
      : options(options_in),
        tokenizer(std::move(tokenizer_in)),
        model(std::move(checkpoint), std::move(backend), options_in) {}

  ModelOptions options;
  Tokenizer tokenizer;
  Owl3Model model;
};

struct Medium::Impl {
  explicit Impl(Model model_in) : model(std::move(model_in)) {}

  Model model;  // whose memories these are
  std::filesystem::path path;
  MediaLayout layout;
  std::vector<ImageMemoryPtr> images;  // one per image token
  std::vector<double> frame_seconds;   // of a film, one per frame
  std::string warning;
};

}  // namespace owl3
