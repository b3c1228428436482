#include "cli/eval/typed_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "builtin/open_model.h"
#include "cli/convert.h"
#include "core/error.h"
#include "formats/checkpoint.h"
#include "formats/hub_cache.h"
#include "hub/find_model.h"

namespace owl3::cli {

namespace {

namespace fs = std::filesystem;

constexpr const char* kOriginal = "original";
constexpr const char* kConversion = "conversion";  // the temporary folder

/// The conversion that lies in the hub's cache already.
std::optional<std::string> cached_conversion(const std::string& model, const std::string& type) {
  auto name = parse_model_name(model);
  std::error_code error;
  if (!name || !name->type.empty() || fs::exists(model, error)) return std::nullopt;
  name->type = type;
  try {
    return find_model(name->text()).string();
  } catch (const ModelNotFetched&) {
    return std::nullopt;
  }
}

void create_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw InputError(fmt::format("{}: {}", folder.string(), error.message()));
}

}  // namespace

TypedModel::TypedModel(std::string model, std::string type, fs::path folder, bool keep, int threads)
    : model_(std::move(model)),
      type_(std::move(type)),
      folder_(std::move(folder)),
      keep_(keep),
      threads_(threads) {
  remove_leftovers(folder_, kConversion);  // of a run that was killed with all rows asked
}

uint64_t TypedModel::weight_bytes() const {
  if (type_ == kOriginal) return Checkpoint::open(open_model(model_)).weight_bytes();
  ConvertArguments arguments;
  arguments.model = model_;
  arguments.type = type_;
  return converted_weight_bytes(arguments);
}

std::string TypedModel::path(const ProgressCallback& progress) {
  if (type_ == kOriginal) return model_;
  if (!made_.empty()) return made_;
  if (const auto cached = cached_conversion(model_, type_)) return made_ = *cached;
  create_folder(folder_);
  const std::string name =
      names_builtin_model(model_) ? model_ : model_name_of(find_existing_model(model_));
  const std::string file = fmt::format("{}-{}.gguf", name, type_);
  fs::path out = folder_ / file;
  std::error_code error;
  if (keep_ && fs::exists(out, error)) return made_ = out.string();
  if (!keep_) {
    temporary_ =
        std::make_unique<TemporarySibling>(folder_ / kConversion, TemporarySibling::Kind::kFolder);
    out = temporary_->path() / file;
  }
  ConvertArguments arguments;
  arguments.model = model_;
  arguments.out = out.string();
  arguments.type = type_;
  arguments.threads = threads_;
  convert_silently(arguments, progress);
  return made_ = out.string();
}

std::vector<std::string> parse_types(const std::string& text) {
  std::vector<std::string> known = conversion_types();
  known.emplace_back(kOriginal);
  std::vector<std::string> types;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    std::string type = text.substr(begin, end - begin);
    if (std::find(known.begin(), known.end(), type) == known.end()) {
      throw UsageError(fmt::format("--types {}: \"{}\" is no type; there are {}", text, type,
                                   fmt::join(known, ", ")));
    }
    if (std::find(types.begin(), types.end(), type) != types.end()) {
      throw UsageError(fmt::format("--types {}: {} stands there twice", text, type));
    }
    types.push_back(std::move(type));
    begin = end + 1;
  }
  return types;
}

}  // namespace owl3::cli
