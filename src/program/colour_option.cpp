#include "program/colour_option.h"

#include "core/colour.h"

namespace owl3 {

CLI::Validator colour_check() {
  return {[](const std::string& text) {
            return parse_colour(text) ? "" : std::string("must be ") + kColourForms;
          },
          ""};
}

}  // namespace owl3
