#include "benchmarks/column_pictures.h"

#include <filesystem>
#include <utility>

#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

/// The part of a cell that holds the bytes.
Json& bytes_in(Json& cell, const std::string& name) {
  if (cell.is_binary()) return cell;
  if (cell.is_object() && cell.contains("bytes")) {
    if (cell["bytes"].is_binary()) return cell["bytes"];
    const Json path = cell.value("path", Json());
    if (path.is_string()) {
      throw InputError(
          fmt::format("{}: the picture is not in the file, which has its path alone: {}", name,
                      path.get<std::string>()));
    }
  }
  throw InputError(fmt::format("{}: there is no picture", name));
}

}  // namespace

size_t ColumnPictures::add(std::shared_ptr<const parquet::ParquetFile> file,
                           const std::string& column) {
  file->reader(column);  // throws where there is none
  columns_.push_back({std::move(file), column});
  return columns_.size() - 1;
}

std::string ColumnPictures::name(Place place) const {
  const Column& column = columns_.at(place.column);
  return fmt::format("{}:{}:{}", std::filesystem::path(column.file->name()).filename().string(),
                     place.row + 1, column.name);
}

MediaBytes ColumnPictures::read(Place place) {
  Json cell = reader(place.column).at(place.row);
  std::string picture_name = name(place);
  const auto bytes = std::make_shared<const std::vector<uint8_t>>(
      std::move(bytes_in(cell, picture_name).get_binary()));
  return {std::as_bytes(std::span(*bytes)), std::move(picture_name), bytes};
}

parquet::FieldReader& ColumnPictures::reader(size_t column) {
  const auto& file = columns_.at(column).file;
  if (!readers_.empty() && columns_[readers_.begin()->first].file != file) readers_.clear();
  const auto known = readers_.find(column);
  if (known != readers_.end()) return known->second;
  return readers_.emplace(column, file->reader(columns_[column].name)).first->second;
}

}  // namespace owl3
