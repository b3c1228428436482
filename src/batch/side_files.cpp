#include "batch/side_files.h"

#include <set>
#include <system_error>

#include "batch/xmp_packet.h"
#include "core/atomic_file.h"
#include "core/error.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string side_json(const BatchRow& row) {
  Json json = {{"answer", row.answer}, {"stop", row.stop}, {"tokens", row.tokens}};
  if (!row.choices.empty()) {
    json["choices"] = row.choices;
    json["choice_logprobs"] = row.choice_logprobs;
  }
  if (!row.logprobs.empty()) json["logprobs"] = row.logprobs;
  return dumped(json);
}

std::string side_text(const BatchRow& row, SideFormat format, bool is_choice) {
  switch (format) {
    case SideFormat::kText:
      return (row.answer.is_string() ? row.answer.get<std::string>() : dumped(row.answer)) + "\n";
    case SideFormat::kJson:
      return side_json(row) + "\n";
    case SideFormat::kXmp:
    case SideFormat::kAdobeXmp:
      return xmp_packet(xmp_fields_of(row.answer, is_choice));
  }
  return {};
}

}  // namespace

fs::path side_file_of(const fs::path& picture, SideFormat format) {
  switch (format) {
    case SideFormat::kText:
      return fs::path(picture).replace_extension(".txt");
    case SideFormat::kJson:
      return fs::path(picture).replace_extension(".json");
    case SideFormat::kXmp:
      return picture.string() + ".xmp";
    case SideFormat::kAdobeXmp:
      return fs::path(picture).replace_extension(".xmp");
  }
  return {};
}

void check_side_files(const BatchInput& input, SideFormat format,
                      const std::function<bool(int64_t item)>& may_exist) {
  std::set<fs::path> seen;
  for (int64_t i = 0; i < input.size(); ++i) {
    const fs::path file = side_file_of(input.item(i).media.front().reference, format);
    if (!seen.insert(file).second) {
      throw InputError(fmt::format("--side: two of the pictures would have {}", file.string()));
    }
    std::error_code error;
    if (!may_exist(i) && fs::exists(fs::symlink_status(file, error))) {
      throw InputError(fmt::format(
          "--side: {} is there already: move it away, or go on with a run by -o and --resume",
          file.string()));
    }
  }
}

void write_side_file(const BatchRow& row, SideFormat format, bool is_choice) {
  if (!row.error.empty()) return;
  AtomicFile file(side_file_of(row.item.get<std::string>(), format));
  file.write(side_text(row, format, is_choice));
  file.commit();
}

}  // namespace owl3
