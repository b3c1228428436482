#include "eval/bench_media.h"

#include <iterator>
#include <optional>

#include "benchmarks/row_fields.h"
#include "core/error.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Longest text of a table's cell that says in which row the picture stands.
constexpr size_t kLongestIndex = 20;

/// The path of the k-th picture as the row has it; empty where its paths are elsewhere.
std::string own_path(const Json& row, size_t k) {
  const Json image = row.value("image", Json());
  if (image.is_string() && k == 0) return image.get<std::string>();
  if (image.is_array() && k < image.size() && image[k].is_string()) {
    return image[k].get<std::string>();
  }
  return "";
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

/// Below `root`, with fewer and fewer of its first folders.
std::optional<fs::path> find_below(const fs::path& root, const std::string& name,
                                   bool (*is_wanted)(const fs::path&) = is_file) {
  for (std::string_view rest = name; !rest.empty();) {
    fs::path path = root / rest;
    if (is_wanted(path)) return path;
    const size_t slash = rest.find('/');
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  return std::nullopt;
}

/// The name, and it with the endings that films of the same content come with.
std::vector<std::string> film_names(const std::string& name) {
  std::vector<std::string> names = {name};
  for (const char* ending : {".mp4", ".mkv", ".webm", ".avi", ".mov", ".MP4"}) {
    names.push_back(fs::path(name).replace_extension(ending).string());
  }
  return names;
}

}  // namespace

std::vector<std::string> BenchMedia::references(const BenchmarkRow& row,
                                                const BenchmarkPrompt& prompt) const {
  std::vector<std::string> references;
  for (const Json& image : prompt.images) {
    if (row.table_row) {
      references.push_back(from_table(*row.table_row));
      continue;
    }
    if (!image.is_string()) throw InputError("the image of the row is no path");
    references.push_back(find(image.get<std::string>(), own_path(row.row, references.size())));
  }
  return references;
}

std::vector<MediaBytes> BenchMedia::pictures(const BenchmarkRow& row, const BenchmarkPrompt& prompt,
                                             MediaReader& reader) const {
  std::vector<MediaBytes> files;
  if (row.pictures.empty()) {
    for (const std::string& name : references(row, prompt)) files.push_back(reader.read(name));
    return files;
  }
  if (row.pictures.size() != prompt.images.size()) {
    throw InputError(fmt::format("the prompt has {} images, but the row has {}",
                                 prompt.images.size(), row.pictures.size()));
  }
  for (const auto& place : row.pictures) files.push_back(data_.pictures->read(place));
  return files;
}

fs::path BenchMedia::film(const BenchmarkRow& row, const PromptClip& clip) const {
  for (const std::string& given : {row.film, clip.path}) {
    if (given.empty()) continue;
    for (const std::string& name : film_names(given)) {
      for (const fs::path& root : roots()) {
        if (const auto path = find_below(root, name)) return *path;
      }
    }
  }
  throw InputError(fmt::format("there is no film {} in {}", clip.path, folder_.string()));
}

std::optional<int64_t> BenchMedia::files_in(const std::string& folder) const {
  for (const fs::path& root : roots()) {
    const auto path = find_below(root, folder, is_folder);
    if (!path) continue;
    std::error_code ignored;
    return std::distance(fs::directory_iterator(*path, ignored), fs::directory_iterator());
  }
  return std::nullopt;
}

std::vector<fs::path> BenchMedia::roots() const {
  std::vector<fs::path> roots;
  for (const fs::path& root : {folder_ / set_name_, folder_}) {
    roots.push_back(root);
    for (const char* folder : {"images", "videos", "video", "data"}) roots.push_back(root / folder);
  }
  return roots;
}

std::string BenchMedia::find(const std::string& official, const std::string& own) const {
  if (own.starts_with("data:")) return own;
  for (const std::string& name : {official, own}) {
    for (const fs::path& root : roots()) {
      if (const auto path = find_below(root, name)) return path->string();
    }
  }
  throw InputError(fmt::format("there is no picture {} in {}", official, folder_.string()));
}

/// A cell may name the row, by its index, in which the picture stands for several rows.
std::string BenchMedia::from_table(size_t table_row) const {
  const Table& table = *data_.truth.table;
  std::string picture = table.text(table_row, "image");
  if (picture.size() < kLongestIndex &&
      picture.find_first_not_of("0123456789") == std::string::npos && !picture.empty()) {
    picture = table.text(RowFinder(table, "index").row(std::stoll(picture)), "image");
  }
  if (picture.empty()) throw InputError("the table has no picture for the row");
  return "data:image/jpeg;base64," + picture;
}

}  // namespace owl3
