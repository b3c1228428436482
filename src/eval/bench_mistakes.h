// The rows of a benchmark that a model answered worst, for people to look at.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "eval/bench_media.h"
#include "eval/bench_records.h"

namespace owl3 {

/// A picture made small, as a WebP file; empty where it can't be decoded any more.
struct BenchThumbnail {
  int width = 0, height = 0;
  std::string webp;
  size_t picture = 0;             // which of the question's, from 0
  std::optional<double> seconds;  // of a frame, its time in the film
};

struct BenchMistake {
  int64_t row = 0;
  std::string where, prompt, reply;
  std::string film;  // its path, as the official evaluation has it; empty: pictures
  nlohmann::ordered_json reference;
  double score = 0;
  size_t pictures = 0;                     // of the question, or frames
  std::vector<BenchThumbnail> thumbnails;  // of the first of them, of frames evenly; none where
                                           // they are gone
  std::vector<double> evidence;            // of the reply, the share of each picture
};

/// At most so many of the lines that have a score below 1, the lowest first; of equal ones those
/// about pictures that were not shown yet, so that six questions about one picture don't fill the
/// page. Rows that could not be asked are none.
std::vector<BenchMistake> worst_mistakes(const BenchLines& lines, const std::vector<int64_t>& rows,
                                         const BenchmarkData& data, const BenchmarkTask& task,
                                         const BenchMedia& media, size_t most);

}  // namespace owl3
