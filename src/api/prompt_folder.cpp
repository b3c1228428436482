#include "api/prompt_folder.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/checksum.h"
#include "formats/tensor_names.h"
#include "memory/byte_codec.h"

namespace owl3 {

namespace {

constexpr std::string_view kMagic = "owl3 prompt 1\n";
constexpr size_t kPrefixLength = 16;
/// Reading fewer again costs less than a file.
constexpr int64_t kFewTokens = 64;

void add(Sha256& sha, std::string_view text) {
  sha.add(std::as_bytes(std::span(text)));
  sha.add(std::as_bytes(std::span("", 1)));
}

/// "CPU, avx2 kernels, ...": an answer doesn't depend on the number of threads.
std::string arithmetic(const Backend& backend) {
  std::string text = backend.description();
  const size_t begin = text.find(", ");
  const size_t end = begin == text.npos ? text.npos : text.find(", ", begin + 1);
  if (end != text.npos && text.substr(begin, end - begin).find(" thread") != text.npos) {
    text.erase(begin, end - begin);
  }
  return text;
}

void add_adapters(Sha256& sha, Backend& backend, const AdaptedLinear& linear) {
  add(sha, fmt::format("{} adapters", linear.adapters.size()));
  for (const LowRankProduct& adapter : linear.adapters) {
    for (const Tensor* weight : {&adapter.a.weight, &adapter.b.weight}) {
      add(sha, to_string(weight->shape()));
      const Tensor host = backend.download(*weight);
      sha.add({host.data<std::byte>(), host.size_bytes()});
    }
  }
}

/// Weights of the decoder that lie in memory are known by their content; others, which `visual_key`
/// has, as files.
void add_decoder(Sha256& sha, Owl3Model& model) {
  const Checkpoint& checkpoint = model.checkpoint();
  if (checkpoint.is_in_memory()) {
    for (const ExpectedTensor& tensor : expected_tensors(model.config(), checkpoint.variant())) {
      if (tensor.part == ModelPart::kUnused) continue;
      const Tensor& weights = checkpoint.tensor(tensor.name);
      sha.add({weights.data<std::byte>(), weights.size_bytes()});
    }
  }
  for (const DecoderLayerWeights& layer : model.weights().decoder.layers) {
    for (const AdaptedLinear* linear : {&layer.q_proj, &layer.k_proj, &layer.v_proj, &layer.o_proj,
                                        &layer.gate_proj, &layer.up_proj, &layer.down_proj}) {
      add_adapters(sha, model.backend(), *linear);
    }
  }
}

Sha256::Digest key_of(Owl3Model& model, const Sha256::Digest& visual_key) {
  Sha256 sha;
  add(sha, kMagic);
  sha.add(std::as_bytes(std::span(visual_key)));
  add(sha, arithmetic(model.backend()));
  add_decoder(sha, model);
  return sha.finish();
}

/// The first tokens of a prompt, which end a chunk.
PromptRead beginning_of(const PromptRead& prompt, int64_t tokens) {
  PromptRead begin;
  begin.ids.assign(prompt.ids.begin(), prompt.ids.begin() + tokens);
  for (const PromptRead::Image& image : prompt.images) {
    if (image.token_index < tokens) begin.images.push_back(image);
  }
  for (const int64_t end : prompt.chunk_ends) {
    if (end <= tokens) begin.chunk_ends.push_back(end);
  }
  return begin;
}

void write(ByteWriter& out, const PromptRead& prompt) {
  out.number(static_cast<uint64_t>(prompt.ids.size()));
  for (const int32_t id : prompt.ids) out.number(id);
  out.number(static_cast<uint64_t>(prompt.images.size()));
  for (const PromptRead::Image& image : prompt.images) {
    out.number(image.token_index);
    out.raw(image.pixels.bytes);
  }
  out.number(static_cast<uint64_t>(prompt.chunk_ends.size()));
  for (const int64_t end : prompt.chunk_ends) out.number(end);
}

std::vector<std::byte> fields_of(const Sha256::Digest& key, const RecordLayout& layout,
                                 const Checksum& of_pages, const PromptRead& prompt) {
  ByteWriter out;
  out.raw(key);
  out.text(layout.description());
  out.raw(of_pages);
  write(out, prompt);
  return std::move(out.bytes());
}

/// Whole pages; the fields can't be damaged unnoticed.
std::vector<std::byte> header_of(std::span<const std::byte> fields) {
  ByteWriter out;
  out.text(kMagic);
  out.raw(checksum_of(fields));
  out.bytes().insert(out.bytes().end(), fields.begin(), fields.end());
  out.pad(kPageBytes);
  return std::move(out.bytes());
}

PromptRead read_prompt(ByteReader& in) {
  PromptRead prompt;
  prompt.ids.resize(in.count(sizeof(int32_t)));
  for (int32_t& id : prompt.ids) id = in.number<int32_t>();
  prompt.images.resize(in.count(sizeof(int64_t) + ContentHash().bytes.size()));
  for (PromptRead::Image& image : prompt.images) {
    image.token_index = in.number<int64_t>();
    in.raw(image.pixels.bytes);
  }
  prompt.chunk_ends.resize(in.count(sizeof(int64_t)));
  for (int64_t& end : prompt.chunk_ends) end = in.number<int64_t>();
  return prompt;
}

/// A page of every layer, as a record has it; the last page's unused end goes along.
ImageMemory page_of(const TextCache& cache, size_t page) {
  ImageMemory memory;
  for (int64_t layer = 0; layer < cache.layers(); ++layer) {
    memory.layers.push_back(cache.pages(layer)[page]);
    memory.layers.back().count = memory.layers.back().capacity;
  }
  return memory;
}

size_t pages_for(int64_t tokens) {
  return static_cast<size_t>((tokens + TextCache::kPageTokens - 1) / TextCache::kPageTokens);
}

/// The layout of pages of this model's text.
RecordLayout page_layout(Owl3Model& model) {
  const ModelConfig& config = model.config();
  return {model.backend(),
          config.num_key_value_heads,
          TextCache::kPageTokens,
          config.head_size(),
          model.decoder().new_sequence().cache.dtype(),
          static_cast<size_t>(config.num_hidden_layers)};
}

}  // namespace

struct PromptFolder::Kept {
  std::string name;
  PromptRead prompt;
  std::shared_ptr<const MappedFile> file;
  std::span<const std::byte> pages;
  Checksum checksum{};  // of the pages
};

PromptFolder::PromptFolder(const std::filesystem::path& folder, int64_t budget, Owl3Model& model,
                           const Sha256::Digest& visual_key)
    : folder_(folder, ".owlprompt", budget),
      model_(model),
      key_(key_of(model, visual_key)),
      name_prefix_(hex_text(key_).substr(0, kPrefixLength) + "-") {}

/// Nothing where it is no file of this model, or damaged as far as was looked.
std::optional<PromptFolder::Kept> PromptFolder::open(const std::string& name) const {
  Kept kept;
  kept.name = name;
  kept.file = folder_.open(name);
  if (!kept.file) return std::nullopt;
  const std::span<const std::byte> bytes = kept.file->bytes();
  ByteReader in(bytes);
  if (in.text(kMagic.size()) != kMagic) return std::nullopt;
  Checksum of_header{};
  in.raw(of_header);
  const size_t begin = bytes.size() - in.rest().size();
  Sha256::Digest key{};
  in.raw(key);
  const RecordLayout layout = page_layout(model_);
  if (key != key_ || in.text(layout.description().size()) != layout.description()) {
    return std::nullopt;
  }
  in.raw(kept.checksum);
  kept.prompt = read_prompt(in);
  const size_t end = bytes.size() - in.rest().size();
  if (checksum_of(bytes.subspan(begin, end - begin)) != of_header) return std::nullopt;
  const size_t page_begin = (end + kPageBytes - 1) / kPageBytes * kPageBytes;
  const uint64_t page_bytes =
      pages_for(static_cast<int64_t>(kept.prompt.ids.size())) * layout.record_bytes();
  if (bytes.size() < page_begin || bytes.size() - page_begin != page_bytes) return std::nullopt;
  kept.pages = bytes.subspan(page_begin);
  return kept;
}

std::optional<TextCache> PromptFolder::load(const Kept& kept, int64_t tokens) const {
  if (checksum_of(kept.pages) != kept.checksum) return std::nullopt;
  const RecordLayout layout = page_layout(model_);
  TextCache cache = model_.decoder().new_sequence().cache;
  for (size_t page = 0; page < pages_for(tokens); ++page) {
    const auto record = kept.pages.subspan(page * layout.record_bytes(), layout.record_bytes());
    cache.adopt_page(layout.read(record, kept.file)->layers);
  }
  cache.truncate(tokens);
  return cache;
}

std::optional<TextCache> PromptFolder::find(const PromptRead& prompt) noexcept {
  try {
    std::vector<std::pair<int64_t, Kept>> fitting;
    for (const std::string& name : folder_.names_with(name_prefix_)) {
      std::optional<Kept> kept;
      try {
        kept = open(name);
      } catch (const InputError&) {  // it ends early, or went away
      }
      if (!kept) {
        folder_.remove(name);
        continue;
      }
      const int64_t common =
          std::min(prompt.last_chunk_begin(), common_tokens(kept->prompt, prompt));
      if (common > 0) fitting.emplace_back(common, std::move(*kept));
    }
    std::stable_sort(fitting.begin(), fitting.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    for (const auto& [tokens, kept] : fitting) {
      if (auto cache = load(kept, tokens)) {
        folder_.mark_used(kept.name);
        return cache;
      }
      folder_.remove(kept.name);
    }
  } catch (const std::exception&) {
    // No memory, no folder: it is read again.
  }
  return std::nullopt;
}

void PromptFolder::keep(const PromptRead& prompt, const TextCache& cache, int64_t known) noexcept {
  try {
    const int64_t tokens = prompt.last_chunk_begin();
    if (tokens < known + kFewTokens || !cache.pages(0)[0].keys.device().is_host()) return;
    OWL3_CHECK(cache.length() >= tokens);
    const RecordLayout layout = page_layout(model_);
    std::vector<std::byte> pages;
    for (size_t page = 0; page < pages_for(tokens); ++page) {
      const std::vector<std::byte> record = layout.write(page_of(cache, page));
      pages.insert(pages.end(), record.begin(), record.end());
    }
    const std::vector<std::byte> fields =
        fields_of(key_, layout, checksum_of(pages), beginning_of(prompt, tokens));
    folder_.put(name_prefix_ + hex_text(checksum_of(fields)),
                std::array<std::span<const std::byte>, 2>{header_of(fields), pages});
  } catch (const std::exception&) {
    // A full disk, no memory: it is read again.
  }
}

}  // namespace owl3
