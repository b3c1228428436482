#include "owlet/dataset.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "core/threads.h"
#include "media/encode_png.h"
#include "owlet/tar_writer.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kCompression = 1;  // noise does not compress; more effort buys nothing
constexpr int kPicturesAtATime = 512;
constexpr int kRowsAtATime = 256;

std::string picture_name(int picture) {
  return fmt::format("{:06}.png", picture);
}

bool has_clips(RowKind kind) {
  return kind == RowKind::kStage2 || kind == RowKind::kStage3 || kind == RowKind::kClip ||
         kind == RowKind::kDemo;
}

void go_on(const DatasetProgress& progress, std::string_view stage, int64_t done, int64_t total) {
  if (!progress(stage, done, total)) throw Interrupted("interrupted");
}

/// Pictures as entries of one archive, or as files.
class PictureWriter {
 public:
  PictureWriter(const fs::path& folder, bool loose) {
    if (loose) {
      folder_ = folder / "pictures";
      std::error_code error;
      fs::create_directory(folder_, error);
      if (error) {
        throw InputError(
            fmt::format("{}: cannot be written: {}", folder_.string(), error.message()));
      }
    } else {
      archive_.emplace(folder / "pictures.tar");
    }
  }

  void add(int picture, std::string_view bytes) {
    if (archive_) return archive_->add(picture_name(picture), bytes);
    AtomicFile file(folder_ / picture_name(picture));
    file.write(bytes);
    file.commit();
  }
  void commit() {
    if (archive_) archive_->commit();
  }

 private:
  fs::path folder_;
  std::optional<TarWriter> archive_;
};

void write_pictures(const fs::path& folder, const DatasetOptions& options, const Pool& pool,
                    const Artwork& artwork, const DatasetProgress& progress) {
  PictureWriter writer(folder, options.loose_pictures);
  const int total = pool.pictures();
  for (int first = 0; first < total; first += kPicturesAtATime) {
    go_on(progress, "drawing images", first, total);
    const int count = std::min(kPicturesAtATime, total - first);
    std::vector<std::string> files(static_cast<size_t>(count));
    parallel_for(options.threads, count, [&](int64_t i) {
      files[static_cast<size_t>(i)] =
          encode_png(render(pool.picture(first + static_cast<int>(i)), artwork, options.image_size),
                     kCompression);
    });
    for (int i = 0; i < count; ++i) writer.add(first + i, files[static_cast<size_t>(i)]);
  }
  writer.commit();
}

void write_rows(const fs::path& folder, const DatasetPart& part, const DatasetOptions& options,
                const RowMaker& maker, const DatasetProgress& progress, DatasetSummary& summary) {
  AtomicFile file(folder / fmt::format("{}.jsonl", name_of(part.kind)));
  for (int64_t first = 0; first < part.rows; first += kRowsAtATime) {
    go_on(progress, "writing rows", first, part.rows);
    const int64_t count = std::min<int64_t>(kRowsAtATime, part.rows - first);
    std::vector<Row> rows(static_cast<size_t>(count));
    std::vector<std::string> lines(static_cast<size_t>(count));
    parallel_for(options.threads, count, [&](int64_t i) {
      const auto at = static_cast<size_t>(i);
      rows[at] = maker.make(part.kind, first + i);
      lines[at] = to_json(rows[at], options.loose_pictures);
    });
    for (size_t i = 0; i < lines.size(); ++i) {
      file.write(lines[i] + "\n");
      summary.longest_sequence =
          std::max(summary.longest_sequence, static_cast<int64_t>(rows[i].pictures.size()));
    }
    summary.rows += count;
  }
  file.commit();
}

/// How the data set can be made again.
void write_about(const fs::path& folder, const DatasetOptions& options, const Pool& pool) {
  Json parts = Json::object();
  for (const DatasetPart& part : options.parts) parts[std::string(name_of(part.kind))] = part.rows;
  const Json about = {{"made_by", "owl3 make-data"},
                      {"rows", parts},
                      {"split", options.split == Split::kTrain ? "train" : "test"},
                      {"seed", options.seed},
                      {"size", options.image_size},
                      {"pictures", pool.scenes()},
                      {"clips", pool.clips()},
                      {"max_images", options.max_images},
                      {"max_frames", options.max_frames},
                      {"licences",
                       "pictures are drawn from Noto Color Emoji (SIL Open Font License 1.1) and "
                       "DejaVu Sans (Bitstream Vera licence)"}};
  AtomicFile file(folder / "about.json");
  file.write(about.dump(2) + "\n");
  file.commit();
}

}  // namespace

std::string to_json(const Row& row, bool loose_pictures) {
  Json json;
  Json messages = Json::array();
  for (size_t i = 0; i < row.messages.size(); ++i) {
    const bool is_user = i % 2 == 0 && row.messages.size() > 1;
    messages.push_back({{"role", is_user ? "user" : "assistant"}, {"content", row.messages[i]}});
  }
  json["messages"] = std::move(messages);
  if (!row.pictures.empty()) {
    Json images = Json::array();
    for (const int picture : row.pictures) {
      images.push_back((loose_pictures ? "pictures/" : "pictures.tar/") + picture_name(picture));
    }
    json["images"] = std::move(images);
  }
  json["tasks"] = row.tasks;
  json["answers"] = row.answers;
  if (row.distractors >= 0) {
    json["distractors"] = row.distractors;
    json["by"] = row.by;
    json["options"] = row.options;
    json["group"] = row.group;
    json["about"] = row.about;
  }
  return json.dump();
}

DatasetSummary write_dataset(const fs::path& folder, const DatasetOptions& options,
                             const Artwork& artwork, const DatasetProgress& progress) {
  OWL3_CHECK(!options.parts.empty() && options.image_size > 0);
  const auto any = [&](auto holds) {
    return std::any_of(options.parts.begin(), options.parts.end(),
                       [&](const DatasetPart& part) { return holds(part.kind); });
  };
  const bool has_pictures =
      any([](RowKind kind) { return kind != RowKind::kText && kind != RowKind::kEcho; });
  PoolOptions pool_options;
  pool_options.seed = options.seed;
  pool_options.scenes = has_pictures ? options.pictures : 0;
  pool_options.clips = any(has_clips) ? options.clips : 0;
  pool_options.max_frames = options.max_frames;

  const SceneMaker maker(artwork, options.split);
  const Pool pool(maker, pool_options);
  const RowMaker rows(pool, maker, {options.seed, options.max_images, options.numbering});
  DatasetSummary summary;
  summary.pictures = pool.pictures();
  for (const DatasetPart& part : options.parts) {
    write_rows(folder, part, options, rows, progress, summary);
  }
  if (has_pictures) write_pictures(folder, options, pool, artwork, progress);
  write_about(folder, options, pool);
  return summary;
}

}  // namespace owl3
