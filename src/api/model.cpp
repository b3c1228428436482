#include "owl3/model.h"

#include <cmath>
#include <future>
#include <system_error>

#include "api/impl.h"
#include "backend/cpu/cpu_backend.h"
#include "backend/make_backend.h"
#include "core/api_call.h"
#include "core/threads.h"
#include "generate/presets.h"

namespace owl3 {

namespace {

/// A tokenizer of another model would name rows that the embedding table doesn't have.
void check_vocabulary(const Tokenizer& tokenizer, int64_t vocab_size, const std::string& file) {
  if (tokenizer.vocab_size() <= vocab_size) return;
  throw InputError(fmt::format(
      "{}: has token ids up to {}, but the model's vocabulary ends at {}; is it the tokenizer.json "
      "of this checkpoint?",
      file, tokenizer.vocab_size() - 1, vocab_size - 1));
}

void check_model_options(const ModelOptions& options) {
  check_threads(options.threads);
  for (const LoraOptions& lora : options.lora) {
    if (std::isfinite(lora.scale)) continue;
    throw UsageError(fmt::format("{}: an adapter's scale must be a number, not {}",
                                 lora.folder.string(), lora.scale));
  }
}

/// The tokenizer is megabytes of JSON: parsed on a thread of its own, if there may be one.
std::future<Tokenizer> parse_tokenizer(const Document& file) {
  const auto parse = [file] { return Tokenizer::from_json(file.text, file.name); };
  try {
    return std::async(std::launch::async, parse);
  } catch (const std::system_error&) {
    return std::async(std::launch::deferred, parse);
  }
}

}  // namespace

Model Model::Impl::load(CheckpointSource source, std::unique_ptr<Backend> backend,
                        const ModelOptions& options) {
  const std::optional<Document> tokenizer_file = source.document(kTokenizerFile);
  std::future<Tokenizer> parsing;
  if (tokenizer_file) parsing = parse_tokenizer(*tokenizer_file);
  Checkpoint checkpoint = Checkpoint::open(std::move(source));
  if (!tokenizer_file) checkpoint.required_document(kTokenizerFile);  // throws
  auto impl = std::make_shared<Impl>(std::move(checkpoint), std::move(parsing), std::move(backend),
                                     options);
  check_vocabulary(impl->tokenizer, impl->model.config().vocab_size, tokenizer_file->name);
  return Model(std::move(impl));
}

Model Model::load(const std::filesystem::path& path, const ModelOptions& options) {
  return api_call([&] {
    check_model_options(options);
    return Impl::load(CheckpointSource::open(path), make_backend(options), options);
  });
}

Model Model::load_gguf(std::span<const std::byte> gguf, const std::string& name,
                       const ModelOptions& options) {
  return api_call([&] {
    check_model_options(options);
    return Impl::load(CheckpointSource::in_memory(gguf, name), make_backend(options), options);
  });
}

std::string Model::variant() const {
  return api_call([&] { return std::string(name_of(impl_->model.checkpoint().variant())); });
}

int64_t Model::context_length() const {
  return impl_->model.config().max_position_embeddings;
}

GenerationOptions Model::generation_defaults() const {
  return api_call([&] {
    return with_checkpoint_defaults(GenerationOptions{},
                                    impl_->model.checkpoint().generation_config());
  });
}

GenerationOptions Model::preset(const std::string& name) const {
  return api_call(
      [&] { return generation_preset(name, impl_->model.checkpoint().generation_config()); });
}

const std::vector<std::string>& Model::warnings() const {
  return impl_->model.checkpoint().warnings();
}

std::string Model::device() const {
  return api_call([&] { return impl_->model.backend().description(); });
}

}  // namespace owl3
