#include "builtin/builtin_model.h"

#ifdef OWL3_BUILTIN_NAME
extern "C" {
extern const std::byte owl3_builtin_begin[];  // builtin_model.S
extern const std::byte owl3_builtin_end[];
}
#endif

namespace owl3 {

std::optional<BuiltinModel> builtin_model() {
#ifdef OWL3_BUILTIN_NAME
  return BuiltinModel{OWL3_BUILTIN_NAME, {owl3_builtin_begin, owl3_builtin_end}};
#else
  return std::nullopt;
#endif
}

}  // namespace owl3
