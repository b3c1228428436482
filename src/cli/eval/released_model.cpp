#include "cli/eval/released_model.h"

#include "builtin/open_model.h"
#include "core/mapped_file.h"
#include "formats/gguf.h"
#include "formats/hub_cache.h"
#include "hub/model_name.h"

namespace owl3::cli {

namespace {

namespace fs = std::filesystem;

/// Of "mPLUG/mPLUG-Owl3-7B-241101", "iic/..." or any name without an owner.
std::string short_name_of(const std::string& name) {
  const auto parsed = parse_model_name(name);
  if (!parsed || !parsed->known) return "";
  const std::string own = parsed->repository.substr(parsed->repository.find('/') + 1);
  return short_model_name(parse_model_name(own)->repository);  // under whichever hub's owner
}

/// What a GGUF file says it is.
std::string name_in_file(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return "";
  const auto file = MappedFile::open(path);
  if (!is_gguf(file->bytes())) return "";
  const Gguf gguf = parse_gguf(file->bytes(), file, path.string());
  return std::string(gguf.text("general.name").value_or(""));
}

}  // namespace

std::string released_model_of(const std::string& model) {
  if (names_builtin_model(model)) return "";
  const fs::path path = find_existing_model(model);
  for (const std::string& name : {model, model_name_of(path), name_in_file(path)}) {
    std::string found = short_name_of(name);
    if (!found.empty()) return found;
  }
  return "";
}

}  // namespace owl3::cli
