#include "training_data/media_reader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <thread>

#include "core/error.h"
#include "core/threads.h"
#include "media/video.h"
#include "training_data/batch.h"
#include "training_data/image_store.h"
#include "training_files.h"

namespace owl3 {
namespace {

std::string content_of(const MediaBytes& media) {
  return {reinterpret_cast<const char*>(media.bytes.data()), media.bytes.size()};
}

std::string film_path() {
  return OWL3_TEST_DATA "/media/mjpeg.mov";
}

TEST(MediaReader, ReadsFilesArchivesAndDataUrls) {
  const ScratchFolder folder;
  folder.write("a.png", "file");
  folder.write("some.tar", test::tar_entry("b.png", "archived") +
                               test::tar_entry("sub/c.png", "deeper") + test::tar_end());
  MediaReader reader;
  const auto read = [&](const std::string& reference) {
    return content_of(reader.read(resolve_medium(reference, folder.path())));
  };
  EXPECT_EQ(read("a.png"), "file");
  EXPECT_EQ(read((folder / "a.png").string()), "file") << "absolute";
  EXPECT_EQ(read("some.tar/b.png"), "archived");
  EXPECT_EQ(read("some.tar/sub/c.png"), "deeper");
  EXPECT_EQ(read("data:image/png;base64,aGVsbG8="), "hello");
  EXPECT_EQ(read("data:image/png;base64,aGVsbG8"), "hello") << "without padding";
  EXPECT_EQ(read("data:;base64,aGVs\r\nbG8=\r\n"), "hello") << "in lines";
  EXPECT_EQ(read("data:image/png;base64,-_8="), "\xfb\xff") << "the URL-safe alphabet";
}

TEST(MediaReader, AFolderMayBeCalledTar) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "x.tar");
  folder.write("x.tar/a.png", "plain");
  MediaReader reader;
  EXPECT_EQ(content_of(reader.read((folder / "x.tar/a.png").string())), "plain");
}

TEST(MediaReader, SaysWhatIsWrong) {
  const ScratchFolder folder;
  const auto archive = folder.write("some.tar", test::tar_entry("b.png", "1"));
  const auto broken = folder.write("broken.tar", std::string(600, 'x'));
  MediaReader reader;
  const auto error_of = [&](const std::string& reference) {
    return message_of<InputError>([&] { reader.read(resolve_medium(reference, folder.path())); });
  };
  EXPECT_EQ(error_of("none.png"), (folder / "none.png").string() + ": No such file or directory");
  EXPECT_EQ(error_of("some.tar/c.png"), archive.string() + ": the archive has no c.png");
  EXPECT_EQ(error_of("broken.tar/c.png"),
            broken.string() + ": not a tar archive (a compressed one must be unpacked first)");
  EXPECT_EQ(error_of("https://example.org/a.png"),
            "https://example.org/a.png: media are not fetched from the web; download the file and "
            "give its path");
  EXPECT_EQ(error_of("data:image/png;base64,a$b"), "data:image/png;base64,a$b: not valid base64");
  EXPECT_EQ(error_of("data:;base64,aGVsb"), "data:;base64,aGVsb: not valid base64, or cut off");
  EXPECT_EQ(error_of("s3://bucket/a.png"),
            "s3://bucket/a.png: media are not fetched from the web; download the file and give its "
            "path");
  EXPECT_EQ(error_of("data:image/png,abc"), "data:image/png,abc: a data: URL must be in base64");
  EXPECT_EQ(message_of<InputError>([&] { reader.film(archive.string() + "/b.png"); }),
            archive.string() + "/b.png: a video must be a file of its own");
}

TEST(ImageStore, GivesWhatTheModelSeesCutOrWhole) {
  const ScratchFolder folder;
  const std::string path = folder.write("a.ppm", test::picture(64, 32, 200)).string();
  MediaReader reader;
  EncodeOptions options;
  options.image_size = 16;
  ImageStore store(reader, options, 1 << 20);
  const auto whole = store.image(path, false);
  ASSERT_EQ(whole->size(), 1u);
  EXPECT_EQ(whole->at(0).image.rgb, resize_bicubic(load_image(path), 16, 16).rgb);
  EXPECT_EQ(whole->at(0).hash, image_hash_of(whole->at(0).image));
  const auto tiles = store.image(path, true);
  const ModelImages expected = prepare_image(load_image(path), 16, true);
  ASSERT_EQ(tiles->size(), expected.images.size());
  for (size_t i = 0; i < tiles->size(); ++i) {
    EXPECT_EQ(tiles->at(i).image.rgb, expected.images[i].rgb);
  }
}

TEST(ImageStore, KeepsTheLastUsedWithinItsBytes) {
  const ScratchFolder folder;
  EncodeOptions options;
  options.image_size = 16;
  MediaReader reader;
  ImageStore store(reader, options, 3 * (16 * 16 * 3 + 200));
  std::vector<std::string> paths;
  for (int i = 0; i < 4; ++i) {
    paths.push_back(folder.write(std::to_string(i), test::picture(4, 4, 60 * i)).string());
  }
  const auto first = store.image(paths[0], false);
  store.image(paths[1], false);
  store.image(paths[2], false);
  EXPECT_EQ(store.image(paths[0], false), first) << "kept";
  store.image(paths[3], false);  // takes the place of 1
  EXPECT_EQ(store.image(paths[0], false), first);
  EXPECT_LE(store.bytes(), 3u * (16 * 16 * 3 + 200));
  const auto second = store.image(paths[1], false);
  EXPECT_EQ(second->at(0).image.rgb, resize_bicubic(load_image(paths[1]), 16, 16).rgb);

  ImageStore none(reader, options, 0);
  EXPECT_NE(none.image(paths[0], false), none.image(paths[0], false));
  EXPECT_EQ(none.bytes(), 0u);
}

TEST(ImageStore, TellsOfFilesThatSomethingIsNotRightWith) {
  const ScratchFolder folder;
  std::ifstream photo(OWL3_TEST_DATA "/images/08-RGB-200x150.jpg", std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(photo), {}};
  bytes.resize(bytes.size() - 2);  // the end marker
  const std::string first = folder.write("1.jpg", bytes).string();
  const std::string second = folder.write("2.jpg", bytes).string();
  MediaReader reader;
  EncodeOptions options;
  options.image_size = 16;
  ImageStore store(reader, options, 0);
  EXPECT_EQ(store.warning(), "");
  store.image(first, false);
  store.image(first, true);
  EXPECT_EQ(store.warning(), first + ": the JPEG lacks its end marker; its pixels are all there");
  store.image(second, false);
  EXPECT_TRUE(store.warning().ends_with("; 1 more of images and films")) << store.warning();
}

int threads_of_this_process() {
  const std::filesystem::directory_iterator threads("/proc/self/task");
  return static_cast<int>(std::distance(begin(threads), end(threads)));
}

TEST(ImageStore, ResizesOnTheThreadThatAsksForSamplesAreWhatIsDoneInParallel) {
  const ScratchFolder folder;
  const std::string path = folder.write("a.ppm", test::picture(1600, 1200, 200)).string();
  MediaReader reader;
  ImageStore store(reader, {}, 0);
  int before = 0;
  int after = 0;
  std::thread([&] {
    const ThreadLimit four(4);  // whoever divides work keeps that many, one by one for each thread
    before = threads_of_this_process();
    store.image(path, true);
    after = threads_of_this_process();
  }).join();
  EXPECT_EQ(after, before);
}

TEST(ImageStore, DecodesTheFramesOfAFilm) {
  MediaReader reader;
  EncodeOptions options;
  options.image_size = 16;
  VideoOptions video;
  video.max_frames = 3;
  ImageStore store(reader, options, 0);
  const auto frames = store.frames(film_path(), video);
  EXPECT_EQ(static_cast<int64_t>(frames->size()), reader.frame_count(film_path(), video));
  EXPECT_EQ(frames->at(0).image.width, 16);
}

}  // namespace
}  // namespace owl3
