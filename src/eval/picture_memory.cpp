#include "eval/picture_memory.h"

#include <algorithm>

#include "core/error.h"

namespace owl3 {

std::vector<Medium> PictureMemory::media(const std::vector<std::string>& references,
                                         const ProgressCallback& progress) {
  std::vector<std::string> unknown;
  for (const std::string& reference : references) {
    if (media_.count(reference) == 0) unknown.push_back(reference);
  }
  std::vector<Medium> added;
  try {
    added = add(unknown, progress);
  } catch (const InputError&) {
    if (!let_go_of_others(references)) throw;
    added = add(unknown, progress);
  }
  for (size_t i = 0; i < added.size(); ++i) {
    if (!added[i].warning().empty()) warnings_[unknown[i]] = added[i].warning();
    media_.emplace(unknown[i], added[i]);
  }
  std::vector<Medium> media;
  for (const std::string& reference : references) media.push_back(media_.at(reference));
  return media;
}

std::vector<Medium> PictureMemory::add(const std::vector<std::string>& references,
                                       const ProgressCallback& progress) {
  std::vector<MediaBytes> files;
  std::vector<ImageBytes> images;
  for (const std::string& reference : references) {
    files.push_back(reader_.read(reference));
    images.push_back({files.back().name, files.back().bytes});
  }
  ImageOptions uncut;
  uncut.cut = false;
  return memory_.add_images(images, uncut, progress);
}

/// Whether there were any.
bool PictureMemory::let_go_of_others(const std::vector<std::string>& references) {
  return std::erase_if(media_, [&](const auto& medium) {
           return std::find(references.begin(), references.end(), medium.first) == references.end();
         }) > 0;
}

std::vector<std::string> PictureMemory::warnings() const {
  std::vector<std::string> warnings;
  for (const auto& [reference, warning] : warnings_) warnings.push_back(warning);
  return warnings;
}

}  // namespace owl3
