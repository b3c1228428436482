// The outputs of shards as one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

namespace owl3 {

struct MergedBatch {
  int64_t rows = 0;
  int64_t failed = 0;   // of those
  int64_t missing = 0;  // where that is allowed
};

/// Writes the rows of all files in the order of their indices; an InputError tells of rows that are
/// there twice, that are missing unless `partial`, of files that are of different runs, and, unless
/// `partial`, of those that don't say of which. A UsageError: the output is called .csv and the
/// rows are JSONL, or the other way. Throws Interrupted, and leaves nothing, where go_on(), which
/// is asked at every row, says no.
MergedBatch merge_batches(const std::vector<std::filesystem::path>& files,
                          const std::filesystem::path& output, bool partial,
                          const std::function<bool()>& go_on = {});

}  // namespace owl3
