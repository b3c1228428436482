#include "formats/gguf_metadata.h"

#include "formats/json_reader.h"

namespace owl3 {

namespace {

using Json = nlohmann::json;

constexpr size_t kMaxConfigBytes = 1 << 20;
constexpr size_t kMaxTokenizerBytes = 256 << 20;

/// llama.cpp's llama_ftype.
uint32_t file_type_of(DType type) {
  switch (type) {
    case DType::kF32:
      return 0;
    case DType::kF16:
      return 1;
    case DType::kQ4_0:
      return 2;
    case DType::kQ8_0:
      return 7;
    case DType::kQ4_K:
      return 14;  // "small": all matrices alike
    case DType::kQ6_K:
      return 18;
    case DType::kBF16:
      return 32;
    case DType::kI8:
      break;  // not an element type of files
  }
  OWL3_CHECK(false);
}

/// The kinds of tokens in tokenizer.ggml.token_type.
enum TokenType : int32_t { kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5 };

/// The conversation as src/text/prompt.cpp writes it, for tools that show a template.
constexpr std::string_view kChatTemplate =
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\n<|im_end|>' }}{% endif %}"
    "{% for message in messages %}"
    "{% if message['role'] != 'system' %}{{ '\\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' }}"
    "{% if message['role'] == 'assistant' %}{{ '<|endoftext|>' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '\\n<|im_start|>assistant\\n' }}{% endif %}";

void put_count(GgufMetadata& metadata, std::string_view key, int64_t value) {
  metadata.put_u32(fmt::format("{}.{}", kGgufArchitecture, key), static_cast<uint32_t>(value));
}

void put_number(GgufMetadata& metadata, std::string_view key, double value) {
  metadata.put_f32(fmt::format("{}.{}", kGgufArchitecture, key), static_cast<float>(value));
}

void put_shape(GgufMetadata& metadata, const ModelConfig& config, Variant variant) {
  put_count(metadata, "block_count", config.num_hidden_layers);
  put_count(metadata, "context_length", config.max_position_embeddings);
  put_count(metadata, "embedding_length", config.hidden_size);
  put_count(metadata, "feed_forward_length", config.intermediate_size);
  put_count(metadata, "vocab_size", config.vocab_size);
  put_count(metadata, "attention.head_count", config.num_attention_heads);
  put_count(metadata, "attention.head_count_kv", config.num_key_value_heads);
  put_number(metadata, "attention.layer_norm_rms_epsilon", config.rms_norm_eps);
  put_number(metadata, "rope.freq_base", config.rope_theta);
  metadata.put_text(fmt::format("{}.variant", kGgufArchitecture), name_of(variant));
  metadata.put_i32s(fmt::format("{}.hyper_layers", kGgufArchitecture),
                    std::vector<int32_t>(config.hyper_layers.begin(), config.hyper_layers.end()));
  const VisionConfig& vision = config.vision;
  put_count(metadata, "vision.block_count", vision.layers_used());
  put_count(metadata, "vision.embedding_length", vision.hidden_size);
  put_count(metadata, "vision.feed_forward_length", vision.intermediate_size);
  put_count(metadata, "vision.attention.head_count", vision.num_attention_heads);
  put_number(metadata, "vision.attention.layer_norm_epsilon", vision.layer_norm_eps);
  put_count(metadata, "vision.image_size", vision.image_size);
  put_count(metadata, "vision.patch_size", vision.patch_size);
}

/// Reads what tools show of a tokenizer.json; owl3's own tokenizer reads the whole.
class Vocabulary {
 public:
  Vocabulary(const Document& document, int64_t size)
      : document_(document),
        json_(parse_json_object(document.text, document.name, kMaxTokenizerBytes)),
        tokens_(static_cast<size_t>(size)),
        types_(static_cast<size_t>(size), kUnused) {
    for (size_t id = 0; id < tokens_.size(); ++id) tokens_[id] = fmt::format("[PAD{}]", id);
    const Json& model = member(json_, "model");
    for (const auto& [token, id] : member(model, "vocab").items()) put(id, token, kNormal);
    for (const Json& token : member(json_, "added_tokens")) {
      const auto special = token.find("special");
      const bool control = special != token.end() && *special == true;
      put(member(token, "id"), text_of(member(token, "content")),
          control ? kControl : kUserDefined);
    }
    for (const Json& merge : member(model, "merges")) {
      const bool pair = merge.is_array() && merge.size() == 2;
      merges_.push_back(pair ? text_of(merge[0]) + " " + text_of(merge[1]) : text_of(merge));
    }
  }

  void put_into(GgufMetadata& metadata) const {
    metadata.put_text("tokenizer.ggml.model", "gpt2");
    metadata.put_text("tokenizer.ggml.pre", "qwen2");
    metadata.put_texts("tokenizer.ggml.tokens", tokens_);
    metadata.put_i32s("tokenizer.ggml.token_type", types_);
    metadata.put_texts("tokenizer.ggml.merges", merges_);
    metadata.put_text("tokenizer.chat_template", kChatTemplate);
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw InputError(fmt::format("{}: {}", document_.name, what));
  }
  const Json& member(const Json& object, const char* key) const {
    const auto found = object.is_object() ? object.find(key) : object.end();
    if (found == object.end()) fail(fmt::format("has no \"{}\" where it belongs", key));
    return *found;
  }
  std::string text_of(const Json& value) const {
    if (!value.is_string()) fail("has a token that is not a string");
    return value.get<std::string>();
  }
  /// Ids that the model has no embedding for are left out.
  void put(const Json& id, std::string token, TokenType type) {
    if (!id.is_number_unsigned()) fail("has a token without an id");
    if (id.get<uint64_t>() >= tokens_.size()) return;
    tokens_[id.get<size_t>()] = std::move(token);
    types_[id.get<size_t>()] = type;
  }

  const Document& document_;
  Json json_;
  std::vector<std::string> tokens_;
  std::vector<int32_t> types_;
  std::vector<std::string> merges_;
};

void put_end_ids(GgufMetadata& metadata, const Checkpoint& checkpoint) {
  const Document config = checkpoint.required_document(kConfigFile);
  const Json json = parse_json_object(config.text, config.name, kMaxConfigBytes);
  const int64_t last_id = checkpoint.config().vocab_size - 1;
  const JsonReader reader(json, config.name);
  if (const auto id = reader.optional_integer("bos_token_id", 0, last_id)) {
    metadata.put_u32("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(*id));
  }
  metadata.put_bool("tokenizer.ggml.add_bos_token", false);
  std::vector<int32_t> ends = checkpoint.generation_config().eos_token_id;
  if (ends.empty()) {
    const auto ids = reader.optional_integers("eos_token_id", 0, last_id);
    if (ids) ends.assign(ids->begin(), ids->end());
  }
  if (ends.empty()) return;
  metadata.put_u32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(ends.front()));
  metadata.put_i32s("tokenizer.ggml.eos_token_ids", ends);
}

}  // namespace

GgufMetadata make_gguf_metadata(const Checkpoint& checkpoint, std::string_view name, DType type) {
  GgufMetadata metadata;
  metadata.put_text("general.architecture", kGgufArchitecture);
  metadata.put_text("general.name", name);
  metadata.put_u32("general.file_type", file_type_of(type));
  metadata.put_u32("general.quantization_version", 2);
  put_shape(metadata, checkpoint.config(), checkpoint.variant());
  if (const auto tokenizer = checkpoint.document(kTokenizerFile)) {
    Vocabulary(*tokenizer, checkpoint.config().vocab_size).put_into(metadata);
    put_end_ids(metadata, checkpoint);
  }
  for (const char* file : {kConfigFile, kGenerationConfigFile, kTokenizerFile}) {
    if (const auto document = checkpoint.document(file)) {
      metadata.put_long_text(gguf_key(file), document->text);
    }
  }
  return metadata;
}

}  // namespace owl3
