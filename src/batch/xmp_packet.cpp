#include "batch/xmp_packet.h"

#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "text/utf8.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

bool is_texts(const Json& json) {
  return json.is_array() && !json.empty() &&
         std::all_of(json.begin(), json.end(), [](const Json& one) { return one.is_string(); });
}

/// Without white space around it, which would make it another keyword than the same without.
std::string trimmed(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

/// Char of XML 1.0.
bool may_stand_in_xml(char32_t character) {
  if (character < 0x20) return character == '\t' || character == '\n' || character == '\r';
  return character != 0xFFFE && character != 0xFFFF;
}

std::string escaped(const std::string& text) {
  const std::string valid = with_replacements(text);
  std::string xml;
  for (std::string_view rest = valid; !rest.empty();) {
    const Utf8Character next = first_character(rest);
    switch (next.code_point) {
      case '&':
        xml += "&amp;";
        break;
      case '<':
        xml += "&lt;";
        break;
      case '>':
        xml += "&gt;";
        break;
      case '\r':
        xml += "&#13;";  // a line end otherwise
        break;
      default:
        xml +=
            may_stand_in_xml(next.code_point) ? rest.substr(0, next.length) : kReplacementCharacter;
    }
    rest.remove_prefix(next.length);
  }
  return xml;
}

/// A property that may be said in several languages.
std::string in_a_language(const char* name, const std::string& text) {
  if (text.empty()) return {};
  return fmt::format(
      "   <{0}>\n    <rdf:Alt>\n     <rdf:li xml:lang=\"x-default\">{1}</rdf:li>\n"
      "    </rdf:Alt>\n   </{0}>\n",
      name, escaped(text));
}

std::string list(const char* name, const char* kind, const std::vector<std::string>& texts) {
  if (texts.empty()) return {};
  std::string xml = fmt::format("   <{}>\n    <rdf:{}>\n", name, kind);
  for (const std::string& text : texts) {
    xml += fmt::format("     <rdf:li>{}</rdf:li>\n", escaped(text));
  }
  return xml + fmt::format("    </rdf:{}>\n   </{}>\n", kind, name);
}

}  // namespace

XmpFields xmp_fields_of(const Json& answer, bool is_keyword) {
  XmpFields fields;
  const auto add = [&](const Json& text) {
    const std::string keyword = trimmed(text.get<std::string>());
    auto& all = fields.keywords;
    if (!keyword.empty() && std::find(all.begin(), all.end(), keyword) == all.end()) {
      all.push_back(keyword);
    }
  };
  if (answer.is_string()) {
    if (is_keyword) add(answer);
    if (!is_keyword) fields.description = answer.get<std::string>();
    return fields;
  }
  const Json properties = answer.is_object() ? answer : Json{{"keywords", answer}};
  for (const auto& [name, value] : properties.items()) {
    if (is_texts(value)) std::for_each(value.begin(), value.end(), add);
    if (value.is_string() && name == "title") fields.title = value.get<std::string>();
    if (value.is_string() && name == "description") fields.description = value.get<std::string>();
  }
  const bool is_empty = fields.title.empty() && fields.description.empty();
  if (is_empty && fields.keywords.empty()) {
    fields.description = answer.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return fields;
}

std::string xmp_packet(const XmpFields& fields) {
  return "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
         "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\" x:xmptk=\"owl3\">\n"
         " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
         "  <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"\n"
         "    xmlns:digiKam=\"http://www.digikam.org/ns/1.0/\">\n" +
         in_a_language("dc:title", fields.title) +
         in_a_language("dc:description", fields.description) +
         list("dc:subject", "Bag", fields.keywords) +
         list("digiKam:TagsList", "Seq", fields.keywords) +
         "  </rdf:Description>\n"
         " </rdf:RDF>\n"
         "</x:xmpmeta>\n"
         "<?xpacket end=\"w\"?>\n";
}

}  // namespace owl3
