#include "eval/bench_mistakes.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "media/encode_webp.h"
#include "media/image.h"
#include "media/video.h"
#include "training_data/media_reader.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kRight = 1 - 1e-6;  // ROUGE-L stays a little below 1
constexpr int kLargest = 192;        // of a thumbnail's longer side
constexpr size_t kThumbnails = 8;    // of one question

/// Scored rows below 1, the lowest score first, then in the file's order.
std::vector<std::pair<double, int64_t>> wrong_rows(const BenchLines& lines,
                                                   const std::vector<int64_t>& rows) {
  std::vector<std::pair<double, int64_t>> wrong;
  for (const int64_t row : rows) {
    const auto found = lines.find(row);
    if (found == lines.end() || found->second.contains("error")) continue;
    const Json score = found->second.value("score", Json());
    if (score.is_number() && score.get<double>() < kRight) {
      wrong.emplace_back(score.get<double>(), row);
    }
  }
  std::stable_sort(wrong.begin(), wrong.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  return wrong;
}

/// The rows to show: of each score those with other pictures than before, then the others.
std::vector<int64_t> chosen(const std::vector<std::pair<double, int64_t>>& wrong,
                            const BenchLines& lines, size_t most) {
  std::vector<int64_t> rows;
  std::set<std::string> shown;
  for (size_t begin = 0; begin < wrong.size() && rows.size() < most;) {
    size_t end = begin;
    std::vector<int64_t> repeated;
    for (; end < wrong.size() && wrong[end].first == wrong[begin].first; ++end) {
      const int64_t row = wrong[end].second;
      const bool is_new = shown.insert(lines.at(row).value("images", Json()).dump()).second;
      (is_new ? rows : repeated).push_back(row);
    }
    rows.insert(rows.end(), repeated.begin(), repeated.end());
    begin = end;
  }
  rows.resize(std::min(rows.size(), most));
  return rows;
}

std::string text_in(const Json& line, const char* key) {
  const Json value = line.value(key, Json());
  return value.is_string() ? value.get<std::string>() : std::string();
}

BenchThumbnail small_picture(const Image& picture, size_t number) {
  const double scale =
      std::min(1.0, static_cast<double>(kLargest) / std::max(picture.width, picture.height));
  const auto side = [&](int pixels) {
    return std::max(1, static_cast<int>(std::lround(pixels * scale)));
  };
  const Image small = resize_bicubic(picture, side(picture.width), side(picture.height));
  return {small.width, small.height, encode_webp(small), number, {}};
}

BenchThumbnail thumbnail_of(const MediaBytes& file, size_t number) {
  try {
    return small_picture(decode_image(file.bytes, file.name), number);
  } catch (const Error&) {
    BenchThumbnail unreadable;
    unreadable.picture = number;
    return unreadable;
  }
}

void add_pictures(const BenchmarkRow& row, const BenchmarkPrompt& prompt, const BenchMedia& media,
                  BenchMistake& mistake) {
  MediaReader reader;
  const auto files = media.pictures(row, prompt, reader);
  mistake.pictures = files.size();
  for (size_t i = 0; i < std::min(files.size(), kThumbnails); ++i) {
    mistake.thumbnails.push_back(thumbnail_of(files[i], i));
  }
}

/// Some of the frames that were shown, which `frames` tells by their numbers in the film.
void add_frames(const std::filesystem::path& path, const Json& frames, BenchMistake& mistake) {
  const auto numbers = frames.get<std::vector<int64_t>>();
  const size_t count = std::min(numbers.size(), kThumbnails);
  std::vector<size_t> shown;  // of numbers
  std::vector<int64_t> wanted;
  for (size_t i = 0; i < count; ++i) {
    shown.push_back((2 * i + 1) * numbers.size() / (2 * count));
    wanted.push_back(numbers[shown.back()]);
  }
  mistake.pictures = numbers.size();
  VideoReader film = VideoReader::open(path, [&](int64_t, double) { return wanted; }, {});
  for (const size_t number : shown) {
    const auto frame = film.next();
    if (!frame) break;
    mistake.thumbnails.push_back(small_picture(frame->image, number));
    mistake.thumbnails.back().seconds = frame->seconds;
  }
}

void add_media(const BenchmarkRow& row, const BenchmarkTask& task, const BenchMedia& media,
               const Json& line, BenchMistake& mistake) {
  try {
    const BenchmarkPrompt prompt = task.prompt(row.row, row.place);
    if (prompt.clips.empty()) return add_pictures(row, prompt, media, mistake);
    add_frames(media.film(row, prompt.clips.front()), line.at("frames"), mistake);
  } catch (const Error&) {            // gone since it was asked: its texts can still be shown
  } catch (const Json::exception&) {  // a line that somebody wrote
  }
}

}  // namespace

std::vector<BenchMistake> worst_mistakes(const BenchLines& lines, const std::vector<int64_t>& rows,
                                         const BenchmarkData& data, const BenchmarkTask& task,
                                         const BenchMedia& media, size_t most) {
  std::vector<BenchMistake> mistakes;
  for (const int64_t row : chosen(wrong_rows(lines, rows), lines, most)) {
    const Json& line = lines.at(row);
    BenchMistake mistake;
    mistake.row = row;
    mistake.where = text_in(line, "where");
    mistake.prompt = text_in(line, "prompt");
    mistake.reply = text_in(line, "reply");
    mistake.film = text_in(line, "film");
    mistake.reference = line.value("reference", Json());
    mistake.score = line.at("score").get<double>();
    add_media(data.rows[static_cast<size_t>(row)], task, media, line, mistake);
    for (const Json& share : line.value("evidence", Json())) {
      if (share.is_number()) mistake.evidence.push_back(share.get<double>());
    }
    mistakes.push_back(std::move(mistake));
  }
  return mistakes;
}

}  // namespace owl3
