#include "eval/bench_records.h"

#include <fmt/format.h>

#include <cerrno>
#include <initializer_list>
#include <system_error>
#include <utility>

#include "benchmarks/json_text.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/mapped_file.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string file_name(const std::string& benchmark, const BenchShard& shard) {
  if (shard.of == 1) return benchmark + ".jsonl";
  return fmt::format("{}.{}-of-{}.jsonl", benchmark, shard.number, shard.of);
}

/// Whether it is that of the whole run or of one of its shards.
bool is_file_of(const std::string& name, const std::string& benchmark) {
  if (name == benchmark + ".jsonl") return true;
  return name.starts_with(benchmark + ".") && name.ends_with(".jsonl") &&
         name.find("-of-") != std::string::npos;
}

/// The first difference, for people; empty: none.
std::string difference(const Json& found, const Json& wanted) {
  for (const auto& [key, value] : wanted.items()) {
    // Files of earlier versions don't tell the weights.
    if (key == "weights" && found.is_object() && !found.contains(key)) continue;
    const Json other = found.is_object() ? found.value(key, Json()) : Json();
    if (other != value)
      return fmt::format("{} is {} there, {} here", key, other.dump(), value.dump());
  }
  return "";
}

/// What is read of a line must be of its kind: files may have been written by something else.
void check_texts(const Json& line, std::initializer_list<const char*> keys,
                 const std::string& where) {
  for (const char* key : keys) {
    if (!line.contains(key) || line[key].is_string()) continue;
    throw InputError(fmt::format("{}: \"{}\" is no text", where, key));
  }
}

void check_row(const Json& line, const std::string& where) {
  if (!line.is_object() || !line.contains("row") || !line["row"].is_number_integer()) {
    throw InputError(fmt::format("{}: has no number \"row\"", where));
  }
  check_texts(line, {"where", "prompt", "reply", "error"}, where);
  const Json score = line.value("score", Json());
  if (!score.is_null() && !score.is_number()) {
    throw InputError(fmt::format("{}: \"score\" is no number", where));
  }
}

}  // namespace

Json BenchRunIdentity::json() const {
  Json json = {{"benchmark", benchmark},           {"model", model},
               {"arithmetic", arithmetic},         {"data", data},
               {"max_new_tokens", max_new_tokens}, {"settings", settings}};
  if (!weights.empty()) json["weights"] = weights;
  if (!frame_choice.empty()) json["frame_choice"] = frame_choice;
  return json;
}

BenchFile read_bench_file(const fs::path& path) {
  const auto mapped = MappedFile::open(path);
  const std::string_view text(reinterpret_cast<const char*>(mapped->bytes().data()),
                              mapped->bytes().size());
  BenchFile file;
  for (int64_t number = 1;; ++number) {
    const size_t end = text.find('\n', file.whole_bytes);
    if (end == std::string_view::npos) return file;
    const std::string where = fmt::format("{}:{}", path.string(), number);
    Json line = parse_json_text(text.substr(file.whole_bytes, end - file.whole_bytes), where);
    file.whole_bytes = end + 1;
    if (number == 1) {
      if (!line.is_object() || !line.contains("benchmark")) {
        throw InputError(fmt::format("{}: is no line about a run of owl3 eval bench", where));
      }
      check_texts(line, {"benchmark", "model", "arithmetic"}, where);
      file.run = std::move(line);
      continue;
    }
    check_row(line, where);
    const int64_t row = line["row"].get<int64_t>();
    file.lines.insert_or_assign(row, std::move(line));
  }
}

BenchRecords::BenchRecords(fs::path folder, BenchRunIdentity identity, const BenchShard& shard)
    : folder_(std::move(folder)),
      path_(folder_ / file_name(identity.benchmark, shard)),
      identity_(std::move(identity)) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw InputError(fmt::format("{}: {}", folder_.string(), error.message()));
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    if (is_file_of(name, identity_.benchmark) && entry.path() != path_) read(entry.path());
  }
  if (fs::exists(path_)) read(path_);  // its own lines count before those of others
}

BenchRecords::~BenchRecords() {
  if (file_ != nullptr) std::fclose(file_);
}

void BenchRecords::read(const fs::path& path) {
  BenchFile file = read_bench_file(path);
  const std::string other = file.run.is_null() ? "" : difference(file.run, identity_.json());
  if (!other.empty()) {
    throw InputError(
        fmt::format("{}: is of another run ({}): choose another folder with -o, or delete the file",
                    path.string(), other));
  }
  for (auto& [row, line] : file.lines) lines_.insert_or_assign(row, std::move(line));
  if (path == path_) whole_bytes_ = file.whole_bytes;
}

void BenchRecords::open_to_append() {
  if (whole_bytes_ && *whole_bytes_ > 0) {
    std::error_code error;
    fs::resize_file(path_, *whole_bytes_, error);  // without a line that is cut off
    if (error) throw InputError(fmt::format("{}: {}", path_.string(), error.message()));
  } else {
    AtomicFile begun(path_);
    begun.write(line_of(identity_.json()));
    begun.commit();
  }
  file_ = std::fopen(path_.c_str(), "ab");
  if (file_ == nullptr) {
    throw InputError(fmt::format("{}: {}", path_.string(), std::generic_category().message(errno)));
  }
}

void BenchRecords::add(int64_t row, Json line) {
  if (file_ == nullptr) open_to_append();
  const std::string text = line_of(line);
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size() || std::fflush(file_) != 0) {
    throw InputError(fmt::format("{}: {}", path_.string(), std::generic_category().message(errno)));
  }
  lines_.insert_or_assign(row, std::move(line));
}

void BenchRecords::rewrite(const BenchLines& lines) {
  if (file_ != nullptr) std::fclose(std::exchange(file_, nullptr));
  AtomicFile whole(path_);
  whole.write(line_of(identity_.json()));
  for (const auto& [row, line] : lines) whole.write(line_of(line));
  whole.commit();
  whole_bytes_.reset();
  lines_ = lines;
}

}  // namespace owl3
