#include "hub/curl_library.h"

#include <dlfcn.h>

#include "core/error.h"

namespace owl3 {

namespace {

constexpr const char* kFile = "libcurl.so.4";

template <typename Function>
void load(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function == nullptr) {
    throw InputError(
        fmt::format("{} is too old: it has no {}; install a newer libcurl4", kFile, name));
  }
}

CurlLibrary load_all() {
  // Never closed: its own libraries run code at exit.
  void* library = ::dlopen(kFile, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw InputError(
        fmt::format("fetching needs {}: install it (on Debian: apt install libcurl4)", kFile));
  }
  CurlLibrary curl{};
  load(library, "curl_global_init", curl.global_init);
  load(library, "curl_easy_init", curl.easy_init);
  load(library, "curl_easy_cleanup", curl.easy_cleanup);
  load(library, "curl_easy_reset", curl.easy_reset);
  load(library, "curl_easy_setopt", curl.easy_setopt);
  load(library, "curl_easy_getinfo", curl.easy_getinfo);
  load(library, "curl_easy_strerror", curl.easy_strerror);
  load(library, "curl_multi_init", curl.multi_init);
  load(library, "curl_multi_cleanup", curl.multi_cleanup);
  load(library, "curl_multi_add_handle", curl.multi_add_handle);
  load(library, "curl_multi_remove_handle", curl.multi_remove_handle);
  load(library, "curl_multi_perform", curl.multi_perform);
  load(library, "curl_multi_poll", curl.multi_poll);
  load(library, "curl_multi_info_read", curl.multi_info_read);
  load(library, "curl_slist_append", curl.slist_append);
  load(library, "curl_slist_free_all", curl.slist_free_all);
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    throw InputError(fmt::format("{} can't be started", kFile));
  }
  return curl;
}

}  // namespace

const CurlLibrary& curl_library() {
  static const CurlLibrary library = load_all();
  return library;
}

}  // namespace owl3
