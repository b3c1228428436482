// TensorBoard event files: scalars by step, in the record format that TensorBoard reads.
//
// A file is a sequence of records: length (u64), masked CRC of it (u32), data, masked CRC of the
// data, all little-endian. Each record's data is one Event message of TensorFlow's event.proto.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/append_file.h"

namespace owl3 {

/// A name with a number, as metrics have it.
using Scalar = std::pair<std::string, double>;

/// The messages, encoded. `wall_time` is in seconds since 1970.
std::string version_event(double wall_time);
/// Tells TensorBoard to forget what older files of the folder say from `step` on.
std::string session_start_event(double wall_time, int64_t step);
std::string scalars_event(double wall_time, int64_t step, const std::vector<Scalar>& scalars);
/// The record that holds `data`.
std::string record_of(std::string_view data);

class EventFile {
 public:
  /// Begins a new file events.out.tfevents.* in `folder`, for a run that stands at `step`. Throws
  /// InputError when it cannot be written.
  EventFile(const std::filesystem::path& folder, int64_t step);

  /// Appends the scalars of a step, at once in the file. After an InputError (disk full) the file
  /// is as before.
  void write(int64_t step, const std::vector<Scalar>& scalars);
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  AppendFile file_;
};

}  // namespace owl3
