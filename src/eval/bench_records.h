// What a model replied to a benchmark's questions, in a JSONL file: a line that tells the run, then
// one for each row as it is asked. A run that was ended goes on where the file ends.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "core/shard.h"

namespace owl3 {

/// What must be the same for lines of one file, and of shards that are merged.
struct BenchRunIdentity {
  std::string benchmark, model, arithmetic;
  std::string data;  // a checksum of all rows
  int64_t max_new_tokens = 0;
  nlohmann::ordered_json settings;  // what a plan may set: settings_json()
  std::string weights{};            // Checkpoint::sampled_digest(); empty: not known
  std::string frame_choice{};       // of clips within bounds: "intended" or "official"; else empty

  nlohmann::ordered_json json() const;
};

using BenchShard = Shard;                                      // of the rows
using BenchLines = std::map<int64_t, nlohmann::ordered_json>;  // by row

/// A file of records, and how much of it is whole lines.
struct BenchFile {
  nlohmann::ordered_json run;  // what its first line says; null where it is empty
  BenchLines lines;            // of each row the last
  uint64_t whole_bytes = 0;
};

/// A line that is cut off, as the end of a program leaves it, is none. Throws InputError.
BenchFile read_bench_file(const std::filesystem::path& path);

class BenchRecords {
 public:
  /// Reads what the folder has of the run: of the whole, and of every shard. Creates the folder.
  /// Throws InputError for a file of another run, which is left as it is.
  BenchRecords(std::filesystem::path folder, BenchRunIdentity identity, const BenchShard& shard);
  ~BenchRecords();
  BenchRecords(const BenchRecords&) = delete;
  BenchRecords& operator=(const BenchRecords&) = delete;

  /// Of each row the last line.
  const BenchLines& lines() const { return lines_; }
  /// Appends a line, which is in the file when this returns.
  void add(int64_t row, nlohmann::ordered_json line);
  /// Writes the file anew, in order, with these lines.
  void rewrite(const BenchLines& lines);

  const std::filesystem::path& path() const { return path_; }

 private:
  void read(const std::filesystem::path& path);
  void open_to_append();

  std::filesystem::path folder_, path_;
  BenchRunIdentity identity_;
  BenchLines lines_;
  std::optional<uint64_t> whole_bytes_;  // of the own file: those of whole lines
  std::FILE* file_ = nullptr;
};

}  // namespace owl3
