// codecs() where the codecs are linked rather than loaded: under sanitizers and fuzzing, which see
// more of what is theirs from the start.
#include "media/codecs.h"

extern "C" const owl3::Codecs owl3_codecs;  // codecs/module.cpp

namespace owl3 {

const Codecs& codecs(const std::string&) {
  return owl3_codecs;
}

}  // namespace owl3
