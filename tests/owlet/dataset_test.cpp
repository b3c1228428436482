// Data sets on disk.
#include "owlet/dataset.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/scratch_folder.h"
#include "owlet/tar_writer.h"
#include "owlet_fixture.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;

DatasetOptions small_options() {
  DatasetOptions options;
  options.parts = {{RowKind::kStage3, 30}, {RowKind::kSiglip, 10}};
  options.seed = 4;
  options.image_size = 32;
  options.pictures = 150;
  options.clips = 10;
  options.max_images = 20;
  options.threads = 2;
  return options;
}

bool always(std::string_view, int64_t, int64_t) {
  return true;
}

TEST(TarWriter, WritesWhatTarReads) {
  const ScratchFolder folder;
  TarWriter tar(folder / "a.tar");
  const std::string large(1300, 'x');
  tar.add("small.txt", "hello");
  tar.add("block.txt", std::string(512, 'y'));
  tar.add("large.txt", large);
  tar.add("empty.txt", "");
  tar.commit();
  const std::string command = "cd '" + folder.path().string() + "' && tar xf a.tar";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read_text(folder / "small.txt"), "hello");
  EXPECT_EQ(read_text(folder / "block.txt"), std::string(512, 'y'));
  EXPECT_EQ(read_text(folder / "large.txt"), large);
  EXPECT_EQ(read_text(folder / "empty.txt"), "");
}

TEST(Dataset, HasRowsAndThePicturesTheyName) {
  const ScratchFolder folder;
  const DatasetSummary summary = write_dataset(folder.path(), small_options(), artwork(), always);
  EXPECT_EQ(summary.rows, 40);
  ASSERT_EQ(std::system(("cd '" + folder.path().string() +
                         "' && mkdir pictures && tar xf pictures.tar -C pictures")
                            .c_str()),
            0);
  std::ifstream lines(folder / "stage3.jsonl");
  int rows = 0;
  for (std::string line; std::getline(lines, line); ++rows) {
    const auto row = nlohmann::json::parse(line);
    EXPECT_EQ(row["messages"].size() % 2, 0u);
    EXPECT_EQ(row["messages"][0]["role"], "user");
    EXPECT_EQ(row["messages"][1]["role"], "assistant");
    EXPECT_EQ(row["answers"].size(), row["messages"].size() / 2);
    for (const std::string name : row["images"]) {
      ASSERT_TRUE(name.starts_with("pictures.tar/")) << name;
      const Image image = load_image(folder / "pictures" / name.substr(13));
      EXPECT_EQ(image.width, 32);
    }
  }
  EXPECT_EQ(rows, 30);
  EXPECT_EQ(nlohmann::json::parse(read_text(folder / "about.json"))["seed"], 4);
}

TEST(Dataset, IsTheSameToTheByteWithAnyThreads) {
  const ScratchFolder one;
  const ScratchFolder two;
  DatasetOptions options = small_options();
  write_dataset(one.path(), options, artwork(), always);
  options.threads = 1;
  write_dataset(two.path(), options, artwork(), always);
  for (const char* name : {"stage3.jsonl", "siglip.jsonl", "pictures.tar", "about.json"}) {
    EXPECT_EQ(read_text(one / name), read_text(two / name)) << name;
  }
}

TEST(Dataset, CanHaveItsPicturesAsFiles) {
  const ScratchFolder folder;
  DatasetOptions options = small_options();
  options.parts = {{RowKind::kDemo, 8}};
  options.loose_pictures = true;
  const DatasetSummary summary = write_dataset(folder.path(), options, artwork(), always);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "pictures"), fs::directory_iterator()),
            summary.pictures);
  EXPECT_FALSE(fs::exists(folder / "pictures.tar"));
  std::ifstream lines(folder / "demo.jsonl");
  std::string line;
  std::getline(lines, line);
  const std::string picture = nlohmann::json::parse(line)["images"][0];
  EXPECT_TRUE(fs::exists(folder / picture)) << picture;
}

TEST(Dataset, OfTextAloneHasNoPictures) {
  const ScratchFolder folder;
  DatasetOptions options = small_options();
  options.parts = {{RowKind::kText, 20}};
  EXPECT_EQ(write_dataset(folder.path(), options, artwork(), always).pictures, 0);
  EXPECT_FALSE(fs::exists(folder / "pictures.tar"));
  EXPECT_EQ(read_text(folder / "text.jsonl").find("\"images\""), std::string::npos);
}

TEST(Dataset, StopsWhenToldTo) {
  const ScratchFolder folder;
  int calls = 0;
  EXPECT_THROW(write_dataset(folder.path(), small_options(), artwork(),
                             [&](std::string_view, int64_t, int64_t) { return ++calls < 2; }),
               Interrupted);
  EXPECT_FALSE(fs::exists(folder / "siglip.jsonl"));
}

}  // namespace

}  // namespace owl3::test
