// Films in the dialects of those who extend OpenAI's API by them.
#pragma once

#include <string>

#include "server/fields.h"
#include "server/question.h"

namespace owl3::server {

/// "video_url", "input_video" or "video".
bool is_video_part(const std::string& type);

/// How films are sampled where their parts don't say: media_io_kwargs.video, and over it
/// mm_processor_kwargs. Throws RequestError.
VideoOptions video_options_of(const Fields& request, const VideoOptions& defaults,
                              const RequestLimits& limits);

/// fps, max_frames, num_frames, start and end. Throws RequestError.
void read_film_sampling(const Fields& fields, const RequestLimits& limits, VideoOptions& options);

/// {"type": "video_url", "video_url": {"url": URL}}: URL as for images, a list of images' URLs, or
/// data:video/jpeg;base64,FRAME,FRAME,...; {"type": "input_video", "input_video": {"data": BASE64}
/// or {"url": URL}}; {"type": "video", "video": URL or a list}. Beside it, or in the object, fps,
/// max_frames or num_frames, start and end in seconds.
void read_video_part(const Fields& part, const std::string& place, const std::string& type,
                     const VideoOptions& defaults, const RequestLimits& limits,
                     QuestionBuilder& question, CompletionMessage& message);

}  // namespace owl3::server
