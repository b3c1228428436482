// How an answer is written down, for clients of one API.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "owl3/chat.h"
#include "server/http/http_server.h"
#include "server/request_error.h"

namespace owl3::server {

/// What became of the media of a request.
struct MediaReport {
  int64_t images = 0;   // as the model sees them: tiles and views
  int64_t encoded = 0;  // of those, the ones that were not known already
  double seconds = 0;   // until it had them
  double decode_seconds = 0;
  double encode_seconds = 0;
  std::vector<std::string> places{};    // of each medium, in the request
  std::vector<std::string> warnings{};  // of media that could be read in part, a line each
};

/// Text of an answer as it comes, whole characters.
struct AnswerPiece {
  std::string_view text;
  /// Where the question asked how likely they were: those since the last piece.
  std::span<const ScoredToken> tokens{};
};

/// Of a prompt that is being read.
struct ReadingProgress {
  std::string_view stage;  // of its media, while they are read and encoded; empty: of the prompt
  int64_t done = 0;        // media, or tokens, those known from before among them
  int64_t total = 0;
  int64_t cached = 0;  // tokens known from before
  double seconds = 0;  // since the request
};

/// For one request. Called by several threads, but never by two at once for one of the choices,
/// except stream_failure(), which the server's end may call beside the others.
class AnswerForm {
 public:
  virtual ~AnswerForm() = default;

  virtual http::Response whole(std::span<const Answer> answers, const MediaReport& media) const = 0;
  virtual http::Response failure(const RequestError& error) const = 0;

  /// Of a stream: its head, with what stands before any text.
  virtual http::Response stream_head(int64_t choices) const = 0;
  virtual std::string text(int64_t choice, const AnswerPiece& piece) = 0;
  /// Before any text of that choice; empty where nobody wants to know.
  virtual std::string progress(int64_t /*choice*/, const ReadingProgress& /*progress*/) const {
    return {};
  }
  virtual std::string stream_end(std::span<const Answer> answers, const MediaReport& media) = 0;
  virtual std::string stream_failure(const RequestError& error) = 0;
};

}  // namespace owl3::server
