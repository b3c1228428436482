// POST /v1/media: an image or film that is to be asked about later, by a name.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "server/http/http_server.h"
#include "server/question.h"

namespace owl3::server {

/// By its Content-Type: the bytes of an image or film, of which the query tells `detail`, `fps` and
/// so on; else a part of a message, in JSON. Throws RequestError.
SentMedium read_upload(const http::Request& head, std::string body, const RequestContext& context,
                       const RequestLimits& limits);

/// The same for the same bytes, read in the same way.
std::string name_of_upload(const SentMedium& medium);

nlohmann::ordered_json media_object(const ShelvedMedia& media);

}  // namespace owl3::server
