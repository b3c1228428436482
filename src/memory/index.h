// The work of an index: photos and films into a memory file, as far as they are not there.
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "memory/image_encoder.h"
#include "memory/memory_writer.h"
#include "memory/picture_stream.h"
#include "owl3/image_files.h"

namespace owl3 {

struct IndexWork {
  ImageOptions image;
  bool cut = false;
  VideoOptions video;
  bool strict = false;        // what can't be read ends the work
  bool keep_missing = false;  // what is gone is not forgotten
  int threads = 0;
  /// Interrupted is thrown where it says no.
  ProgressCallback progress;
  std::function<void(const std::filesystem::path&, const std::string& error)> on_broken;
};

struct IndexCounts {
  int64_t added = 0;
  int64_t changed = 0;
  int64_t mended = 0;  // as before, but damaged in the file: encoded anew
  int64_t moved = 0;   // known under another name, under which nothing is any more
  int64_t copied = 0;  // known under another name, and there too
  int64_t unchanged = 0;
  std::vector<std::string> forgotten;
  /// What is not on the disk and not forgotten: of folders that are gone themselves, or that this
  /// index doesn't speak of.
  std::vector<std::string> kept_missing;
  std::vector<std::string> warnings;  // what is not right with the files, a line each
  EncodingCounts encoding;
};

/// Commits now and then, and at the end; what was committed is gone on with by the next index,
/// whatever ended this one. `gone` are arguments that were files and are there no more.
IndexCounts index_files(const EncodingModel& model, const RecordLayout& layout,
                        MemoryWriter& writer, const std::vector<MediaFile>& files,
                        const std::vector<std::string>& gone, const IndexWork& work);

/// As it is told apart from others, whatever folder one is in.
std::string absolute_name(const std::filesystem::path& path);

}  // namespace owl3
