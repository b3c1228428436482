// What is opened as a film, what is refused, and when work on one ends.
#include "media/codecs/film.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "media/film_indexes.h"
#include "media/video.h"
#include "test_files.h"

namespace owl3 {
namespace {

using test::data_file;
using test::expect_input_error;

std::filesystem::path write_text(const test::TemporaryFolder& folder, const std::string& name,
                                 const std::string& text) {
  return folder.write(name, text.data(), text.size());
}

std::string be32(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}

std::string box(const std::string& type, const std::string& content) {
  return be32(static_cast<uint32_t>(8 + content.size())) + type + content;
}

TEST(Film, IsNeverAListOfOtherFiles) {
  const test::TemporaryFolder folder;
  const std::string clip = (folder.path() / "clip.mp4").string();
  std::filesystem::copy(data_file("media/h264-bframes.mp4"), clip);
  const std::vector<std::pair<std::string, std::string>> lists = {
      {"HLS playlist", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n" + clip + "\n"},
      {"HLS playlist",
       "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nlist.mp4\n#EXT-X-ENDLIST\n"},
      {"DASH manifest",
       "<?xml version=\"1.0\"?>\n<MPD profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\">"
       "<Period><AdaptationSet><Representation id=\"1\"><BaseURL>" +
           clip + "</BaseURL></Representation></AdaptationSet></Period></MPD>"},
      {"ffconcat script", "ffconcat version 1.0\nfile '" + clip + "'\n"},
      {"SDP description",
       "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"}};
  for (const auto& [kind, text] : lists) {
    const auto path = write_text(folder, "list.mp4", text);
    expect_input_error([&] { VideoReader::open(path, {}); }, kind + ", which only names other");
    expect_input_error([&] { load_image(path); }, kind + ", which only names other");
  }
  const auto plain = write_text(folder, "plain.mp4", clip + "\n");
  expect_input_error([&] { VideoReader::open(plain, {}); }, "not a film of a known kind");
  std::filesystem::copy(clip, folder.path() / "frame1.mp4");
  expect_input_error([&] { VideoReader::open(folder.path() / "frame%d.mp4", {}); }, "No such file");
}

TEST(Film, IsNoReferenceToFilmsElsewhere) {
  const test::TemporaryFolder folder;
  auto clip = test::read_file(data_file("media/h264-bframes.mp4"));
  // The entry of `dref` says that the data are in this file; without that flag they are elsewhere.
  const std::string own = "url " + std::string("\0\0\0\1", 4);
  const auto at = std::search(clip.begin(), clip.end(), own.begin(), own.end(),
                              [](std::byte a, char b) { return std::to_integer<char>(a) == b; });
  ASSERT_NE(at, clip.end());
  at[7] = std::byte{0};
  const auto elsewhere = folder.write("elsewhere.mp4", clip.data(), clip.size());
  expect_input_error([&] { VideoReader::open(elsewhere, {}); }, "pictures lie in other files");

  const std::string url = data_file("media/h264-bframes.mp4").string() + '\0';
  const std::string reference =
      box("rdrf", be32(0) + "url " + be32(static_cast<uint32_t>(url.size())) + url);
  const auto movie = write_text(
      folder, "movie.mp4",
      box("ftyp", "qt  " + be32(0) + "qt  ") + box("moov", box("rmra", box("rmda", reference))));
  expect_input_error([&] { VideoReader::open(movie, {}); }, "pictures lie in other files");
}

TEST(Film, IsARegularFile) {
  const test::TemporaryFolder folder;
  const auto pipe = folder.path() / "pipe.mp4";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto socket_path = folder.path() / "s.mp4";
  std::strncpy(address.sun_path, socket_path.c_str(), sizeof address.sun_path - 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(socket);
  const auto device = folder.path() / "device.mp4";
  std::filesystem::create_symlink("/dev/zero", device);
  const std::map<std::filesystem::path, std::string> others = {{pipe, "a pipe, not a regular file"},
                                                               {socket_path, "it is a socket"},
                                                               {device, "it is a device"},
                                                               {folder.path(), "it is a folder"}};
  for (const auto& [path, message] : others) {
    expect_input_error([&] { VideoReader::open(path, {}); }, message);
    expect_input_error([&] { load_image(path); }, message);
  }
}

TEST(Film, IsToldFromOtherFilesByItsContent) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "film.txt";
  std::filesystem::copy(data_file("media/mpeg4.avi"), path);
  EXPECT_GT(VideoReader::open(path, {}).frames(), 0);
  expect_input_error([&] { VideoReader::open(folder.write("empty.mp4", "", 0), {}); },
                     "the file is empty");
}

TEST(Film, ThatItsDecoderRefusesIsTold) {
  expect_input_error([] { VideoReader::open(data_file("media/refused-by-decoder.mp4"), {}); },
                     "hevc video can't be decoded");
}

TEST(FilmIndexes, HaveAFilmsPacketsReadOnceForAllItsParts) {
  const auto path = data_file("media/h264-bframes.mp4");
  FilmIndexes films;
  int whole = 0;
  VideoReader first = films.open(path, {.end_seconds = 3}, [&] { return ++whole > 0; });
  const auto frames_of = [](VideoReader reader) {
    std::vector<std::pair<int64_t, std::vector<uint8_t>>> frames;
    while (auto frame = reader.next()) frames.emplace_back(frame->index, frame->image.rgb);
    return frames;
  };
  for (const VideoOptions& part : {VideoOptions{.fps = 5, .start_seconds = 3, .end_seconds = 6},
                                   VideoOptions{.start_seconds = 6}}) {
    int asked = 0;
    VideoReader known = films.open(path, part, [&] { return ++asked > 0; });
    EXPECT_LT(asked * 2, whole);  // without 250 packets
    EXPECT_EQ(known.index(), first.index());
    EXPECT_EQ(frames_of(std::move(known)), frames_of(VideoReader::open(path, part)));
  }
}

TEST(FilmIndexes, AreForgottenWhereTheFileIsAnother) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "film.mp4";
  std::filesystem::copy(data_file("media/h264-bframes.mp4"), path);
  FilmIndexes films;
  EXPECT_EQ(films.open(path, {}).duration_seconds(), 10);
  EXPECT_THROW(films.open(folder.path() / "none.mp4", {}), InputError);
  std::filesystem::copy_file(data_file("media/slides.mp4"), path,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(films.open(path, {}).duration_seconds(), 15);
}

TEST(FilmWatch, EndsWorkInTheMidstOfReadingAndOfDecoding) {
  const auto path = data_file("media/h264-long-gop.mp4");
  // Whichever of the questions is answered with no: the work ends there, with Interrupted.
  int asked = 0;
  const auto count = [&asked] { return ++asked > 0; };
  {
    VideoReader reader = VideoReader::open(path, {.fps = 1000}, count);
    while (reader.next()) {
    }
  }
  ASSERT_GT(asked, 300);  // for each packet, twice
  for (const int last : {1, 2, 3, 5, 50, asked / 2, asked - 50}) {
    int left = last;
    const auto work = [&] {
      VideoReader reader = VideoReader::open(path, {.fps = 1000}, [&left] { return --left > 0; });
      while (reader.next()) {
      }
    };
    EXPECT_THROW(work(), Interrupted) << last;
    EXPECT_EQ(left, 0) << "asked again after a no";
  }
}

TEST(FilmWatch, PassesOnWhatTheQuestionThrows) {
  const auto ask = []() -> bool { throw UsageError("enough"); };
  EXPECT_THROW(VideoReader::open(data_file("media/vp9.webm"), {}, ask), UsageError);
}

TEST(FilmWatch, EndsWorkThatTakesTooLong) {
  FilmWatch watch("slow.mp4");
  watch.allow_seconds(0);
  EXPECT_NO_THROW(watch.check());  // what others do takes no time of the film's
  const FilmWatch::Working working(watch);
  while (!watch.stops()) {
  }
  expect_input_error([&] { watch.check(); }, "slow.mp4: given up after");
}

TEST(FilmWatch, AllowsTimeByTheSizeOfTheFile) {
  EXPECT_DOUBLE_EQ(film_seconds_allowed(0), 600);
  EXPECT_DOUBLE_EQ(film_seconds_allowed(1'000'000'000), 4600);
  FilmWatch watch("film");
  const auto path = data_file("media/vp9.webm");
  const Film film = open_film(path, watch);
  EXPECT_DOUBLE_EQ(watch.seconds_allowed(),
                   film_seconds_allowed(static_cast<int64_t>(std::filesystem::file_size(path))));
}

}  // namespace
}  // namespace owl3
