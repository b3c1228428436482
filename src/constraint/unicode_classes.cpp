#include "constraint/unicode_classes.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <array>
#include <string>

namespace owl3 {

namespace {

struct CategoryName {
  std::string_view name;
  std::string_view letters;  // the category's own, or the first of several
};

constexpr std::array<CategoryName, 37> kLongNames = {{
    {"Letter", "L"},
    {"Cased_Letter", "LC"},
    {"Uppercase_Letter", "Lu"},
    {"Lowercase_Letter", "Ll"},
    {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Mark", "M"},
    {"Nonspacing_Mark", "Mn"},
    {"Spacing_Mark", "Mc"},
    {"Enclosing_Mark", "Me"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Letter_Number", "Nl"},
    {"Other_Number", "No"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Connector_Punctuation", "Pc"},
    {"Dash_Punctuation", "Pd"},
    {"Open_Punctuation", "Ps"},
    {"Close_Punctuation", "Pe"},
    {"Initial_Punctuation", "Pi"},
    {"Final_Punctuation", "Pf"},
    {"Other_Punctuation", "Po"},
    {"Symbol", "S"},
    {"Math_Symbol", "Sm"},
    {"Currency_Symbol", "Sc"},
    {"Modifier_Symbol", "Sk"},
    {"Other_Symbol", "So"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Line_Separator", "Zl"},
    {"Paragraph_Separator", "Zp"},
    {"Other", "C"},
    {"Control", "Cc"},
    {"Format", "Cf"},
}};

bool is_category(std::string_view letters) {
  constexpr std::string_view kShort =
      " L LC Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp "
      "C Cc Cf Co Cn ";
  return kShort.find(fmt::format(" {} ", letters)) != std::string_view::npos;
}

bool belongs(std::string_view category, std::string_view wanted) {
  if (wanted == "LC") return category == "Lu" || category == "Ll" || category == "Lt";
  return category.substr(0, wanted.size()) == wanted;
}

}  // namespace

std::optional<CharSet> characters_of_category(std::string_view name) {
  if (name == "Any") return all_characters();
  if (name == "ASCII") return make_char_set({{0, 127}});
  for (const std::string_view prefix : {"General_Category=", "gc="}) {
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  }
  for (const CategoryName& known : kLongNames) {
    if (name == known.name) name = known.letters;
  }
  if (!is_category(name)) return std::nullopt;
  std::vector<CharRange> ranges;
  for (char32_t c = 0; c <= kLastCharacter; ++c) {
    if (!belongs(utf8proc_category_string(static_cast<utf8proc_int32_t>(c)), name)) continue;
    if (!ranges.empty() && ranges.back().last + 1 == c) {
      ranges.back().last = c;
    } else {
      ranges.push_back({c, c});
    }
  }
  return make_char_set(std::move(ranges));
}

}  // namespace owl3
