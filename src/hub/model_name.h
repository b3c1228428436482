// Names of models on hubs: `mPLUG/mPLUG-Owl3-2B-241014`, and short ones such as `owl3-2b`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace owl3 {

/// NAME[@REVISION][:TYPE]
struct ModelName {
  std::string repository;  // "mPLUG/mPLUG-Owl3-2B-241014"
  std::string revision;    // empty: main
  std::string type;        // of a conversion, "q4_k"; empty: as it was released
  bool known = false;      // one of the released models, under whatever name

  /// As people would type it: the short name where there is one.
  std::string text() const;
};

/// Reads a repository id (`ORG/NAME`), one of the short names or of the older names of a released
/// model, whatever its case. Nothing for a text that can't be one, such as "./folder",
/// "a/b/c" or "model.gguf".
std::optional<ModelName> parse_model_name(std::string_view text);

/// "q5" of "owl3-2b:q5": what stands where a name would have the type of a conversion and is none.
/// Nothing for any other text.
std::optional<std::string> unknown_type_in(std::string_view text);

/// The same repository as ModelScope calls it: "iic/..." for "mPLUG/...".
std::string modelscope_repository(const std::string& repository);
/// "owl3-2b", or the repository itself.
std::string short_model_name(const std::string& repository);

/// Whether a revision can be a part of paths and addresses.
bool is_revision(std::string_view text);

/// Of the released models, the short ones: "owl3-1b", "owl3-2b", ...
std::vector<std::string> released_model_names();
/// "owl3-1b, owl3-2b, ..."
std::string short_model_names();
/// "owl3-2b:q5: there is no type q5 ..." of such a text, with the types that there are.
std::string unknown_type_message(std::string_view text, const std::string& type);
/// What a name may have behind its colon: "bf16", "q8_0", ..., "original".
std::vector<std::string> conversion_type_names();

}  // namespace owl3
