// Visual memory in a file: photos and films encoded once, and asked about by any later process.
//
// docs/memory.md has the format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "owl3/export.h"
#include "owl3/image_files.h"
#include "owl3/visual_memory.h"

namespace owl3 {

/// A photo or a film in a memory file.
struct SavedMedium {
  bool is_video = false;
  std::filesystem::path path;      // as it was given, or found in what was given
  std::filesystem::path original;  // where that was, absolute
  uint64_t file_bytes = 0;
  std::string sha256;  // of the file's content, hexadecimal
  std::string taken;   // of a photo that tells it, "2024-07-01T12:33:05", by the camera's clock
  int width = 0;       // of a photo, upright
  int height = 0;
  int rows = 0;  // of the tiles that a photo is cut into; 0: uncut
  int cols = 0;
  /// How it was read; of the option structs what changes the images.
  ImageOptions image;
  VideoOptions video;
  /// What was not right with the file (a film broke off early, ...), one line that begins with its
  /// name, or empty.
  std::string warning;
  std::vector<double> frame_seconds;      // of a film, when each of its frames is shown
  std::vector<std::string> image_hashes;  // of the pixels that the model saw, hexadecimal
  std::vector<uint64_t> image_offsets;    // where their keys and values lie in the file
};

/// What a file was made with, and what it holds.
struct SavedMemoryInfo {
  std::string model;  // its name, as whoever indexed had it
  Precision precision = Precision::kBFloat16;
  bool vision_int8 = false;
  bool visual_memory_int8 = false;
  bool has_adapters = false;  // LoRA, of what images go through
  std::string layout;
  int64_t photos = 0;
  int64_t films = 0;
  int64_t images = 0;  // kept; those of equal pixels once
  uint64_t bytes_per_image = 0;
  uint64_t file_bytes = 0;
};

/// Which photos and films, and which of a film's frames. All of what is given must hold.
struct MemorySelection {
  /// A pattern ("2024/*.jpg") for their paths, or for the last part of these; empty: all.
  std::string only;
  /// Frames of films shown from then on and up to then, in seconds; photos have none.
  std::optional<double> from_seconds;
  std::optional<double> to_seconds;
  /// Photos taken from then on and up to then, "2024-07-01" or "2024-07-01T12:33:05", or the
  /// beginning of one; films have none.
  std::string from_date;
  std::string to_date;

  bool operator==(const MemorySelection&) const = default;
};

/// What was found of a file, and not as it was written.
struct MemoryDamage {
  int64_t images = 0;  // looked at
  int64_t damaged_images = 0;
  std::vector<std::string> damage;  // a line each
  std::vector<std::string> notes;   // what is odd and no damage
};

/// A memory file, open for reading: mapped, so that nothing of it is read before it is asked for. A
/// handle; while one is there, whoever changes the file leaves what it shows as it is.
class OWL3_API SavedMemory {
 public:
  /// Throws InputError where it is no memory file, or nothing of it can be read.
  static SavedMemory open(const std::filesystem::path& path);

  const std::filesystem::path& path() const;
  SavedMemoryInfo info() const;
  /// In their order; of films the frames that are selected.
  std::vector<SavedMedium> media(const MemorySelection& which = {}) const;
  /// Damage that was got around, a line each.
  std::vector<std::string> warnings() const;
  /// The options with the precision that the file was made in, which a model that is to be asked
  /// about it has to have.
  ModelOptions options_for(ModelOptions options) const;

  /// Media to be asked about, in the file's order. Throws InputError where the file was made by
  /// another model, under other adapters, with another preprocessing, precision or layout;
  /// UsageError where nothing is selected. Damage shows when a medium is asked about
  /// (Medium::damage()).
  std::vector<Medium> recall(const Model& model, const MemorySelection& which = {}) const;

 private:
  struct OWL3_LOCAL Impl;
  explicit SavedMemory(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

struct IndexOptions {
  ImageOptions image;
  VideoOptions video = every_frame();
  bool keep_missing = false;  // what is gone from the disk is not forgotten

  /// All frames of the rate, of however long a film.
  static VideoOptions every_frame() {
    VideoOptions options;
    options.max_frames = int64_t{1} << 40;
    return options;
  }
};

struct IndexReport {
  int64_t added = 0;
  int64_t changed = 0;
  int64_t mended = 0;  // as before, but damaged in the memory file: encoded anew
  int64_t moved = 0;   // known by their content, under a name that nothing has any more
  int64_t copied = 0;  // the same, and under the other name they are there too
  int64_t unchanged = 0;
  std::vector<std::string> forgotten;  // paths of what is gone
  /// Paths of what is gone and was not forgotten: of folders that are gone themselves, or that
  /// nothing of this call lies in.
  std::vector<std::string> kept_missing;
  std::vector<std::string> warnings;  // what is not right with the files, a line each
  int64_t images_encoded = 0;
  int64_t images_reused = 0;  // of equal pixels, there already
  double encode_seconds = 0;
};

/// Encodes what of the files is not in the memory file, which is made where there is none, or is
/// damaged there, and forgets what of them is gone. What has been done stays, whatever ends the
/// work, the process included, and the next call goes on from there; a new file into which nothing
/// came, as none could be read, is not left. `gone` are arguments that named files and name none
/// any more. Throws InputError where the file was made otherwise, is written to by another process
/// or can't be written; Interrupted when progress says so. With on_broken a file that can't be read
/// is told to it and left out, otherwise it is an InputError.
OWL3_API IndexReport index_media(const Model& model, const std::string& model_name,
                                 const std::filesystem::path& memory,
                                 const std::vector<MediaFile>& files,
                                 const std::vector<std::string>& gone = {},
                                 const IndexOptions& options = {},
                                 const ProgressCallback& progress = {},
                                 const BrokenImageCallback& on_broken = {});

/// Reads every byte of a file. Progress counts megabytes.
OWL3_API MemoryDamage verify_memory_file(const std::filesystem::path& path,
                                         const ProgressCallback& progress = {});

/// Takes out what a name or pattern means (a pattern where nothing is called so), and what nothing
/// else needs of it; returns their paths. Throws UsageError where one means nothing.
OWL3_API std::vector<std::string> remove_from_memory(const std::filesystem::path& path,
                                                     const std::vector<std::string>& patterns);

/// Puts what memories hold into one, which is made where there is none, and then whole or not at
/// all. Of files of the same path the content of the last is kept; what several memories have of
/// one folder lies in natural order. All must be made alike. Returns its photos and films.
OWL3_API int64_t merge_memories(const std::vector<std::filesystem::path>& from,
                                const std::filesystem::path& to,
                                const ProgressCallback& progress = {});

}  // namespace owl3
