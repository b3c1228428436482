// A sample as the model reads it: token ids, which of them are learnt, and where its images stand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/variant.h"
#include "owl3/options.h"
#include "text/tokenizer.h"
#include "training_data/media_reader.h"
#include "training_data/sample.h"

namespace owl3 {

struct EncodeOptions {
  Variant variant = Variant::kGated;
  int image_size = 384;  // S
  /// Images are cut into tiles or not; unset, they are cut unless the row has a video. In
  /// documents they are never cut: the text around tiles would be learnt.
  std::optional<bool> cut;
  double fps = 1;                                       // frames sampled per second of a film
  int64_t max_frames = 16;                              // of a film, as in ms-swift
  ControlTokens control_tokens = ControlTokens::kText;  // those written out in texts
};

/// A medium of an encoded sample: one or more images of the model.
struct EncodedMedium {
  bool is_video = false;
  bool cut = false;
  int64_t images = 0;     // tiles and global view, or frames
  std::string reference;  // resolved; empty for one that stands in the JSONL itself
  std::string place;      // "images[0]", for error messages
};

struct EncodedSample {
  int64_t number = 0;                    // in the order of samples
  std::vector<int32_t> ids;              // [t]
  std::vector<uint8_t> learnt;           // [t]  whether the id is a label; never at 0
  std::vector<int32_t> image_positions;  // ascending; those of a medium follow each other
  std::vector<EncodedMedium> media;
  int64_t label_tokens = 0;
  std::string broken;  // an error line: the sample can't be read, and nothing else is filled in
};

/// Safe to use from several threads.
class SampleEncoder {
 public:
  /// The tokenizer and the reader must outlive the encoder.
  SampleEncoder(const Tokenizer& tokenizer, MediaReader& reader, const EncodeOptions& options);

  /// Media of the sample are resolved. Reads of images what their cutting depends on, of films the
  /// number of frames; pixels are not decoded. Throws InputError that names the medium.
  EncodedSample encode(const Sample& sample) const;

  const EncodeOptions& options() const { return options_; }
  /// How a film of the sample is sampled.
  VideoOptions video_options() const;

 private:
  EncodedMedium look_at(const SampleMedium& medium, bool cut, MediaLayout& layout) const;
  void encode_conversation(const Sample& sample, const std::vector<MediaLayout>& layouts,
                           EncodedSample& encoded) const;
  void encode_document(const Sample& sample, const std::vector<MediaLayout>& layouts,
                       EncodedSample& encoded) const;

  const Tokenizer* tokenizer_;
  MediaReader* reader_;
  EncodeOptions options_;
  size_t answer_header_tokens_ = 0;
};

}  // namespace owl3
