// What an answer was read from, as clients are told it.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "owl3/evidence.h"
#include "server/fields.h"

namespace owl3::server {

/// What of it, beside the share of each image.
struct EvidenceWanted {
  bool tokens = false;    // each token's
  int64_t heat_maps = 0;  // of so many leading images
};

/// `attribution` of a request: true, false or {"tokens": WHETHER, "heat_maps": N}. Nothing where it
/// isn't asked for. Throws RequestError.
std::optional<EvidenceWanted> read_evidence_wanted(const Fields& fields);

/// `places` are those of its media in the request.
nlohmann::ordered_json evidence_json(const Evidence& evidence, std::span<const std::string> places,
                                     const EvidenceWanted& wanted);

}  // namespace owl3::server
