#include "memory/memory_stamp.h"

#include "core/threads.h"
#include "memory/image_encoder.h"
#include "memory/memory_key.h"

namespace owl3 {

namespace {

/// "bf16, images encoded in int8, kept in int8"
std::string arithmetic_text(const MemoryStamp& stamp) {
  return fmt::format("{}{}{}", name_of(stamp.precision),
                     stamp.vision_int8 ? ", images encoded in int8 (--vision-int8)" : "",
                     stamp.visual_memory_int8 ? ", kept in int8 (--visual-memory-int8)" : "");
}

}  // namespace

std::optional<std::string> MemoryStamp::difference(const MemoryStamp& other) const {
  if (preprocessing != other.preprocessing) {
    return fmt::format("with another preprocessing of pixels (\"{}\") than this owl3's",
                       preprocessing);
  }
  if (weights != other.weights) {
    return fmt::format("by another model ({}) than {}: what sees images in it has other weights",
                       model_name, other.model_name);
  }
  if (adapters != other.adapters) {
    return adapters.empty() ? "without adapters, and images go through those laid over this model"
                            : "under adapters that change how images are seen, which are not (all) "
                              "laid over this model (--lora)";
  }
  if (precision != other.precision || vision_int8 != other.vision_int8 ||
      visual_memory_int8 != other.visual_memory_int8) {
    return fmt::format("in another precision ({}) than is asked for ({})", arithmetic_text(*this),
                       arithmetic_text(other));
  }
  if (layout != other.layout) {
    return fmt::format("in another layout of keys and values ({}) than this owl3's ({})", layout,
                       other.layout);
  }
  return std::nullopt;
}

RecordLayout record_layout(Owl3Model& model, const ModelOptions& options) {
  const ModelConfig& config = model.config();
  return {model.backend(),    config.num_key_value_heads, config.vision.tokens_per_image(),
          config.head_size(), memory_dtype(options),      config.hyper_layers.size()};
}

MemoryStamp stamp_of(Owl3Model& model, const ModelOptions& options, const RecordLayout& layout,
                     const std::string& name, const MemoryStamp* known) {
  MemoryStamp stamp;
  const Checkpoint& checkpoint = model.checkpoint();
  if (!checkpoint.is_in_memory()) stamp.weights_identity = checkpoint.weights_identity();
  const bool same_files = known != nullptr && !stamp.weights_identity.empty() &&
                          known->weights_identity == stamp.weights_identity;
  const int threads = options.threads > 0 ? options.threads : available_threads();
  stamp.weights = same_files ? known->weights : hex_text(vision_weights_digest(model, threads));
  if (const auto adapters = vision_adapters_digest(model)) stamp.adapters = hex_text(*adapters);
  stamp.preprocessing = kMemoryPreprocessing;
  stamp.precision = options.precision;
  stamp.vision_int8 = options.vision_int8;
  stamp.visual_memory_int8 = options.visual_memory_int8;
  stamp.layout = layout.description();
  stamp.model_name = name;
  return stamp;
}

}  // namespace owl3
