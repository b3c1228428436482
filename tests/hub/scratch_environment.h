// The variables that hubs are told by, as a test wants them.
#pragma once

#include <array>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>

namespace owl3::test {

/// All of them unset; afterwards they are as they were.
class ScratchEnvironment {
 public:
  ScratchEnvironment() {
    for (const char* name : kNames) {
      const char* value = std::getenv(name);
      before_[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
      ::unsetenv(name);
    }
  }
  ~ScratchEnvironment() {
    for (const auto& [name, value] : before_) {
      value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
    }
  }
  ScratchEnvironment(const ScratchEnvironment&) = delete;
  ScratchEnvironment& operator=(const ScratchEnvironment&) = delete;

  void set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }

 private:
  static constexpr std::array kNames = {"HOME",
                                        "XDG_CACHE_HOME",
                                        "HF_HOME",
                                        "HF_HUB_CACHE",
                                        "HUGGINGFACE_HUB_CACHE",
                                        "HF_TOKEN",
                                        "HF_TOKEN_PATH",
                                        "HF_ENDPOINT",
                                        "HF_HUB_OFFLINE",
                                        "TRANSFORMERS_OFFLINE",
                                        "HUGGING_FACE_HUB_TOKEN",
                                        "HF_HUB_DISABLE_IMPLICIT_TOKEN",
                                        "MODELSCOPE_DOMAIN",
                                        "MODELSCOPE_API_TOKEN",
                                        "HF_HUB_DOWNLOAD_TIMEOUT",
                                        "http_proxy",
                                        "HTTP_PROXY",
                                        "all_proxy",
                                        "ALL_PROXY"};
  std::map<std::string, std::optional<std::string>> before_;
};

}  // namespace owl3::test
