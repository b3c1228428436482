// The entries of a leaf in a row group, in order: levels and values. Memory holds one page of it,
// and its dictionary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "parquet/footer.h"
#include "parquet/page_header.h"
#include "parquet/run_decoder.h"
#include "parquet/value_decoder.h"

namespace owl3::parquet {

/// One number for every entry of a page, in whichever way it is written.
class LevelReader {
 public:
  LevelReader() = default;
  /// All are 0 where the highest is.
  LevelReader(std::span<const std::byte> bytes, Encoding encoding, int highest);

  /// Throws InputError where there is no more, or one above the highest.
  int next();

 private:
  RunDecoder runs_;
  PackedLevels packed_;
  bool is_packed_ = false;
  int highest_ = 0;
};

class ColumnReader {
 public:
  /// `pages` are the chunk's bytes. They and the leaf outlive it. Throws InputError where it is
  /// encrypted, elsewhere, or of a codec that is not read.
  ColumnReader(const Leaf& leaf, const ColumnChunk& chunk, std::span<const std::byte> pages);

  // All throw InputError for damaged pages.

  bool at_end() const { return left_ == 0; }
  /// Of the next entry, which is there.
  int repetition();
  int definition();
  /// Its value; empty where it is missing. Valid until the next call of any of these.
  std::string_view take();
  /// Passes over whole rows, where the reader stands at the beginning of one; whole pages without
  /// decompressing them, where a row is an entry.
  void skip_rows(int64_t rows);

 private:
  struct Body {
    std::span<const std::byte> repetitions, definitions, values;
  };

  void load();
  PageHeader next_header();
  std::span<const std::byte> page_bytes(const PageHeader& header);
  std::span<const std::byte> decompressed(const PageHeader& header,
                                          std::span<const std::byte> bytes,
                                          std::vector<std::byte>& buffer) const;
  void load_dictionary(const PageHeader& header);
  void load_data(const PageHeader& header);
  Body body_of(const PageHeader& header, std::span<const std::byte> page);
  Body split_levels(const PageHeader& header, std::span<const std::byte> page);
  int64_t skip_pages(int64_t rows);

  const Leaf& leaf_;
  const ColumnChunk& chunk_;
  std::span<const std::byte> pages_;
  size_t position_ = 0;
  int64_t left_;             // entries of the chunk that were not taken
  int64_t in_page_ = 0;      // ... of the page
  bool has_levels_ = false;  // of the next entry
  int repetition_ = 0, definition_ = 0;
  std::vector<std::byte> buffer_;             // of the page's values
  std::vector<std::byte> dictionary_buffer_;  // of the dictionary
  Dictionary dictionary_;
  bool has_dictionary_ = false;
  LevelReader repetitions_, definitions_;
  std::unique_ptr<ValueDecoder> values_;
};

}  // namespace owl3::parquet
