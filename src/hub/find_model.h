// What a MODEL on the command line, in a recipe or in a program stands for: a path, or the name of
// a model in the hub's cache.
#pragma once

#include <filesystem>
#include <string>

#include "core/error.h"
#include "hub/model_name.h"

namespace owl3 {

/// A name that a hub may know, of a model that is not on this machine, or not all of it.
class ModelNotFetched : public InputError {
 public:
  ModelNotFetched(const std::string& message, ModelName name)
      : InputError(message), name_(std::move(name)) {}
  const ModelName& name() const { return name_; }

 private:
  ModelName name_;
};

/// Where that model lies. A path that exists is itself, as is what can't be a name; a name (see
/// model_name.h) is looked up in the cache, without any network. Throws ModelNotFetched, with the
/// command that fetches it, and InputError for a known name with a type that is none.
std::filesystem::path find_model(const std::filesystem::path& model);

/// "owl3 pull owl3-2b --type q4_k"
std::string pull_command(const ModelName& name);

}  // namespace owl3
