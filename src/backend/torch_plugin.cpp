#include "backend/torch_plugin.h"

#include <dlfcn.h>
#include <link.h>

#include <string_view>
#include <vector>

#include "core/error.h"

namespace owl3 {
namespace {

constexpr std::string_view kPlugin = OWL3_TORCH_FILE;

std::string path_of(const void* symbol) {
  Dl_info info{};
  return ::dladdr(symbol, &info) != 0 ? info.dli_fname : std::string(kPlugin);
}

/// The folders that dlopen() searches for whoever holds this code, program or library.
std::vector<std::string> searched_folders() {
  const std::string self = path_of(reinterpret_cast<const void*>(&torch_plugin));
  void* handle = ::dlopen(self.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr) handle = ::dlopen(nullptr, RTLD_LAZY);
  std::vector<std::string> folders;
  Dl_serinfo size{};
  if (handle != nullptr && ::dlinfo(handle, RTLD_DI_SERINFOSIZE, &size) == 0) {
    std::vector<std::byte> memory(size.dls_size);
    auto* const paths = reinterpret_cast<Dl_serinfo*>(memory.data());
    *paths = size;
    if (::dlinfo(handle, RTLD_DI_SERINFO, paths) == 0) {
      const Dl_serpath* const path = paths->dls_serpath;
      for (unsigned i = 0; i < paths->dls_cnt; ++i) folders.emplace_back(path[i].dls_name);
    }
  }
  if (handle != nullptr) ::dlclose(handle);
  return folders;
}

/// Why dlopen() failed, and what to do.
std::string failure_text(std::string_view reason) {
  if (!reason.starts_with(kPlugin)) {  // something that the plug-in needs
    return fmt::format("which can't be loaded: {}", reason);
  }
  return fmt::format(
      "which is in none of {}: build it where LibTorch is (cmake --build BUILD --target "
      "owl3_torch; "
      "docs/gpu.md) and put it beside the program",
      fmt::join(searched_folders(), ", "));
}

const TorchPlugin& load(const std::string& device) {
  // Never unloaded: LibTorch is not made for it.
  void* const plugin = ::dlopen(OWL3_TORCH_FILE, RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) {
    throw Error(
        fmt::format("device {}: is reached by {}, {}", device, kPlugin, failure_text(::dlerror())));
  }
  const auto* found = static_cast<const TorchPlugin*>(::dlsym(plugin, "owl3_torch_plugin"));
  if (found == nullptr || std::string_view(found->stamp) != OWL3_TORCH_STAMP) {
    throw Error(fmt::format(
        "device {}: is reached by {}, and {} is of another build ({}, not {}): build both from one "
        "source with one compiler",
        device, kPlugin, found == nullptr ? kPlugin : path_of(found),
        found == nullptr ? "?" : found->stamp, OWL3_TORCH_STAMP));
  }
  return *found;
}

}  // namespace

const TorchPlugin& torch_plugin(const std::string& device) {
  static const TorchPlugin& loaded = load(device);
  return loaded;
}

}  // namespace owl3
