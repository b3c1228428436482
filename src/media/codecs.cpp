// codecs() of programs and libowl3.so: the module is found as shared libraries are, by the paths
// that cmake/rooms.cmake gives whoever is linked with this.
#include "media/codecs.h"

#include <dlfcn.h>

#include <string_view>

#include "core/error.h"

namespace owl3 {
namespace {

constexpr std::string_view kModule = OWL3_CODECS_FILE;

/// Why dlopen() failed, and what to do.
std::string failure_text(std::string_view reason) {
  if (reason.starts_with(kModule)) {  // else something that the module needs
    return fmt::format(
        "which is neither in {} of the installation nor beside the program: install the module too",
        OWL3_MODULE_FOLDER);
  }
  return fmt::format("which can't be loaded: {}", reason);
}

std::string path_of(const void* symbol) {
  Dl_info info{};
  return ::dladdr(symbol, &info) != 0 ? info.dli_fname : std::string(kModule);
}

const Codecs& load(const std::string& name) {
  // Never unloaded: FFmpeg's libraries are not made for it.
  void* const module = ::dlopen(OWL3_CODECS_FILE, RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    throw Error(fmt::format("{}: files of its kind are read by {}, {}", name, kModule,
                            failure_text(::dlerror())));
  }
  const auto* found = static_cast<const Codecs*>(::dlsym(module, "owl3_codecs"));
  if (found == nullptr || std::string_view(found->stamp) != OWL3_CODECS_STAMP) {
    throw Error(fmt::format(
        "{}: files of its kind are read by {}, and {} is of another build ({}, not {}): install "
        "both from one",
        name, kModule, found == nullptr ? kModule : path_of(found),
        found == nullptr ? "?" : found->stamp, OWL3_CODECS_STAMP));
  }
  return *found;
}

}  // namespace

const Codecs& codecs(const std::string& name) {
  static const Codecs& loaded = load(name);
  return loaded;
}

}  // namespace owl3
