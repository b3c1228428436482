#include "server/question.h"

#include <iterator>

#include "core/error.h"
#include "server/base64.h"
#include "server/local_files.h"
#include "server/media_fetch.h"
#include "server/request_error.h"

namespace owl3::server {

namespace {

constexpr std::string_view kShelf = "media:";
constexpr std::string_view kFile = "file:";

/// `local`: where there is no server.
std::string bytes_of(std::string_view url, const std::string& place, bool local) {
  constexpr std::string_view kData = "data:";
  const auto fail = [&](const std::string& what) {
    throw RequestError(400, place + ": " + what, place);
  };
  if (url.starts_with(kData)) {
    const size_t comma = url.find(',');
    if (comma == url.npos) fail("a data URL without a comma");
    if (!url.substr(0, comma).ends_with(";base64")) fail("a data URL that is not base64");
    url.remove_prefix(comma + 1);
  } else if (url.find("://") != url.npos || url.starts_with(kFile)) {
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
  add_file(text, place, image);
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
  add_file(text, place, film);
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
  for (const std::string_view text : texts) add_file(text, place, frames);
  add(message, std::move(frames));
}

/// What is here already, or where it is to be had: the URL is looked at now, and fetched later.
void QuestionBuilder::add_file(std::string_view url, const std::string& place, SentMedium& medium) {
  if (context_.files != nullptr && url.starts_with(kFile)) {
    return add_local_file(url.substr(kFile.size()), place, medium);
  }
  const bool remote = url.starts_with("http://") || url.starts_with("https://");
  if (!remote || context_.fetcher == nullptr) {
    medium.files.push_back(bytes_of(url, place, context_.files != nullptr));
    medium.urls.emplace_back();
    return;
  }
  const std::string refusal = context_.fetcher->refusal(url);
  if (!refusal.empty()) throw RequestError(400, place + ": " + refusal, place, "not_fetched");
  if (++fetches_ > limits_.fetches) {
    throw RequestError(400,
                       fmt::format("{}: more than {} files to be fetched, the limit of a "
                                   "request",
                                   place, limits_.fetches),
                       place);
  }
  medium.files.emplace_back();
  medium.urls.emplace_back(url);
}

/// Films are read where they lie.
void QuestionBuilder::add_local_file(std::string_view name, const std::string& place,
                                     SentMedium& medium) {
  try {
    if (medium.kind == SentMedium::Kind::kFilm) {
      medium.path = context_.files->path(name).string();
    } else {
      medium.files.push_back(context_.files->read(name));
      medium.urls.emplace_back();
    }
  } catch (const InputError& error) {
    throw RequestError(400, place + ": " + error.what(), place, "file_not_read");
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
