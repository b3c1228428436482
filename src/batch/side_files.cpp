#include "batch/side_files.h"

#include <set>

#include "batch/file_beside.h"
#include "batch/xmp_packet.h"
#include "core/error.h"
#include "core/unwritable.h"

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
  if (!row.warning.empty()) json["warning"] = row.warning;
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
  fs::path first;
  int64_t there = 0;
  for (int64_t i = 0; i < input.size(); ++i) {
    const fs::path file = side_file_of(input.item(i).media.front().reference, format);
    if (!seen.insert(file).second) {
      throw InputError(fmt::format("--side: two of the pictures would have {}", file.string()));
    }
    if (may_exist(i) || !is_there(file)) continue;
    if (there++ == 0) first = file;
  }
  if (there == 0) return;
  const std::string more = there == 1
                               ? ": move or delete it"
                               : fmt::format(", and {} more: move or delete them", there - 1);
  throw InputError(fmt::format(
      "--side: {} is there already{} (only a run that had -o from the start knows its own files "
      "again, and can be gone on with)",
      first.string(), more));
}

bool write_side_file(BatchRow& row, SideFormat format, bool is_choice) {
  if (!row.error.empty()) return true;
  const fs::path file = side_file_of(row.item.get<std::string>(), format);
  try {
    if (write_beside(file, side_text(row, format, is_choice))) return true;
    if (!row.warning.empty()) row.warning += "; ";
    row.warning += file.string() + ": was there already, left as it is";
    return false;
  } catch (const NoRoomLeft&) {
    throw;
  } catch (const InputError& error) {
    row.error = error.what();
    row.stop.clear();
    return true;
  }
}

}  // namespace owl3
