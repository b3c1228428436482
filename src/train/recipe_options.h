// A recipe's words as what the trainer's parts are given.
#pragma once

#include <vector>

#include "runs/recipe.h"
#include "train/model_files.h"
#include "train/precision.h"
#include "training_data/sample_files.h"

namespace owl3::train {

TrainPrecision precision_of(const Recipe& recipe);

std::vector<DataSource> data_sources(const std::vector<DataRecipe>& sources);

/// The model that training begins with: a checkpoint, or a new one.
LoadedModel starting_model(const Recipe& recipe);

/// The text of a tokenizer.json, named itself or by its folder.
std::string tokenizer_text(const std::string& path);

/// What checkpoints are written in: the type that the model's config.json names (`torch_dtype`),
/// float32 or bfloat16.
DType saved_type(const ModelFiles& files);

}  // namespace owl3::train
