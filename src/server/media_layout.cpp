#include "server/media_layout.h"

#include <algorithm>
#include <string>
#include <utility>

#include "server/question.h"

namespace owl3::server {

namespace {

bool is_film(const SentMedium& medium) {
  if (medium.known) return medium.known->is_video();
  return medium.kind != SentMedium::Kind::kImage;
}

/// Runs of text that media divide.
int64_t count_texts(std::span<const MessagePart> parts) {
  int64_t texts = 0;
  bool in_text = false;
  for (const MessagePart& part : parts) {
    if (!part.medium && part.text.empty()) continue;
    if (!part.medium && !in_text) ++texts;
    in_text = !part.medium;
  }
  return texts;
}

/// A line end between media that one name on the shelf brought.
std::vector<MessagePart> set_apart(std::vector<MessagePart> parts,
                                   std::span<const SentMedium> media) {
  std::vector<MessagePart> apart;
  const SentMedium* last = nullptr;
  for (MessagePart& part : parts) {
    const SentMedium* medium = part.medium ? &media[*part.medium] : nullptr;
    if (medium != nullptr && last != nullptr && medium->known && medium->where == last->where) {
      apart.push_back({"\n"});
    }
    last = medium;
    apart.push_back(std::move(part));
  }
  return apart;
}

}  // namespace

std::vector<MessagePart> MediaLayout::arrange(std::vector<MessagePart> parts,
                                              std::span<const SentMedium> media) {
  const int64_t before = images_before_;
  const auto is_image = [&](const MessagePart& part) {
    return part.medium && !is_film(media[*part.medium]);
  };
  images_before_ += std::count_if(parts.begin(), parts.end(), is_image);
  if (count_texts(parts) > 1) return set_apart(std::move(parts), media);
  std::stable_partition(parts.begin(), parts.end(),
                        [](const MessagePart& part) { return part.medium.has_value(); });
  const bool numbered = number_images_ && images_before_ > 1;
  int64_t number = before;
  std::vector<MessagePart> arranged;
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool image = is_image(parts[i]);
    const bool joined = numbered && image && i + 1 < parts.size() && is_image(parts[i + 1]);
    const bool is_medium = parts[i].medium.has_value();
    arranged.push_back(std::move(parts[i]));
    if (!is_medium) continue;
    if (numbered && image) arranged.push_back({std::to_string(++number)});
    if (!joined) arranged.push_back({"\n"});
  }
  return arranged;
}

}  // namespace owl3::server
