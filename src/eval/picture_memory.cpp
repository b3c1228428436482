#include "eval/picture_memory.h"

namespace owl3 {

std::vector<Medium> PictureMemory::media(const std::vector<std::string>& references,
                                         const ProgressCallback& progress) {
  std::vector<MediaBytes> files;
  std::vector<ImageBytes> images;
  std::vector<std::string> unknown;
  for (const std::string& reference : references) {
    if (media_.count(reference) != 0) continue;
    files.push_back(reader_.read(reference));
    images.push_back({files.back().name, files.back().bytes});
    unknown.push_back(reference);
  }
  ImageOptions uncut;
  uncut.cut = false;
  const std::vector<Medium> added = memory_.add_images(images, uncut, progress);
  for (size_t i = 0; i < added.size(); ++i) media_.emplace(unknown[i], added[i]);
  std::vector<Medium> media;
  for (const std::string& reference : references) media.push_back(media_.at(reference));
  return media;
}

std::vector<std::string> PictureMemory::warnings() const {
  std::vector<std::string> warnings;
  for (const auto& [reference, medium] : media_) {
    if (!medium.warning().empty()) warnings.push_back(medium.warning());
  }
  return warnings;
}

}  // namespace owl3
