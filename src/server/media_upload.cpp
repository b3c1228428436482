#include "server/media_upload.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "core/error.h"
#include "core/sha.h"
#include "server/media_reader.h"
#include "server/openai/chat_request.h"
#include "server/openai/message_reader.h"
#include "server/openai/openai_json.h"
#include "server/openai/video_part.h"
#include "server/request_error.h"

namespace owl3::server {

namespace {

/// "fps=2&max_frames=8": numbers where they are such, else text.
Json fields_of(std::string_view query) {
  Json fields = Json::object();
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view field = query.substr(0, end);
    const size_t equals = field.find('=');
    if (equals != field.npos) {
      const std::string_view text = field.substr(equals + 1);
      double number = 0;
      const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
      const bool is_number = failure == std::errc() && rest == text.data() + text.size();
      fields[std::string(field.substr(0, equals))] = is_number ? Json(number) : Json(text);
    }
    if (end == query.npos) break;
    query.remove_prefix(end + 1);
  }
  return fields;
}

void check_names(const Json& query, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : query.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw RequestError(400,
                       fmt::format("{} in the query is nothing that is known of such a file; {} is",
                                   quoted(name), fmt::join(known, ", ")),
                       name);
  }
}

/// Bytes that are no JSON come of a client that didn't say what they are.
void check_is_json(std::string_view body) {
  const size_t begin = body.find_first_not_of(" \t\r\n");
  if (begin == body.npos || body[begin] == '{') return;
  throw RequestError(400,
                     "say what the body is: Content-Type: image/... or video/..., or send a part "
                     "of a message, in JSON");
}

}  // namespace

SentMedium read_upload(const http::Request& head, std::string body, const RequestContext& context,
                       const RequestLimits& limits) {
  const std::string_view type = head.header("Content-Type");
  const bool image = type.starts_with("image/");
  if (!image && !type.starts_with("video/")) {
    check_is_json(body);
    return read_media_part(body, context, limits);
  }
  if (body.empty()) throw RequestError(400, "the request has no body: an image or film");
  const Json query = fields_of(head.query);
  const Fields fields(query, "");
  SentMedium medium;
  medium.where = "the body";
  medium.files.push_back(std::move(body));
  if (image) {
    check_names(query, {"detail"});
    medium.cut = read_detail(fields);
  } else {
    check_names(query, {"fps", "max_frames", "num_frames", "start", "end"});
    medium.kind = SentMedium::Kind::kFilm;
    medium.video = context.video;
    read_film_sampling(fields, limits, medium.video);
  }
  return medium;
}

std::string name_of_upload(const SentMedium& medium) {
  Sha256 hash;
  const VideoOptions& video = medium.video;
  const std::string how = fmt::format("{} {} {} {} {} {}", static_cast<int>(medium.kind),
                                      medium.cut ? static_cast<int>(*medium.cut) : -1, video.fps,
                                      video.max_frames, video.start_seconds, video.end_seconds);
  hash.add(std::as_bytes(std::span(how)));
  for (const std::string& file : medium.files) {
    const std::string size = fmt::format(" {} ", file.size());
    hash.add(std::as_bytes(std::span(size)));
    hash.add(std::as_bytes(std::span(file)));
  }
  constexpr size_t kBytes = 16;
  const Sha256::Digest digest = hash.finish();
  std::string name = "media-";
  for (size_t i = 0; i < kBytes; ++i) {
    name += fmt::format("{:02x}", static_cast<unsigned>(digest[i]));
  }
  return name;
}

nlohmann::ordered_json media_object(const ShelvedMedia& media) {
  nlohmann::ordered_json json = {
      {"id", media.name},       {"object", "media"},           {"created", media.created},
      {"kind", media.kind},     {"media", media.media.size()}, {"images", media.images()},
      {"bytes", media.bytes()}, {"url", "media:" + media.name}};
  if (media.media.size() != 1) return json;
  const Medium& only = media.media.front();
  if (only.is_video()) json["seconds"] = only.frame_seconds();
  if (!only.warning().empty()) json["warning"] = warning_of(only);
  return json;
}

}  // namespace owl3::server
