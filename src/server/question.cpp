#include "server/question.h"

#include <cctype>
#include <iterator>

#include "core/error.h"
#include "server/base64.h"
#include "server/local_files.h"
#include "server/media_fetch.h"
#include "server/request_error.h"
#include "server/url_scheme.h"

namespace owl3::server {

namespace {

constexpr std::string_view kShelf = "media:";
constexpr std::string_view kFile = "file:";

/// Whether a data URL's bytes are base64, by what stands before its comma.
bool is_base64(std::string_view head) {
  constexpr std::string_view kMark = ";base64";
  return head.size() >= kMark.size() && is_in_small(head.substr(head.size() - kMark.size()), kMark);
}

/// `local`: where there is no server.
std::string bytes_of(std::string_view url, const FilePlace& place, bool local) {
  constexpr std::string_view kData = "data:";
  const auto fail = [&](const std::string& what) {
    throw RequestError(400, place.name + ": " + what, place.where);
  };
  if (has_scheme(url, kData)) {
    const size_t comma = url.find(',');
    if (comma == url.npos) fail("a data URL without a comma");
    if (!is_base64(url.substr(0, comma))) fail("a data URL that is not base64");
    url.remove_prefix(comma + 1);
  } else if (has_scheme(url, kFile)) {
    fail("no file of the server's is opened; send its bytes, data:image/jpeg;base64,...");
  } else if (url.find("://") != url.npos) {
    const char* what = local ? "--fetch-from names hosts that files are fetched from"
                             : "this server fetches nothing of that kind";
    fail(fmt::format("only data URLs are taken (data:image/jpeg;base64,...); {}", what));
  }
  std::optional<std::string> bytes = decode_base64(url);
  if (!bytes) fail("not base64");
  if (bytes->empty()) fail("an empty file");
  return std::move(*bytes);
}

}  // namespace

void QuestionBuilder::add(CompletionMessage message, const std::string& place) {
  std::vector<CompletionMessage>& messages = question_.messages;
  message.parts = layout_.arrange(std::move(message.parts), question_.media);
  if (message.role != Role::kSystem || messages.empty()) {
    messages.push_back(std::move(message));
    return;
  }
  if (messages.back().role != Role::kSystem) {
    throw RequestError(400, place + ": a system message may stand at the beginning only",
                       place + ".role");
  }
  messages.back().parts.push_back({"\n"});
  std::move(message.parts.begin(), message.parts.end(), std::back_inserter(messages.back().parts));
}

void QuestionBuilder::add_image(CompletionMessage& message, std::string_view text,
                                std::optional<bool> cut, const std::string& place) {
  if (text.starts_with(kShelf)) {
    return add_known(message, std::string(text.substr(kShelf.size())), place);
  }
  count_images(1, place);
  SentMedium image;
  image.where = place;
  add_file(text, {place, place}, image);
  image.cut = cut;
  add(message, std::move(image));
}

void QuestionBuilder::add_film(CompletionMessage& message, std::string_view text,
                               const VideoOptions& options, const std::string& place) {
  if (text.starts_with(kShelf)) {
    return add_known(message, std::string(text.substr(kShelf.size())), place);
  }
  if (++films_ > limits_.films) {
    throw RequestError(
        400, fmt::format("{}: more than {} films, the limit of a request", place, limits_.films),
        place);
  }
  SentMedium film;
  film.kind = SentMedium::Kind::kFilm;
  film.where = place;
  add_file(text, {place, place}, film);
  film.video = options;
  add(message, std::move(film));
}

void QuestionBuilder::add_frames(CompletionMessage& message,
                                 std::span<const std::string_view> texts,
                                 const std::string& place) {
  if (texts.empty()) throw RequestError(400, place + ": a film without frames", place);
  count_images(texts.size(), place);
  SentMedium frames;
  frames.kind = SentMedium::Kind::kFrames;
  frames.where = place;
  for (size_t i = 0; i < texts.size(); ++i) {
    add_file(texts[i], {place, fmt::format("{}, frame {}", place, i + 1)}, frames);
  }
  add(message, std::move(frames));
}

/// What is here already, or where it is to be had: the URL is looked at now, and fetched later.
void QuestionBuilder::add_file(std::string_view given, const FilePlace& place, SentMedium& medium) {
  if (context_.files != nullptr && has_scheme(given, kFile)) {
    return add_local_file(given.substr(kFile.size()), place, medium);
  }
  const bool remote = has_scheme(given, "http://") || has_scheme(given, "https://");
  if (!remote || context_.fetcher == nullptr) {
    medium.files.push_back(bytes_of(given, place, context_.files != nullptr));
    medium.urls.emplace_back();
    return;
  }
  std::string url(given);
  for (size_t i = 0; url[i] != ':'; ++i) {
    url[i] = static_cast<char>(std::tolower(static_cast<unsigned char>(url[i])));
  }
  const std::string refusal = context_.fetcher->refusal(url);
  if (!refusal.empty()) {
    throw RequestError(400, place.name + ": " + refusal, place.where, "not_fetched");
  }
  if (++fetches_ > limits_.fetches) {
    throw RequestError(400,
                       fmt::format("{}: more than {} files to be fetched, the limit of a "
                                   "request",
                                   place.name, limits_.fetches),
                       place.where);
  }
  medium.files.emplace_back();
  medium.urls.push_back(std::move(url));
}

/// Films are read where they lie.
void QuestionBuilder::add_local_file(std::string_view name, const FilePlace& place,
                                     SentMedium& medium) {
  try {
    if (medium.kind == SentMedium::Kind::kFilm) {
      medium.path = context_.files->path(name).string();
    } else {
      medium.files.push_back(context_.files->read(name));
      medium.urls.emplace_back();
    }
  } catch (const InputError& error) {
    throw RequestError(400, place.name + ": " + error.what(), place.where, "file_not_read");
  }
}

void QuestionBuilder::add_known(CompletionMessage& message, const std::string& name,
                                const std::string& place) {
  const auto found =
      context_.shelf == nullptr ? std::nullopt : context_.shelf->find(context_.owner, name);
  if (!found) {
    throw RequestError(400, place + ": there are no media of that name; send them (again)", place,
                       "media_not_found");
  }
  for (const Medium& medium : found->media) {
    count_images(medium.is_video() ? static_cast<size_t>(medium.images()) : 1, place);
    SentMedium known;
    known.kind = SentMedium::Kind::kKnown;
    known.where = place;
    known.known = medium;
    add(message, std::move(known));
  }
}

void QuestionBuilder::count_images(size_t more, const std::string& place) {
  images_ += static_cast<int64_t>(more);
  if (images_ <= limits_.images) return;
  throw RequestError(
      400, fmt::format("{}: more than {} images, the limit of a request", place, limits_.images),
      place);
}

void QuestionBuilder::add(CompletionMessage& message, SentMedium medium) {
  if (message.role != Role::kUser) {
    throw RequestError(400, medium.where + ": images and films may stand in a user's message only",
                       medium.where);
  }
  message.parts.push_back({{}, question_.media.size()});
  question_.media.push_back(std::move(medium));
}

}  // namespace owl3::server
