#include "eval/golden_files.h"

#include <cstring>

#include "core/mapped_file.h"
#include "formats/json_reader.h"

namespace owl3 {

namespace {

constexpr size_t kMaxJsonBytes = size_t{64} << 20;

}  // namespace

Tensor load_floats(const std::filesystem::path& path, const Shape& shape) {
  const auto file = MappedFile::open(path);
  double needed = sizeof(float);
  for (const int64_t extent : shape) needed *= static_cast<double>(extent);
  if (static_cast<double>(file->bytes().size()) != needed) {
    throw InputError(fmt::format("{}: has {} bytes, but the shape {} needs {:.0f}", path.string(),
                                 file->bytes().size(), to_string(shape), needed));
  }
  Tensor tensor = make_tensor(DType::kF32, shape);
  if (tensor.size() > 0) std::memcpy(tensor.raw(), file->bytes().data(), tensor.size_bytes());
  return tensor;
}

nlohmann::json load_json_object(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const auto* text = reinterpret_cast<const char*>(file->bytes().data());
  return parse_json_object({text, file->bytes().size()}, path.string(), kMaxJsonBytes);
}

}  // namespace owl3
