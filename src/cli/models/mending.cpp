#include "cli/models/mending.h"

#include <fmt/format.h>

#include "hub/cache.h"
#include "hub/find_model.h"

namespace owl3::cli {

namespace {

bool names(const std::string& message, const std::filesystem::path& path) {
  return message.find(path.string()) != std::string::npos;
}

}  // namespace

std::string mending_advice(const std::string& message) {
  const HubCache cache;
  if (cache.root().empty() || !names(message, cache.root())) return {};
  for (const CachedModel& model : cache.models()) {
    ModelName name;
    name.repository = model.repository;
    for (const CachedConversion& conversion : model.conversions) {
      if (!names(message, conversion.path)) continue;
      name.revision = revision_of(model, conversion.commit);
      name.type = conversion.type;
      return fmt::format("; if the file is damaged, these make it anew: owl3 remove {} && {}",
                         name.text(), pull_command(name));
    }
    for (const CachedSnapshot& snapshot : model.snapshots) {
      if (!names(message, model.folder / "snapshots" / snapshot.commit)) continue;
      name.revision = revision_of(model, snapshot.commit);
      return fmt::format(
          "; if a file of it is damaged, this fetches it again: owl3 pull --verify {}",
          name.text());
    }
  }
  return {};
}

}  // namespace owl3::cli
