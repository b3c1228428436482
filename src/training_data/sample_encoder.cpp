#include "training_data/sample_encoder.h"

#include <algorithm>

#include "core/error.h"
#include "media/image.h"

namespace owl3 {

SampleEncoder::SampleEncoder(const Tokenizer& tokenizer, MediaReader& reader,
                             const EncodeOptions& options)
    : tokenizer_(&tokenizer), reader_(&reader), options_(options) {
  PromptBuilder builder(tokenizer, options.variant);
  builder.add({Role::kSystem, ""});
  const size_t before = builder.prompt().ids.size();
  builder.begin_answer();
  answer_header_tokens_ = builder.prompt().ids.size() - before;
}

VideoOptions SampleEncoder::video_options() const {
  VideoOptions options;
  options.fps = options_.fps;
  options.max_frames = options_.max_frames;
  options.sampling = FrameSampling::kOfficial;
  options.threads = 1;  // the samples are what is done in parallel
  return options;
}

EncodedMedium SampleEncoder::look_at(const SampleMedium& medium, bool cut,
                                     MediaLayout& layout) const {
  EncodedMedium encoded{medium.is_video, false, 1, medium.reference, medium.place};
  if (is_inline_medium(medium.reference)) encoded.reference.clear();
  if (medium.is_video) {
    encoded.images = reader_->frame_count(medium.reference, video_options());
    layout = VideoLayout{encoded.images};
    return encoded;
  }
  layout = ImageLayout{};
  if (!cut) return encoded;
  const MediaBytes media = reader_->read(medium.reference);
  const ImageSize size = image_size(media.bytes, media.name);
  const Grid grid = choose_grid(size.width, size.height, options_.image_size);
  encoded.cut = true;
  encoded.images = int64_t{grid.rows} * grid.cols + 1;
  layout = ImageLayout{grid.rows, grid.cols};
  return encoded;
}

EncodedSample SampleEncoder::encode(const Sample& sample) const {
  const bool cut = options_.cut.value_or(!sample.has_video()) && !sample.is_document();
  EncodedSample encoded;
  std::vector<MediaLayout> layouts;
  for (const SampleMedium& medium : sample.media) {
    try {
      encoded.media.push_back(look_at(medium, cut, layouts.emplace_back()));
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}", medium.place, error.what()));
    }
  }
  if (sample.is_document()) {
    encode_document(sample, layouts, encoded);
  } else {
    encode_conversation(sample, layouts, encoded);
  }
  encoded.label_tokens = std::count(encoded.learnt.begin(), encoded.learnt.end(), uint8_t{1});
  return encoded;
}

/// The ids are those of the chat's prompt, which is made by the same builder.
void SampleEncoder::encode_conversation(const Sample& sample,
                                        const std::vector<MediaLayout>& layouts,
                                        EncodedSample& encoded) const {
  PromptBuilder builder(*tokenizer_, options_.variant, options_.control_tokens);
  auto next = layouts.begin();
  for (size_t i = 0; i < sample.messages.size(); ++i) {
    const Message& message = sample.messages[i];
    const auto end = next + static_cast<ptrdiff_t>(count_media_marks(message.content));
    builder.add(message, {next, end});
    next = end;
    const size_t begin = encoded.learnt.size();  // of this message, system's inserted one included
    encoded.learnt.resize(builder.prompt().ids.size(), 0);
    if (!sample.learnt[i]) continue;
    const size_t words = begin + answer_header_tokens_;
    std::fill(encoded.learnt.begin() + static_cast<ptrdiff_t>(words), encoded.learnt.end(), 1);
  }
  const Prompt& prompt = builder.prompt();
  encoded.ids = prompt.ids;
  encoded.image_positions.assign(prompt.media_positions.begin(), prompt.media_positions.end());
}

/// All of a document is learnt but its first token and the marks of media.
void SampleEncoder::encode_document(const Sample& sample, const std::vector<MediaLayout>& layouts,
                                    EncodedSample& encoded) const {
  PromptBuilder builder(*tokenizer_, options_.variant, options_.control_tokens);
  builder.add_document(sample.messages[0].content, layouts);
  const Prompt& prompt = builder.prompt();
  encoded.ids = prompt.ids;
  encoded.image_positions.assign(prompt.media_positions.begin(), prompt.media_positions.end());
  for (const int32_t id : prompt.ids) encoded.learnt.push_back(tokenizer_->is_special(id) ? 0 : 1);
  encoded.learnt.back() = 1;  // <|endoftext|>
  encoded.learnt.front() = 0;
}

}  // namespace owl3
