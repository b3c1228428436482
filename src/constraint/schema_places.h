// Where `$ref` leads: the identifiers and anchors of a schema document.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <vector>

namespace owl3 {

/// For messages: what is too long for a line is cut.
std::string shown(std::string text);

class SchemaPlaces {
 public:
  using Json = nlohmann::ordered_json;

  /// The document stays where it is. Throws InputError where it is nested more than 200 deep.
  explicit SchemaPlaces(const Json& document);

  /// What a reference at this place means. Throws InputError where there is nothing, or where it
  /// lies outside of the document.
  const Json& target(const Json& from, const std::string& reference) const;
  /// "#/properties/a", for messages; cut where it is too long for a line.
  std::string pointer(const Json& place) const { return shown(whole_pointer(place)); }
  /// The document says that it is of a draft up to 7.
  bool is_old_draft() const { return old_draft_; }
  /// Whether formats are asserted: not where the document says it is of draft 2019-09 or later.
  bool asserts_formats() const { return asserts_formats_; }

 private:
  struct Place {
    uint32_t base = 0;             // in bases_
    const Json* around = nullptr;  // nullptr: it is the document
    std::string key;               // of it there
  };
  enum class Content { kSchema, kNamedSchemas, kData };
  void visit(const Json& value, Place place, int depth, Content content);
  void identify(const Json& schema, Place& place);
  std::string whole_pointer(const Json& place) const;
  const std::string& base_of(const Json& place) const { return bases_[places_.at(&place).base]; }

  const Json& document_;
  bool old_draft_ = false;
  bool asserts_formats_ = true;
  std::unordered_map<const Json*, Place> places_;
  std::vector<std::string> bases_{""};
  std::unordered_map<std::string, const Json*> identified_;  // by URI, or URI#anchor
};

}  // namespace owl3
