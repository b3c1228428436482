// Messages and their parts, as all of OpenAI's paths write them.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>

#include "server/fields.h"
#include "server/question.h"

namespace owl3::server {

/// What the messages of a request have in common.
struct MessageReading {
  QuestionBuilder& question;
  const RequestLimits& limits;
  VideoOptions video;
};

/// {"role": ROLE, "content": TEXT or [PART, ...]}. Throws RequestError, with the place.
void read_message(const Json& json, const std::string& place, const MessageReading& reading);
/// {"type": TYPE, ...}: a text, an image or a film, by whatever name a path knows it.
void read_part(const Json& json, const std::string& place, const MessageReading& reading,
               CompletionMessage& message);

/// `detail`: whether an image is cut to tiles; nothing: as the model was taught. Throws
/// RequestError.
std::optional<bool> read_detail(const Fields& fields);

/// Throws RequestError where tools are to be called.
void refuse_tools(const Fields& fields);
/// Throws RequestError where beams are to be searched.
void refuse_beams(const Fields& fields);
/// The most tokens of an answer, by any of these names.
void read_length(const Fields& fields, std::initializer_list<const char*> names,
                 Question& question);

}  // namespace owl3::server
