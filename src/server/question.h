// What a client asks, whichever API it speaks.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/completion.h"
#include "server/media_layout.h"
#include "server/media_shelf.h"

namespace owl3::server {

struct RequestLimits {
  /// Of one request; a frame that is sent as an image is one, and so is each of media with a name.
  int64_t images = 1024;
  int64_t films = 16;
  int64_t frames = 1024;  // looked at of one film
  int64_t choices = 16;
  int64_t answers = 128;  // to all texts of a request
  int64_t fetches = 128;  // files that are fetched for it
  int64_t stops = 16;
};

/// An image or film that came with a request.
struct SentMedium {
  enum class Kind { kImage, kFilm, kFrames, kKnown };

  Kind kind = Kind::kImage;
  std::string where;                // "messages[0].content[1]"
  std::vector<std::string> files;   // one; of a film's frames, an image file each
  std::vector<std::string> urls{};  // of files that are to be fetched; empty where one is here
  std::optional<bool> cut{};        // of an image
  std::string path{};               // of a film that lies here, instead of files
  VideoOptions video{};             // of a film
  std::optional<Medium> known{};    // without a file
};

/// Of one of a medium's files: where the medium stands, and what the file is called in messages.
struct FilePlace {
  std::string where;
  std::string name;
};

struct Question {
  std::string model;  // empty: whichever is served
  std::string place;  // the field of the request that has what is asked: "messages"
  std::vector<CompletionMessage> messages;
  std::vector<SentMedium> media;     // by their numbers in the messages
  std::vector<PlainPrompt> plain{};  // instead of messages: texts to be gone on with
  GenerationOptions generation;
  bool has_seed = false;
  bool has_length = false;  // max_new_tokens is the client's
  int64_t choices = 1;
  bool stream = false;
};

class LocalFiles;
class MediaFetcher;

/// What holds where a request says nothing, and what it may ask about.
struct RequestContext {
  GenerationOptions generation;
  VideoOptions video{};
  bool number_images = false;  // as the model was taught (MediaLayout)
  MediaShelf* shelf = nullptr;
  std::string owner;  // whose media on it are the client's
  const MediaFetcher* fetcher = nullptr;
  /// Throws InputError where answers can't be held to a form.
  std::function<void(const owl3::AnswerForm& form)> check_form{};
  const LocalFiles* files = nullptr;  // that may be named by file:; null: none
};

/// Messages put together one by one, as the model wants them: system messages only at the
/// beginning, and one of them.
class QuestionBuilder {
 public:
  QuestionBuilder(Question& question, const RequestContext& context, const RequestLimits& limits)
      : question_(question), context_(context), limits_(limits), layout_(context.number_images) {}

  /// Its parts as the client ordered them. `place` is the message's in the request. Throws
  /// RequestError.
  void add(CompletionMessage message, const std::string& place);
  /// An image as text: a data URL, base64 alone, media:NAME, a URL that is to be fetched, or one of
  /// a local file. Throws RequestError.
  void add_image(CompletionMessage& message, std::string_view text, std::optional<bool> cut,
                 const std::string& place);
  /// A film as text, likewise.
  void add_film(CompletionMessage& message, std::string_view text, const VideoOptions& options,
                const std::string& place);
  /// A film whose frames somebody has chosen already: images as text, in their order.
  void add_frames(CompletionMessage& message, std::span<const std::string_view> texts,
                  const std::string& place);
  /// What has a name on the shelf; of several media, all.
  void add_known(CompletionMessage& message, const std::string& name, const std::string& place);

 private:
  void count_images(size_t more, const std::string& place);
  void add_file(std::string_view given, const FilePlace& place, SentMedium& medium);
  void add_local_file(std::string_view name, const FilePlace& place, SentMedium& medium);
  void add(CompletionMessage& message, SentMedium medium);

  Question& question_;
  const RequestContext& context_;
  const RequestLimits& limits_;
  MediaLayout layout_;
  int64_t images_ = 0;
  int64_t films_ = 0;
  int64_t fetches_ = 0;
};

}  // namespace owl3::server
