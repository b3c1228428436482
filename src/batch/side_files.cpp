#include "batch/side_files.h"

#include <set>
#include <system_error>

#include "core/atomic_file.h"
#include "core/error.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

}  // namespace

fs::path side_file_of(const fs::path& picture, SideFormat format) {
  return fs::path(picture).replace_extension(format == SideFormat::kText ? ".txt" : ".json");
}

void check_side_files(const BatchInput& input, SideFormat format, bool may_exist) {
  std::set<fs::path> seen;
  for (int64_t i = 0; i < input.size(); ++i) {
    const fs::path file = side_file_of(input.item(i).media.front().reference, format);
    if (!seen.insert(file).second) {
      throw InputError(fmt::format("--side: two of the pictures would have {}", file.string()));
    }
    std::error_code error;
    if (!may_exist && fs::exists(file, error)) {
      throw InputError(fmt::format(
          "--side: {} is there already: move it away, or go on with a run by -o and --resume",
          file.string()));
    }
  }
}

void write_side_file(const BatchRow& row, SideFormat format) {
  if (!row.error.empty()) return;
  AtomicFile file(side_file_of(row.item.get<std::string>(), format));
  if (format == SideFormat::kText) {
    const std::string text = row.answer.is_string()
                                 ? row.answer.get<std::string>()
                                 : row.answer.dump(-1, ' ', false, Json::error_handler_t::replace);
    file.write(text + "\n");
  } else {
    Json json = {{"answer", row.answer}, {"stop", row.stop}, {"tokens", row.tokens}};
    if (!row.choices.empty()) {
      json["choices"] = row.choices;
      json["choice_logprobs"] = row.choice_logprobs;
    }
    if (!row.logprobs.empty()) json["logprobs"] = row.logprobs;
    file.write(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  file.commit();
}

}  // namespace owl3
