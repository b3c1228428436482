#include "cli/memory/memory_list.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/byte_text.h"
#include "core/error.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

/// "0:00:05", and "0:00:05.25" where it is not whole.
std::string time_text(double seconds) {
  const auto hundredths = static_cast<int64_t>(std::llround(seconds * 100));
  const int64_t whole = hundredths / 100;
  std::string text = fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  if (hundredths % 100 != 0) text += fmt::format(".{:02}", hundredths % 100);
  return text;
}

nlohmann::ordered_json json_of(const SavedMedium& medium) {
  nlohmann::ordered_json json = {{"path", medium.path.string()},
                                 {"type", medium.is_video ? "video" : "image"},
                                 {"bytes", medium.file_bytes},
                                 {"sha256", medium.sha256}};
  if (!medium.warning.empty()) json["warning"] = medium.warning;
  if (!medium.is_video) {
    if (!medium.taken.empty()) json["taken"] = medium.taken;
    json["width"] = medium.width;
    json["height"] = medium.height;
    if (medium.rows > 0) json["tiles"] = {medium.rows, medium.cols};
    json["images"] = medium.image_hashes;
  }
  return json;
}

void print(const nlohmann::ordered_json& json) {
  fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void list_as_json(const std::vector<SavedMedium>& media) {
  for (const SavedMedium& medium : media) {
    nlohmann::ordered_json json = json_of(medium);
    if (!medium.is_video) {
      print(json);
      continue;
    }
    for (size_t i = 0; i < medium.frame_seconds.size(); ++i) {
      json["seconds"] = std::round(medium.frame_seconds[i] * 1e6) / 1e6;
      json["image"] = medium.image_hashes[i];
      print(json);
    }
  }
}

struct Row {
  std::string path, when, size, bytes, hash, mark;
};

/// "  ! the film breaks off after 2.00 s"
std::string mark_of(const SavedMedium& medium) {
  if (medium.warning.empty()) return {};
  std::string_view what = medium.warning;
  const std::string name = medium.path.string() + ": ";
  if (what.starts_with(name)) what.remove_prefix(name.size());
  return "  ! " + one_line(what);
}

std::vector<Row> rows_of(const std::vector<SavedMedium>& media) {
  constexpr size_t kHashDigits = 12;
  std::vector<Row> rows;
  for (const SavedMedium& medium : media) {
    Row row;
    row.path = one_line(medium.path.string());
    row.bytes = byte_text(medium.file_bytes);
    row.hash = medium.sha256.substr(0, kHashDigits);
    row.mark = mark_of(medium);
    if (!medium.is_video) {
      row.when = medium.taken;
      row.size = fmt::format("{}x{}", medium.width, medium.height);
      rows.push_back(std::move(row));
      continue;
    }
    for (const double seconds : medium.frame_seconds) {
      row.when = time_text(seconds);
      rows.push_back(row);
      row.mark.clear();  // once for a film
    }
  }
  return rows;
}

void list_as_table(const std::vector<SavedMedium>& media) {
  const std::vector<Row> rows = rows_of(media);
  const auto width = [&](const std::string Row::*column) {
    size_t widest = 0;
    for (const Row& row : rows) widest = std::max(widest, (row.*column).size());
    return widest;
  };
  const size_t path = width(&Row::path);
  const size_t when = width(&Row::when);
  const size_t size = width(&Row::size);
  for (const Row& row : rows) {
    fmt::print("{:<{}}  {:<{}}  {:<{}}  {:>9}  {}{}\n", row.path, path, row.when, when, row.size,
               size, row.bytes, row.hash, row.mark);
  }
}

}  // namespace

void list_memory(const std::string& path, const MemorySelection& which, bool as_json) {
  const SavedMemory memory = SavedMemory::open(path);
  tell_warnings(memory.warnings());
  const std::vector<SavedMedium> media = memory.media(which);
  if (media.empty() && which != MemorySelection()) {
    throw UsageError(
        fmt::format("{}: nothing in it is so; without --only, --from and --to all is shown", path));
  }
  if (media.empty()) {
    tell(
        fmt::format("owl3: {}: nothing is in it yet; owl3 index puts photos and films in\n", path));
  }
  as_json ? list_as_json(media) : list_as_table(media);
}

}  // namespace owl3::cli
