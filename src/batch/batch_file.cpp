#include "batch/batch_file.h"

#include <system_error>

#include "core/atomic_file.h"
#include "core/error.h"
#include "media/image_kinds.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

}  // namespace

fs::path run_file_of(const fs::path& output) {
  return output.string() + ".run";
}

Json read_run_file(const fs::path& output) {
  const fs::path path = run_file_of(output);
  std::error_code error;
  if (!fs::exists(path, error)) return nullptr;
  const auto file = MappedFile::open(path);
  Json run = Json::parse(text_of(*file), nullptr, false);
  if (!run.is_object()) throw InputError(path.string() + ": is no file of owl3 batch");
  return run;
}

void write_run_file(const fs::path& output, const Json& run) {
  AtomicFile file(run_file_of(output));
  file.write(run.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  file.commit();
}

std::string run_difference(const Json& found, const Json& wanted, const std::string& except) {
  for (const auto& [key, value] : wanted.items()) {
    const Json other = found.value(key, Json());
    if (key == except || other == value) continue;
    if (key == "checksum") return "its items are others";
    return fmt::format("{} is {} there, {} here", key, other.dump(), value.dump());
  }
  return "";
}

BatchFormat format_of(const fs::path& output) {
  const Json run = read_run_file(output);
  const bool named_csv = lower_case(output.extension().string()) == ".csv";
  const bool is_csv = run.is_null() ? named_csv : run.value("format", Json()) == "csv";
  return is_csv ? BatchFormat::kCsv : BatchFormat::kJsonl;
}

BatchFile::BatchFile(const fs::path& path, BatchFormat format, const std::function<bool()>& go_on)
    : file_(MappedFile::open(path)) {
  const std::string_view text = text_of(*file_);
  for (int64_t number = 1;; ++number) {
    const size_t end = line_end(text, whole_bytes_, format);
    if (end == text.npos) return;
    if (go_on && !go_on()) throw Interrupted("interrupted");
    const std::string_view line = text.substr(whole_bytes_, end - whole_bytes_);
    whole_bytes_ = end;
    if (number == 1 && format == BatchFormat::kCsv) {
      header_ = line;
    } else {
      rows_.push_back({read_line(line, format, fmt::format("{}:{}", path.string(), number)), line});
    }
  }
}

}  // namespace owl3
