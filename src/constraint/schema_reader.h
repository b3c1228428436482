// JSON Schema to formulas: what each keyword says.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "constraint/formula.h"

namespace owl3 {

/// A keyword that would constrain and is not supported.
class UnsupportedKeyword : public InputError {
 public:
  UnsupportedKeyword(std::string keyword, const std::string& place, std::string_view more = {});
  const std::string& keyword() const { return keyword_; }

 private:
  std::string keyword_;
};

/// Drafts 4 to 2020-12, as far as docs/structured.md says. Throws UnsupportedKeyword, or InputError
/// when the schema is broken, with the place.
FormulaId read_schema(Formulas& formulas, RegexTerms& terms,
                      const nlohmann::ordered_json& document);

}  // namespace owl3
