// Tensors between LibTorch's modules and owl3's files.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "formats/tensor_map.h"

namespace owl3::train {

/// Fills `to` with the values of a file's tensor of any type. InputError naming `name` when the
/// shapes differ.
void copy_values(const owl3::Tensor& from, const torch::Tensor& to, const std::string& name);

/// A tensor under the name it has in a file.
using FileTensor = std::pair<std::string, torch::Tensor>;

/// Writes a safetensors file: `tensors` as float32 or bfloat16, then `unread` as they are. It
/// appears whole or not at all.
void write_tensors(const std::filesystem::path& path, const std::vector<FileTensor>& tensors,
                   DType dtype, const TensorMap& unread = {});

}  // namespace owl3::train
