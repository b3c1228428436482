// What is asked about: items, each of one or more images and films.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace owl3 {

/// A part of a film, which is an item of its own.
struct FilmSegment {
  int64_t number = 0;  // in the film, from 0
  int64_t from_ms = 0;
  int64_t to_ms = 0;  // no longer in it
  bool is_last = false;
};

struct BatchMedium {
  bool is_video = false;
  std::string reference;  // a path, one that leads into a tar archive, or a data: URL
  std::optional<FilmSegment> segment{};
};

struct BatchItem {
  nlohmann::ordered_json name;  // a string, or the list of several
  std::vector<BatchMedium> media;
  nlohmann::ordered_json row;  // its columns; null where there are none
  std::string error{};         // why nothing can be asked about it; then media may be none
};

/// All of them, in an order that is the same every time. May be used by several threads.
class BatchInput {
 public:
  BatchInput() = default;
  virtual ~BatchInput() = default;
  BatchInput(const BatchInput&) = delete;
  BatchInput& operator=(const BatchInput&) = delete;

  virtual int64_t size() const = 0;
  /// Throws InputError for one that can't be read.
  virtual BatchItem item(int64_t index) const = 0;
  /// Whether items have columns, which questions may name.
  virtual bool has_rows() const = 0;
  /// What tells these items from others.
  virtual std::string checksum() const = 0;
};

}  // namespace owl3
