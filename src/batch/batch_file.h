// An output of owl3 batch that is there: its whole lines, and what run it is of.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "batch/batch_row.h"
#include "core/mapped_file.h"

namespace owl3 {

/// The file beside an output that says of which run it is.
std::filesystem::path run_file_of(const std::filesystem::path& output);
/// What it says; null where it is not there. Throws InputError.
nlohmann::ordered_json read_run_file(const std::filesystem::path& output);
void write_run_file(const std::filesystem::path& output, const nlohmann::ordered_json& run);
/// The first key in which they differ, for people, `except` some key; empty: none.
std::string run_difference(const nlohmann::ordered_json& found,
                           const nlohmann::ordered_json& wanted, const std::string& except = {});

/// What its run says, or else its name: .csv is CSV.
BatchFormat format_of(const std::filesystem::path& output);

class BatchFile {
 public:
  /// A last line that is cut off is none. Throws InputError for what is no such file, and
  /// Interrupted where go_on(), which is asked before each line, says no.
  BatchFile(const std::filesystem::path& path, BatchFormat format,
            const std::function<bool()>& go_on = {});

  struct Row {
    BatchLine line;
    std::string_view text;  // as long as the BatchFile is there
  };
  std::string_view header() const { return header_; }
  const std::vector<Row>& rows() const { return rows_; }
  /// Of whole lines.
  uint64_t whole_bytes() const { return whole_bytes_; }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::string_view header_;
  std::vector<Row> rows_;
  uint64_t whole_bytes_ = 0;
};

}  // namespace owl3
