// Where the images and films of a message stand in the prompt: as owl3 chat places them, unless the
// client has placed them between texts itself.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "api/completion.h"

namespace owl3::server {

struct SentMedium;

/// For the messages of one conversation, in their order.
class MediaLayout {
 public:
  /// `number_images`: "<image>1<image>2" before a text, as the model was taught; else a line each.
  explicit MediaLayout(bool number_images) : number_images_(number_images) {}

  /// With one text, before, between or behind the media: the media in their order, each on a line
  /// of its own or images with their numbers, then the text. With several texts between which media
  /// stand: as they are; what stood for several media at once is set apart by line ends.
  /// Parts refer to `media`.
  std::vector<MessagePart> arrange(std::vector<MessagePart> parts,
                                   std::span<const SentMedium> media);

 private:
  bool number_images_;
  int64_t images_before_ = 0;  // of the conversation, that are no frames
};

}  // namespace owl3::server
