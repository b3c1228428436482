#include "cli/bench/bench_models.h"

#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "core/error.h"
#include "core/threads.h"
#include "formats/gguf_conversion.h"
#include "formats/gguf_metadata.h"
#include "formats/tensor_map.h"
#include "program/disk_space.h"
#include "program/progress_bar.h"

namespace owl3::cli {

namespace {

namespace fs = std::filesystem;

/// $TMPDIR, or /tmp.
fs::path temporary_root() {
  std::error_code error;
  fs::path root = fs::temp_directory_path(error);
  if (error) {
    const char* named = std::getenv("TMPDIR");
    throw InputError(fmt::format("{}, the folder for temporary files (TMPDIR): {}",
                                 named != nullptr ? named : "/tmp", error.message()));
  }
  return root;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (temporary_root() / "owl3-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw InputError(fmt::format("{}: cannot be written: {}", name, errno_text(errno)));
    }
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// The type of the decoder's matrices, which are most of the model.
DType main_type(const Checkpoint& checkpoint) {
  return checkpoint.tensor("language_model.model.layers.0.mlp.up_proj.weight").dtype();
}

/// Whether a conversion would leave every matrix as it is. The rest becomes float32 when a model is
/// loaded, whatever the file holds.
bool is_already(const Checkpoint& checkpoint, const std::vector<PlannedTensor>& plan) {
  return std::all_of(plan.begin(), plan.end(), [&](const PlannedTensor& planned) {
    return planned.type == DType::kF32 || checkpoint.tensor(planned.name).dtype() == planned.type;
  });
}

}  // namespace

uint64_t BenchModel::converted_bytes() const {
  uint64_t bytes = 0;
  for (const PlannedTensor& tensor : plan) bytes += *dense_bytes(tensor.type, tensor.shape);
  return bytes;
}

std::vector<BenchModel> models_to_measure(const Checkpoint& checkpoint,
                                          const BenchOptions& options) {
  if (options.types.empty()) return {{std::string(short_name_of(main_type(checkpoint))), {}}};
  std::vector<BenchModel> models;
  uint64_t largest = 0;
  for (const std::string& type : options.types) {
    ConversionOptions conversion;
    conversion.type = *dtype_of_short_name(type);  // the parser let only these through
    conversion.vision = *dtype_of_short_name(options.vision);
    BenchModel model = {type,
                        plan_conversion(checkpoint.config(), checkpoint.variant(), conversion)};
    if (is_already(checkpoint, model.plan)) model.plan.clear();
    largest = std::max(largest, model.converted_bytes());
    models.push_back(std::move(model));
  }
  if (largest > 0) check_free_space(temporary_root(), largest);
  return models;
}

Checkpoint open_in_type(const Checkpoint& checkpoint, const BenchModel& model,
                        const InterruptGuard& interrupt) {
  if (!model.is_converted()) return checkpoint;
  const WriteGuard unfinished_parts_go;
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "model.gguf";
  ProgressBar bar;
  write_gguf(file, checkpoint, model.plan,
             make_gguf_metadata(checkpoint, "bench", *dtype_of_short_name(model.type)),
             available_threads(), [&](std::string_view stage, int64_t done, int64_t total) {
               bar.update(fmt::format("{}: {}", model.type, stage), done, total);
               return !interrupt.interrupted();
             });
  return Checkpoint::open(file);
}

}  // namespace owl3::cli
