// The images and films of a question: looked at first, then encoded.
#pragma once

#include <vector>

#include "server/question.h"
#include "server/served_model.h"

namespace owl3::server {

/// Has what is named by URLs brought here. Throws RequestError with its place, Interrupted when
/// `progress` says no.
void fetch_media(ServedModel& model, std::vector<SentMedium>& media,
                 const ProgressCallback& progress);

/// What each will be to the model. Throws RequestError with its place, as read_media() does.
std::vector<MediumPlan> plan_media(ServedModel& model, const std::vector<SentMedium>& media,
                                   const ProgressCallback& progress);

/// What is wrong with a medium that could be read, without the name that its file has here.
std::string warning_of(const Medium& medium);

struct EncodedMedia {
  std::vector<Medium> media;
  std::vector<std::string> warnings;  // a line each, with the place in the request
  VisualMemoryStats stats;  // of what it took: images that were known already took nothing
};

EncodedMedia read_media(ServedModel& model, const std::vector<SentMedium>& media,
                        const ProgressCallback& progress);

}  // namespace owl3::server
