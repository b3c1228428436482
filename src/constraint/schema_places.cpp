#include "constraint/schema_places.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>

#include "core/error.h"

namespace owl3 {

namespace {

constexpr int kMaxDepth = 200;
constexpr size_t kMaxUri = 4000;  // each schema inside may have a longer one

struct UriParts {
  std::string start;     // scheme and authority: "http://host", "urn:"
  std::string path;      // with query
  std::string fragment;  // without #
  bool has_fragment = false;
};

UriParts parts_of(std::string uri) {
  UriParts parts;
  const size_t hash = uri.find('#');
  if (hash != std::string::npos) {
    parts.fragment = uri.substr(hash + 1);
    parts.has_fragment = true;
    uri.resize(hash);
  }
  const size_t colon = uri.find(':');
  const bool has_scheme = colon != std::string::npos && uri.find_first_of("/?") > colon;
  size_t end = has_scheme ? colon + 1 : 0;
  if (uri.compare(end, 2, "//") == 0) end = std::min(uri.find_first_of("/?", end + 2), uri.size());
  parts.start = uri.substr(0, end);
  parts.path = uri.substr(end);
  return parts;
}

std::string without_dots(const std::string& path) {
  std::vector<std::string> kept;
  size_t begin = 0;
  while (begin <= path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string segment = path.substr(begin, end - begin);
    if (segment == "..") {
      if (kept.size() > 1) kept.pop_back();
    } else if (segment != ".") {
      kept.push_back(segment);
    }
    begin = end + 1;
  }
  std::string joined;
  for (size_t i = 0; i < kept.size(); ++i) joined += (i > 0 ? "/" : "") + kept[i];
  return joined;
}

/// RFC 3986, 5.2, without the fragment.
std::string resolved(const std::string& base, const std::string& reference) {
  const UriParts of_base = parts_of(base);
  UriParts parts = parts_of(reference);
  if (!parts.start.empty()) return parts.start + parts.path;
  if (parts.path.empty()) return of_base.start + of_base.path;
  if (parts.path.front() != '/') {
    const size_t slash = of_base.path.rfind('/');
    if (slash != std::string::npos)
      parts.path = of_base.path.substr(0, slash + 1) + parts.path;
    else if (!of_base.start.empty() && of_base.start.find("//") != std::string::npos)
      parts.path = "/" + parts.path;
  }
  return of_base.start + without_dots(parts.path);
}

std::string percent_decoded(const std::string& text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() &&
        std::isxdigit(static_cast<unsigned char>(text[i + 1])) != 0 &&
        std::isxdigit(static_cast<unsigned char>(text[i + 2])) != 0) {
      decoded += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

std::string escaped(const std::string& key) {
  std::string text;
  for (const char c : key) {
    if (c == '~')
      text += "~0";
    else if (c == '/')
      text += "~1";
    else
      text += c;
  }
  return text;
}

bool is_one_of(const std::string& key, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), key) != names.end();
}
/// What isn't schemas, whatever it looks like.
bool holds_data(const std::string& key) {
  return is_one_of(key, {"const", "enum", "default", "examples"});
}
/// An object of which the names are people's, and the values schemas.
bool holds_named_schemas(const std::string& key) {
  return is_one_of(key, {"properties", "patternProperties", "$defs", "definitions",
                         "dependentSchemas", "dependencies"});
}

}  // namespace

std::string shown(std::string text) {
  constexpr size_t kMost = 200;
  if (text.size() <= kMost) return text;
  size_t end = kMost;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // between characters
  return text.substr(0, end) + "...";
}

SchemaPlaces::SchemaPlaces(const Json& document) : document_(document) {
  if (document.is_object() && document.contains("$schema") && document["$schema"].is_string()) {
    const std::string draft = document["$schema"];
    for (const char* old : {"draft-03", "draft-04", "draft-05", "draft-06", "draft-07"}) {
      old_draft_ = old_draft_ || draft.find(old) != std::string::npos;
    }
    asserts_formats_ = draft.find("json-schema.org/draft/20") == std::string::npos;
  }
  visit(document, {}, 0, Content::kSchema);
}

void SchemaPlaces::visit(const Json& value, Place place, int depth, Content content) {
  if (depth > kMaxDepth) throw InputError("the schema is nested more than 200 deep");
  if (value.is_object() && content == Content::kSchema) identify(value, place);
  const uint32_t base = place.base;
  places_.emplace(&value, std::move(place));
  if (value.is_object()) {
    for (const auto& [key, child] : value.items()) {
      Content inner = content;
      if (content == Content::kNamedSchemas) {
        inner = Content::kSchema;
      } else if (content == Content::kSchema) {
        inner = holds_data(key)            ? Content::kData
                : holds_named_schemas(key) ? Content::kNamedSchemas
                                           : Content::kSchema;
      }
      visit(child, {base, &value, key}, depth + 1, inner);
    }
  } else if (value.is_array()) {
    size_t index = 0;
    for (const Json& child : value) {
      const size_t number = index++;
      if (content == Content::kData && !child.is_structured()) continue;  // long lists, often
      visit(child, {base, &value, std::to_string(number)}, depth + 1, content);
    }
  }
}

/// Notes what a schema is called, and its base URI.
void SchemaPlaces::identify(const Json& schema, Place& place) {
  const bool beside_reference = old_draft_ && schema.contains("$ref");
  for (const char* key : {"$id", "id"}) {
    const auto found = schema.find(key);
    if (found == schema.end() || !found->is_string() || beside_reference) continue;
    const std::string id = *found;
    if (id.starts_with('#')) {
      identified_.emplace(bases_[place.base] + id, &schema);
    } else {
      bases_.push_back(resolved(bases_[place.base], id));
      place.base = static_cast<uint32_t>(bases_.size() - 1);
      identified_.emplace(bases_.back(), &schema);
    }
    if (bases_[place.base].size() > kMaxUri) {
      throw InputError("an \"$id\" of the schema is longer than 4,000 bytes");
    }
  }
  for (const char* key : {"$anchor", "$dynamicAnchor"}) {
    const auto found = schema.find(key);
    if (found != schema.end() && found->is_string()) {
      identified_.emplace(bases_[place.base] + "#" + found->get<std::string>(), &schema);
    }
  }
}

std::string SchemaPlaces::whole_pointer(const Json& place) const {
  const auto found = places_.find(&place);
  if (found == places_.end()) return "a value of a list";
  const Place& here = found->second;
  if (here.around == nullptr) return "#";
  return whole_pointer(*here.around) + "/" + escaped(here.key);
}

const SchemaPlaces::Json& SchemaPlaces::target(const Json& from,
                                               const std::string& reference) const {
  const std::string& base = base_of(from);
  const UriParts parts = parts_of(reference);
  const std::string uri = resolved(base, reference);
  const Json* resource = nullptr;
  if (const auto found = identified_.find(uri); found != identified_.end()) {
    resource = found->second;
  } else if (uri == base_of(document_) || uri.empty()) {
    resource = &document_;
  }
  const auto nowhere = [&](std::string_view what) {
    return InputError(fmt::format("the schema's \"$ref\": \"{}\" (at {}) {}", shown(reference),
                                  pointer(from), what));
  };
  const std::string fragment = percent_decoded(parts.fragment);
  if (!fragment.empty() && !fragment.starts_with('/')) {
    const auto found = identified_.find(uri + "#" + fragment);
    if (found != identified_.end()) return *found->second;
    throw nowhere("leads to an anchor that is not there");
  }
  if (resource == nullptr) {
    throw nowhere("leads out of the document; owl3 fetches no schemas: put it under \"$defs\"");
  }
  // Identifiers that generators put everywhere are no documents of their own to those who refer.
  for (const Json* document : {resource, &document_}) {
    try {
      return document->at(Json::json_pointer(fragment));
    } catch (const nlohmann::json::exception&) {
      continue;
    }
  }
  throw nowhere("leads nowhere");
}

}  // namespace owl3
