// A model in another type of weights, converted when it is first needed, and gone afterwards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/temporary_sibling.h"
#include "owl3/options.h"

namespace owl3::cli {

class TypedModel {
 public:
  /// `type` is one of conversion_types(), or "original": the model as it is. A conversion is made
  /// in the folder: kept there, and used again, where `keep` says so, else until this goes.
  TypedModel(std::string model, std::string type, std::filesystem::path folder, bool keep,
             int threads);

  const std::string& type() const { return type_; }
  /// Bytes of its weights; reads no more than the model's headers. Throws InputError.
  uint64_t weight_bytes() const;
  /// What can be loaded. Throws Interrupted, InputError.
  std::string path(const ProgressCallback& progress);

 private:
  std::string model_, type_;
  std::filesystem::path folder_;
  bool keep_;
  int threads_;
  std::unique_ptr<TemporarySibling> temporary_;  // a folder, with the conversion in it
  std::string made_;                             // its path
};

/// "bf16,q8_0": the types, in order. Throws UsageError for another word, or one that stands twice.
std::vector<std::string> parse_types(const std::string& text);

}  // namespace owl3::cli
