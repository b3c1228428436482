// What the memories in a file depend on, beside the images: told apart part by part, so that one
// line can say what is another.
#pragma once

#include <optional>
#include <string>

#include "memory/record_layout.h"
#include "model/owl3_model.h"

namespace owl3 {

/// Texts, compared as such; the same on every machine.
struct MemoryStamp {
  std::string weights;        // a digest of those that an image goes through, and of their config
  std::string adapters;       // a digest of those of the same layers; empty: none
  std::string preprocessing;  // how pixels become numbers
  Precision precision = Precision::kBFloat16;
  bool vision_int8 = false;
  bool visual_memory_int8 = false;
  std::string layout;  // RecordLayout::description()

  // For people, and to spare the reading of all weights; not compared.
  std::string model_name;
  std::string weights_identity;  // Checkpoint::weights_identity() of whoever wrote it; may be empty

  bool operator==(const MemoryStamp& other) const { return !difference(other); }
  /// What `other`, a model's, is not like: "by another model than ...", to stand behind "was made
  /// "; nothing where all is alike.
  std::optional<std::string> difference(const MemoryStamp& other) const;
};

/// Of this model, under the name that people know it by. Reads all weights of the vision encoder,
/// projector and v_kv_proj, but where `known`, of a file, was made with these very weight files.
MemoryStamp stamp_of(Owl3Model& model, const ModelOptions& options, const RecordLayout& layout,
                     const std::string& name, const MemoryStamp* known = nullptr);

/// How records of this model's images lie.
RecordLayout record_layout(Owl3Model& model, const ModelOptions& options);

}  // namespace owl3
