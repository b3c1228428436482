// What is said of a picture, as photo libraries read it beside the picture: an XMP packet
// (ISO 16684-1) with Dublin Core's properties.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace owl3 {

/// What is empty is not written.
struct XmpFields {
  std::string title{};        // dc:title
  std::string description{};  // dc:description
  std::vector<std::string>
      keywords{};  // dc:subject, and as digiKam:TagsList, which some read alone
};

/// A text is the description, or where it is one of the choices, `is_keyword`, a keyword. Of JSON,
/// an array of texts is keywords, and so is each property of an object that is one; its properties
/// "title" and "description" are these. JSON with nothing of the kind is the description, as text.
XmpFields xmp_fields_of(const nlohmann::ordered_json& answer, bool is_keyword);

/// A whole file, in UTF-8. What no XML may have becomes U+FFFD.
std::string xmp_packet(const XmpFields& fields);

}  // namespace owl3
