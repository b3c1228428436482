#include "server/openai/video_part.h"

#include "core/error.h"
#include "server/request_error.h"
#include "server/url_scheme.h"

namespace owl3::server {

namespace {

/// More than any film has a second: each of its frames.
constexpr double kMostFps = 1000;
constexpr double kMostSeconds = 1e6;

/// A URL, {"url": URL}, {"image": URL} or {"image_url": {"url": URL}}; null where it is none.
const std::string* url_of_frame(const Json& frame) {
  if (!frame.is_object()) return frame.get_ptr<const std::string*>();
  for (const char* key : {"url", "image", "image_url"}) {
    const auto found = frame.find(key);
    if (found == frame.end()) continue;
    if (!found->is_object()) return found->get_ptr<const std::string*>();
    const auto url = found->find("url");
    return url == found->end() ? nullptr : url->get_ptr<const std::string*>();
  }
  return nullptr;
}

std::vector<std::string_view> frames_of(const Json& list, const Fields& fields, const char* name) {
  std::vector<std::string_view> frames;
  for (const Json& frame : list) {
    const std::string* url = url_of_frame(frame);
    if (url == nullptr) {
      fields.fail(name, fmt::format("has a frame that is no URL: frame {}", frames.size() + 1));
    }
    frames.push_back(*url);
  }
  return frames;
}

/// The frames of data:video/jpeg;base64,FRAME,FRAME,...; none of another URL.
std::vector<std::string_view> frames_in(std::string_view url) {
  constexpr std::string_view kFrames = "data:video/jpeg;base64,";
  std::vector<std::string_view> frames;
  if (!has_scheme(url, kFrames)) return frames;
  url.remove_prefix(kFrames.size());
  for (;;) {
    const size_t comma = url.find(',');
    frames.push_back(url.substr(0, comma));
    if (comma == url.npos) return frames;
    url.remove_prefix(comma + 1);
  }
}

}  // namespace

/// num_frames: so many of the film's frames, however many a second that makes.
void read_film_sampling(const Fields& fields, const RequestLimits& limits, VideoOptions& options) {
  if (const auto number = fields.integer("num_frames", -1, limits.frames); number.value_or(0) > 0) {
    options.fps = kMostFps;
    options.max_frames = *number;
  }
  if (const auto fps = fields.number("fps", 0, kMostFps); fps.value_or(0) > 0) options.fps = *fps;
  options.max_frames = fields.integer("max_frames", 1, limits.frames).value_or(options.max_frames);
  options.start_seconds = fields.number("start", 0, kMostSeconds).value_or(options.start_seconds);
  options.end_seconds = fields.number("end", 0, kMostSeconds).value_or(options.end_seconds);
  if (options.end_seconds != 0 && options.end_seconds <= options.start_seconds) {
    fields.fail("end", "must be behind start");
  }
}

bool is_video_part(const std::string& type) {
  return type == "video_url" || type == "input_video" || type == "video";
}

VideoOptions video_options_of(const Fields& request, const VideoOptions& defaults,
                              const RequestLimits& limits) {
  VideoOptions options = defaults;
  if (const Json* io = request.object("media_io_kwargs")) {
    const Fields fields(*io, "media_io_kwargs.");
    if (const Json* video = fields.object("video")) {
      read_film_sampling(Fields(*video, "media_io_kwargs.video."), limits, options);
    }
  }
  if (const Json* processor = request.object("mm_processor_kwargs")) {
    read_film_sampling(Fields(*processor, "mm_processor_kwargs."), limits, options);
  }
  return options;
}

void read_video_part(const Fields& part, const std::string& place, const std::string& type,
                     const VideoOptions& defaults, const RequestLimits& limits,
                     QuestionBuilder& question, CompletionMessage& message) {
  VideoOptions options = defaults;
  const char* name = type.c_str();
  const Json* video = part.find(name);
  if (video == nullptr) part.fail(name, "is missing");
  if (video->is_object()) {
    const Fields inner(*video, part.place_of(name) + ".");
    read_film_sampling(inner, limits, options);
    video = inner.find("url") != nullptr ? inner.find("url") : inner.find("data");
    if (video == nullptr) inner.fail("url", "is missing");
  }
  read_film_sampling(part, limits, options);
  if (video->is_array()) {
    return question.add_frames(message, frames_of(*video, part, name), place);
  }
  const std::string* url = video->get_ptr<const std::string*>();
  if (url == nullptr) part.fail(name, "must be a URL, a list of frames, or an object with one");
  const std::vector<std::string_view> frames = frames_in(*url);
  if (!frames.empty()) return question.add_frames(message, frames, place);
  question.add_film(message, *url, options, place);
}

}  // namespace owl3::server
