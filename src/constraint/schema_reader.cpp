#include "constraint/schema_reader.h"

#include <deque>
#include <unordered_map>

#include "constraint/schema_places.h"
#include "constraint/string_formats.h"

namespace owl3 {

UnsupportedKeyword::UnsupportedKeyword(std::string keyword, const std::string& place,
                                       std::string_view more)
    : InputError(fmt::format("the schema's keyword \"{}\" (at {}) is not supported{}", keyword,
                             place, more)),
      keyword_(std::move(keyword)) {}

namespace {

using Json = nlohmann::ordered_json;

class SchemaReader {
 public:
  SchemaReader(Formulas& formulas, RegexTerms& terms, const Json& document)
      : formulas_(formulas), terms_(terms), document_(document), places_(document) {}

  FormulaId read() {
    const FormulaId root = schema(document_);
    while (!unread_.empty()) {  // what references lead to
      const auto [place, reference] = unread_.front();
      unread_.pop_front();
      formulas_.resolve(reference, schema(*place));
    }
    return root;
  }

 private:
  [[noreturn]] void fail(const Json& place, std::string_view what) const {
    throw InputError(fmt::format("the schema at {}: {}", places_.pointer(place), what));
  }

  FormulaId schema(const Json& value) {
    if (value.is_boolean()) return value.get<bool>() ? Formulas::kAnything : Formulas::kNothing;
    if (!value.is_object()) fail(value, "a schema is an object, true or false");
    refuse_what_is_not_supported(value);
    if (places_.is_old_draft() && value.contains("$ref")) return reference(value);
    std::vector<FormulaId> parts;
    if (value.contains("$ref")) parts.push_back(reference(value));
    add_general(value, parts);
    add_combined(value, parts);
    add_string(value, parts);
    add_number(value, parts);
    add_array(value, parts);
    add_object(value, parts);
    return formulas_.all(std::move(parts));
  }

  void refuse_what_is_not_supported(const Json& schema) const {
    const auto refuse = [&](const char* keyword, std::string_view more = {}) {
      throw UnsupportedKeyword(keyword, places_.pointer(schema), more);
    };
    for (const char* keyword : {"$dynamicRef", "$recursiveRef"}) {
      if (schema.contains(keyword) && schema[keyword].is_string()) refuse(keyword);
    }
    for (const char* keyword : {"unevaluatedItems", "unevaluatedProperties"}) {
      if (schema.contains(keyword) && schema[keyword] != true) refuse(keyword);
    }
    if (schema.contains("uniqueItems") && schema["uniqueItems"] != false) refuse("uniqueItems");
    if (schema.contains("required") && schema["required"].is_boolean()) {
      refuse("required", " as true or false (draft 3): name the properties in the object's list");
    }
    const auto draft = document_.is_object() ? document_.find("$schema") : document_.end();
    if (draft == document_.end() || !draft->is_string() ||
        draft->get<std::string>().find("draft-03") == std::string::npos) {
      return;
    }
    for (const char* keyword : {"divisibleBy", "disallow", "extends"}) {
      if (schema.contains(keyword)) refuse(keyword);
    }
  }

  FormulaId reference(const Json& schema) {
    const Json& name = schema["$ref"];
    if (!name.is_string()) fail(schema, "\"$ref\" is a text");
    const Json& target = places_.target(schema, name.get<std::string>());
    const auto [found, is_new] = references_.emplace(&target, 0);
    if (is_new) {
      found->second = formulas_.new_reference();
      unread_.emplace_back(&target, found->second);
    }
    return formulas_.reference(found->second);
  }

  const Json* find(const Json& schema, const char* keyword) const {
    const auto found = schema.find(keyword);
    return found == schema.end() ? nullptr : &*found;
  }

  const Json* list(const Json& schema, const char* keyword) const {
    const Json* const value = find(schema, keyword);
    if (value != nullptr && !value->is_array()) {
      fail(schema, fmt::format("\"{}\" is a list", keyword));
    }
    return value;
  }

  const Json* object(const Json& schema, const char* keyword) const {
    const Json* const value = find(schema, keyword);
    if (value != nullptr && !value->is_object()) {
      fail(schema, fmt::format("\"{}\" is an object", keyword));
    }
    return value;
  }

  /// Limits of a count that are there; false when neither is.
  bool limits(const Json& schema, const char* min, const char* max, CountLimits& limits) const {
    const auto read = [&](const char* keyword, uint32_t& limit) {
      const Json* const value = find(schema, keyword);
      if (value == nullptr) return false;
      const double number = value->is_number() ? value->get<double>() : -1;
      if (number < 0 || number != static_cast<double>(static_cast<uint64_t>(number))) {
        fail(schema, fmt::format("\"{}\" is a whole number from 0 on", keyword));
      }
      limit = static_cast<uint32_t>(std::min(number, 4e9));
      return true;
    };
    const bool has_min = read(min, limits.min);
    return read(max, limits.max) || has_min;
  }

  // Keywords of all kinds.

  void add_general(const Json& schema, std::vector<FormulaId>& parts) {
    if (const Json* const type = find(schema, "type")) {
      std::vector<FormulaId> types;
      for (const Json& name : type->is_array() ? *type : Json::array({*type})) {
        types.push_back(type_named(schema, name));
      }
      parts.push_back(formulas_.any(std::move(types)));
    }
    if (const Json* const value = find(schema, "const")) parts.push_back(equal_to(*value));
    if (const Json* const values = list(schema, "enum")) {
      std::vector<FormulaId> ways;
      std::vector<RegexId> texts;  // together, so that many of them are one automaton
      std::vector<Decimal> numbers;
      for (const Json& value : *values) {
        if (value.is_string()) {
          texts.push_back(terms_.literal(value.get<std::string>()));
        } else if (value.is_number()) {
          numbers.push_back(read_decimal(value.dump()));
        } else {
          ways.push_back(equal_to(value));
        }
      }
      if (!texts.empty()) ways.push_back(string_matching(terms_.either(std::move(texts))));
      if (!numbers.empty()) ways.push_back(number_among(std::move(numbers)));
      parts.push_back(formulas_.any(std::move(ways)));
    }
  }

  FormulaId type_named(const Json& schema, const Json& name) {
    if (name == "null") return formulas_.kind(ValueKind::kNull);
    if (name == "boolean") {
      return formulas_.kinds(bit_of(ValueKind::kTrue) | bit_of(ValueKind::kFalse));
    }
    if (name == "number") return formulas_.kind(ValueKind::kNumber);
    if (name == "integer")
      return formulas_.all({formulas_.kind(ValueKind::kNumber), formulas_.integer()});
    if (name == "string") return formulas_.kind(ValueKind::kString);
    if (name == "array") return formulas_.kind(ValueKind::kArray);
    if (name == "object") return formulas_.kind(ValueKind::kObject);
    if (name.is_object()) return this->schema(name);  // draft 3
    fail(schema, fmt::format("there is no type {}: there are null, boolean, number, integer, "
                             "string, array and object",
                             shown(name.dump())));
  }

  FormulaId string_matching(RegexId term) {
    return formulas_.all({formulas_.kind(ValueKind::kString), formulas_.match(term)});
  }
  FormulaId number_among(std::vector<Decimal> numbers) {
    return formulas_.all(
        {formulas_.kind(ValueKind::kNumber), formulas_.equal_to_any(std::move(numbers))});
  }
  FormulaId equal_to(const Json& value) {
    switch (value.type()) {
      case Json::value_t::null:
        return formulas_.kind(ValueKind::kNull);
      case Json::value_t::boolean:
        return formulas_.kind(value.get<bool>() ? ValueKind::kTrue : ValueKind::kFalse);
      case Json::value_t::string:
        return string_matching(terms_.literal(value.get<std::string>()));
      case Json::value_t::array: {
        std::vector<FormulaId> items;
        for (const Json& item : value) items.push_back(equal_to(item));
        const auto count = static_cast<uint32_t>(items.size());
        return formulas_.all({formulas_.kind(ValueKind::kArray),
                              formulas_.items(std::move(items), Formulas::kNothing),
                              formulas_.item_count({count, count})});
      }
      case Json::value_t::object: {
        MembersRule members{{}, {}, Formulas::kNothing};
        std::vector<FormulaId> parts = {formulas_.kind(ValueKind::kObject)};
        for (const auto& [name, member] : value.items()) {
          members.named.emplace_back(name, equal_to(member));
          parts.push_back(formulas_.required(name));
        }
        parts.push_back(formulas_.members(std::move(members)));
        return formulas_.all(std::move(parts));
      }
      default:
        return number_among({read_decimal(value.dump())});
    }
  }

  void add_combined(const Json& schema, std::vector<FormulaId>& parts) {
    const auto read_all = [&](const char* keyword) {
      std::vector<FormulaId> read;
      for (const Json& each : *list(schema, keyword)) read.push_back(this->schema(each));
      return read;
    };
    if (schema.contains("allOf")) parts.push_back(formulas_.all(read_all("allOf")));
    if (schema.contains("anyOf")) parts.push_back(formulas_.any(read_all("anyOf")));
    if (schema.contains("oneOf")) parts.push_back(formulas_.one_of(read_all("oneOf")));
    if (const Json* const inner = find(schema, "not")) {
      parts.push_back(formulas_.negation(this->schema(*inner)));
    }
    const Json* const condition = find(schema, "if");
    if (condition == nullptr) return;
    const FormulaId holds = this->schema(*condition);
    if (const Json* const then = find(schema, "then")) {
      parts.push_back(formulas_.any({formulas_.negation(holds), this->schema(*then)}));
    }
    if (const Json* const otherwise = find(schema, "else")) {
      parts.push_back(formulas_.any({holds, this->schema(*otherwise)}));
    }
  }

  // Keywords of strings.

  void add_string(const Json& schema, std::vector<FormulaId>& parts) {
    CountLimits length;
    if (limits(schema, "minLength", "maxLength", length)) parts.push_back(formulas_.length(length));
    if (const Json* const pattern = find(schema, "pattern")) {
      if (!pattern->is_string()) fail(schema, "\"pattern\" is a text");
      parts.push_back(formulas_.match(read_regex(terms_, pattern->get<std::string>(), false)));
    }
    const Json* const name = find(schema, "format");
    if (name == nullptr || !name->is_string() || !places_.asserts_formats()) return;
    const std::string format_name = *name;
    if (is_unsupported_format(format_name)) {
      throw UnsupportedKeyword("format", places_.pointer(schema),
                               ": \"" + shown(format_name) + "\"");
    }
    if (const std::optional<StringFormat> format = string_format(format_name)) {
      parts.push_back(formulas_.match(read_regex(terms_, format->pattern, true)));
      if (format->max_length != kUnlimited) {
        parts.push_back(formulas_.length({0, format->max_length}));
      }
    }
  }

  // Keywords of numbers.

  void add_number(const Json& schema, std::vector<FormulaId>& parts) {
    const auto number = [&](const char* keyword) -> std::optional<Decimal> {
      const Json* const value = find(schema, keyword);
      if (value == nullptr || value->is_boolean()) return std::nullopt;
      if (!value->is_number()) fail(schema, fmt::format("\"{}\" is a number", keyword));
      return read_decimal(value->dump());
    };
    const auto is_true = [&](const char* keyword) {  // draft 4
      const Json* const value = find(schema, keyword);
      return value != nullptr && *value == true;
    };
    const auto above = [&](const Decimal& bound) {
      return not_for_numbers(formulas_.compared(Comparison::kAtMost, bound));
    };
    const auto below = [&](const Decimal& bound) {
      return not_for_numbers(formulas_.compared(Comparison::kAtLeast, bound));
    };
    if (const auto bound = number("minimum")) {
      parts.push_back(is_true("exclusiveMinimum")
                          ? above(*bound)
                          : formulas_.compared(Comparison::kAtLeast, *bound));
    }
    if (const auto bound = number("maximum")) {
      parts.push_back(is_true("exclusiveMaximum")
                          ? below(*bound)
                          : formulas_.compared(Comparison::kAtMost, *bound));
    }
    if (const auto bound = number("exclusiveMinimum")) parts.push_back(above(*bound));
    if (const auto bound = number("exclusiveMaximum")) parts.push_back(below(*bound));
    if (const auto divisor = number("multipleOf")) {
      if (divisor->negative || divisor->zero()) fail(schema, "\"multipleOf\" is above 0");
      parts.push_back(formulas_.multiple_of(*divisor));
    }
  }

  /// Of numbers the others, and everything else.
  FormulaId not_for_numbers(FormulaId rule) {
    return formulas_.any({formulas_.kinds(~bit_of(ValueKind::kNumber)), formulas_.negation(rule)});
  }

  // Keywords of arrays.

  void add_array(const Json& schema, std::vector<FormulaId>& parts) {
    std::vector<FormulaId> leading;
    const Json* others = find(schema, "items");
    const Json* first = list(schema, "prefixItems");
    if (first == nullptr && others != nullptr && others->is_array()) {  // up to 2019-09
      first = others;
      others = find(schema, "additionalItems");
    }
    if (first != nullptr) {
      for (const Json& item : *first) leading.push_back(this->schema(item));
    }
    if (first != nullptr || others != nullptr) {
      const FormulaId rest = others != nullptr ? this->schema(*others) : Formulas::kAnything;
      parts.push_back(formulas_.items(std::move(leading), rest));
    }
    CountLimits count;
    if (limits(schema, "minItems", "maxItems", count)) parts.push_back(formulas_.item_count(count));
    if (const Json* const contained = find(schema, "contains")) {
      CountLimits found{1, kUnlimited};
      limits(schema, "minContains", "maxContains", found);
      const FormulaId item = this->schema(*contained);
      parts.push_back(formulas_.contains({item, found, 0}));
    }
  }

  // Keywords of objects.

  void add_object(const Json& schema, std::vector<FormulaId>& parts) {
    const Json* const named = object(schema, "properties");
    const Json* const patterns = object(schema, "patternProperties");
    const Json* const others = find(schema, "additionalProperties");
    if (named != nullptr || patterns != nullptr || others != nullptr) {
      MembersRule members;
      members.others = others != nullptr ? this->schema(*others) : Formulas::kAnything;
      if (named != nullptr) {
        for (const auto& [name, value] : named->items()) {
          members.named.emplace_back(name, this->schema(value));
        }
      }
      if (patterns != nullptr) {
        for (const auto& [name, value] : patterns->items()) {
          members.patterns.emplace_back(read_regex(terms_, name, false), this->schema(value));
        }
      }
      parts.push_back(formulas_.members(std::move(members)));
    }
    if (const Json* const names = list(schema, "required")) {
      for (const Json& name : *names) parts.push_back(formulas_.required(text(schema, name)));
    }
    CountLimits count;
    if (limits(schema, "minProperties", "maxProperties", count)) {
      parts.push_back(formulas_.member_count(count));
    }
    if (const Json* const names = find(schema, "propertyNames")) {
      parts.push_back(formulas_.names(this->schema(*names)));
    }
    for (const char* keyword : {"dependencies", "dependentRequired", "dependentSchemas"}) {
      if (const Json* const needs = object(schema, keyword)) add_dependencies(*needs, parts);
    }
  }

  void add_dependencies(const Json& needs, std::vector<FormulaId>& parts) {
    for (const auto& [name, needed] : needs.items()) {
      std::vector<FormulaId> all;
      if (needed.is_array()) {
        for (const Json& other : needed) all.push_back(formulas_.required(text(needs, other)));
      } else if (needed.is_string()) {  // draft 3
        all.push_back(formulas_.required(needed.get<std::string>()));
      } else {
        all.push_back(this->schema(needed));
      }
      parts.push_back(formulas_.any({formulas_.kinds(~bit_of(ValueKind::kObject)),
                                     formulas_.negation(formulas_.required(name)),
                                     formulas_.all(std::move(all))}));
    }
  }

  std::string text(const Json& schema, const Json& value) const {
    if (!value.is_string()) fail(schema, "a property's name is a text");
    return value.get<std::string>();
  }

  Formulas& formulas_;
  RegexTerms& terms_;
  const Json& document_;
  SchemaPlaces places_;
  std::unordered_map<const Json*, uint32_t> references_;
  std::deque<std::pair<const Json*, uint32_t>> unread_;
};

}  // namespace

FormulaId read_schema(Formulas& formulas, RegexTerms& terms, const Json& document) {
  return SchemaReader(formulas, terms, document).read();
}

}  // namespace owl3
