// Conversations about what comes: frames by hand, and from sources of every kind.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <mutex>
#include <thread>

#include "api/impl.h"
#include "api/watched_backend.h"
#include "backend/make_backend.h"
#include "core/machine.h"
#include "core/scratch_folder.h"
#include "formats/random_checkpoint.h"
#include "media/encode_png.h"
#include "media/live_reader.h"
#include "media/video.h"
#include "owl3/owl3.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

const fs::path kFilm = fs::path(OWL3_SOURCE_DIR) / "demo" / "ball.mp4";
const fs::path kStream = fs::path(OWL3_TEST_DATA) / "media" / "h264-open-gop.ts";

class LiveTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<ScratchFolder>();
    write_random_checkpoint(folder_->path(), shape(Variant::kGated), {}, {});
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static CheckpointShape shape(Variant variant, int64_t context = 2048) {
    CheckpointShape tiny = checkpoint_shape("tiny");
    tiny.variant = variant;
    tiny.config.max_position_embeddings = context;
    return tiny;
  }
  /// With a context whose end is soon reached.
  static Model forgetful_model() {
    const ScratchFolder folder;
    write_random_checkpoint(folder.path(), shape(Variant::kGated, 256), {}, {});
    return Model::load(folder.path(), options());
  }
  static ModelOptions options() {
    ModelOptions options;
    options.threads = 1;  // operations are small: threads would only wait for each other
    options.precision = Precision::kFloat32;
    return options;
  }
  static GenerationOptions greedy(int64_t tokens = 12) {
    GenerationOptions options = generation_preset("greedy");
    options.max_new_tokens = tokens;
    return options;
  }
  static void append(LiveChat& chat, int number, double when) {
    const auto grey = static_cast<uint8_t>(number * 37 % 256);
    const std::vector<uint8_t> rgb(16 * 16 * 3, grey);
    chat.append({16, 16, rgb, when});
  }

  static std::unique_ptr<ScratchFolder> folder_;
  Model model_ = Model::load(folder_->path(), options());
};

std::unique_ptr<ScratchFolder> LiveTest::folder_;

/// Frames of a film as they come, a second apart.
std::vector<VideoFrame> frames_of(const fs::path& path) {
  VideoReader reader = VideoReader::open(path, {});
  std::vector<VideoFrame> frames;
  while (std::optional<VideoFrame> frame = reader.next()) {
    if (frame->repeated && frame->image.rgb.empty()) frame->image = frames.back().image;
    frames.push_back(std::move(*frame));
  }
  return frames;
}

TEST_F(LiveTest, WhileNothingIsForgottenItIsTheFilm) {
  const std::vector<VideoFrame> frames = frames_of(kFilm);
  for (const Variant variant : {Variant::kGated, Variant::kUnified}) {
    const ScratchFolder folder;
    write_random_checkpoint(folder.path(), shape(variant), {}, {});
    const Model model = Model::load(folder.path(), options());
    LiveChat live(model);
    for (const VideoFrame& frame : frames) {
      live.append({frame.image.width, frame.image.height, frame.image.rgb, frame.seconds});
    }
    const Medium film = VisualMemory(model).add_video(kFilm);
    Chat chat(model);
    const Answer expected = chat.ask("What moves?", {film}, greedy());
    const Answer aside = live.ask_aside("What moves?", greedy());
    EXPECT_EQ(aside.text, expected.text);
    EXPECT_EQ(aside.prompt_tokens, expected.prompt_tokens);
    EXPECT_LT(aside.prefilled_tokens, expected.prefilled_tokens - film.images() + 1);
    EXPECT_EQ(live.ask("What moves?", greedy()).text, expected.text);
    EXPECT_EQ(live.ask("And then?", greedy()).text, chat.ask("And then?", {}, greedy()).text);
    EXPECT_EQ(live.stats().tokens, chat.tokens());
  }
}

TEST_F(LiveTest, AQuestionAsideLeavesNoTrace) {
  LiveChat asked(model_), quiet(model_);
  for (int i = 0; i < 3; ++i) {
    for (LiveChat* chat : {&asked, &quiet}) append(*chat, i, i);
    asked.ask_aside("Is anyone there?", greedy(4));
  }
  EXPECT_EQ(asked.ask("What was there?", greedy()).text,
            quiet.ask("What was there?", greedy()).text);
  EXPECT_EQ(asked.stats().tokens, quiet.stats().tokens);
}

TEST_F(LiveTest, TheWindowForgetsFramesByNumberAndByTime) {
  LiveChatOptions options;
  options.window_frames = 5;
  LiveChat by_number(model_, options);
  options.window_frames = 50;
  options.window_seconds = 10;
  LiveChat by_time(model_, options);
  for (int i = 0; i < 20; ++i) {
    append(by_number, i, i);
    append(by_time, i, 3.0 * i);
  }
  EXPECT_EQ(by_number.stats().window_frames, 5);
  EXPECT_EQ(by_number.stats().oldest_seconds, 15);
  EXPECT_EQ(by_time.stats().window_frames, 4);
  EXPECT_EQ(by_time.stats().oldest_seconds, 48);
  EXPECT_EQ(by_time.stats().newest_seconds, 57);
}

TEST_F(LiveTest, ADayInFastMotionTakesNoMoreMemoryThanItsWindow) {
  LiveChatOptions options;
  options.window_frames = 20;
  const Model model = forgetful_model();
  LiveChat chat(model, options);
  constexpr int kFrames = 1440;  // a frame a minute
  size_t most_text = 0;
  int64_t most_images = 0;
  [[maybe_unused]] int64_t peak = 0;
  for (int i = 0; i < kFrames; ++i) {
    append(chat, i % 7, 60.0 * i);
    if (i % 100 == 0) chat.ask("What is it?", greedy(3));
    if (i % 100 == 1) chat.ask_aside("Is it still?", greedy(3));
    if (i == 400) {
      most_text = chat.stats().text_bytes;
      most_images = chat.stats().image_bytes;
      peak = peak_memory_bytes();
    }
  }
  const LiveChatStats stats = chat.stats();
  EXPECT_EQ(stats.frames, kFrames);
  EXPECT_EQ(stats.window_frames, 20);
  EXPECT_EQ(stats.images_encoded, 7);
  EXPECT_EQ(stats.images_reused, kFrames - 7);
  EXPECT_GE(stats.read_anew, kFrames / model.context_length());
  EXPECT_LT(stats.tokens, model.context_length());
  EXPECT_LE(stats.text_bytes, 3 * most_text);
  EXPECT_EQ(stats.image_bytes, most_images);
#ifndef __SANITIZE_ADDRESS__  // which keeps what was freed, to see it used
  EXPECT_LT(peak_memory_bytes() - peak, int64_t{8} << 20);
#endif
}

TEST_F(LiveTest, ReadAnewItIsTheWindowAndNothingElse) {
  constexpr int kWindow = 8;
  LiveChatOptions options;
  options.window_frames = kWindow;
  const Model model = forgetful_model();
  LiveChat slid(model, options), fresh(model, options);
  int frames = 0;
  while (slid.stats().read_anew == 0) {
    append(slid, frames % 11, frames);
    ++frames;
  }
  // The last of them came behind the window that was read anew.
  for (int i = frames - kWindow - 1; i < frames; ++i) append(fresh, i % 11, i);
  EXPECT_EQ(slid.ask_aside("What was there?", greedy()).text,
            fresh.ask_aside("What was there?", greedy()).text);
  EXPECT_EQ(slid.stats().window_frames, kWindow);
  EXPECT_EQ(slid.stats().tokens, fresh.stats().tokens);
}

TEST_F(LiveTest, FramesThatComeWhileAnAnswerIsWrittenAreReadAfterIt) {
  LiveChat chat(model_), other(model_);
  for (LiveChat* each : {&chat, &other}) append(*each, 1, 1);
  bool appended = false;
  const Answer answer = chat.ask("What is it?", greedy(), [&](std::string_view piece) {
    if (!piece.empty() && !std::exchange(appended, true)) append(chat, 2, 2);
    return true;
  });
  EXPECT_TRUE(appended);
  EXPECT_EQ(answer.text, other.ask("What is it?", greedy()).text);
  append(other, 2, 2);
  EXPECT_EQ(chat.stats().window_frames, 2);
  EXPECT_EQ(chat.stats().tokens, other.stats().tokens);
  EXPECT_EQ(chat.ask("And now?", greedy()).text, other.ask("And now?", greedy()).text);
}

TEST_F(LiveTest, WhatCantBeIsRefusedInALine) {
  LiveChatOptions options;
  options.window_frames = LiveChat::largest_window(model_) + 1;
  EXPECT_THROW(LiveChat(model_, options), UsageError);
  options.window_frames = 100;
  options.budget_bytes = 1000;
  EXPECT_THROW(LiveChat(model_, options), UsageError);
  LiveChat chat(model_);
  EXPECT_THROW(chat.append({16, 16, {}, 0}), UsageError);
  EXPECT_THROW(chat.ask("What is <image>?", greedy()), UsageError);
  for (const char* source : {"", "ftp://host/film.ts", "file:///etc/passwd", "pipe://0"}) {
    EXPECT_THROW(LiveFeed(chat, {source}), UsageError) << source;
  }
  EXPECT_THROW(LiveFeed(chat, {"/no/such/file.ts"}), InputError);
  LiveSource protocols{kStream.string()};
  protocols.protocols = {"http"};
  EXPECT_THROW(LiveFeed(chat, protocols), UsageError);
}

/// What a feed told, from its threads.
class Told {
 public:
  LiveCallbacks callbacks() {
    return {[this](const LiveEvent& event) {
              const std::lock_guard lock(mutex_);
              events_.push_back(event);
            },
            [this](double when) {
              const std::lock_guard lock(mutex_);
              seconds_.push_back(when);
            }};
  }
  int64_t count(LiveEvent::Kind kind) {
    const std::lock_guard lock(mutex_);
    return std::count_if(events_.begin(), events_.end(),
                         [&](const LiveEvent& event) { return event.kind == kind; });
  }
  std::vector<double> seconds() {
    const std::lock_guard lock(mutex_);
    return seconds_;
  }

 private:
  std::mutex mutex_;
  std::vector<LiveEvent> events_;
  std::vector<double> seconds_;
};

bool wait_until(const std::function<bool()>& holds) {
  for (int i = 0; i < 2000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

/// Every frame of a source that is there already.
LiveSource every_frame(const std::string& source) {
  LiveSource all{source};
  all.fps = 1000;
  all.skip = false;
  all.idle_seconds = 0.05;
  return all;
}

class FeedTest : public LiveTest {
 protected:
  int64_t frames_in(const fs::path& film) {
    Told told;
    LiveChat chat(model_);
    LiveFeed feed(chat, every_frame(film.string()), told.callbacks());
    EXPECT_TRUE(feed.wait_for(seconds(20)));
    return feed.stats().frames;
  }
  /// Half of a film is there first; its frames are seen before the rest comes, and all once.
  void grow(const fs::path& whole) {
    const std::string bytes = read_text(whole);
    const fs::path growing = scratch_.path() / ("growing" + whole.extension().string());
    scratch_.write(growing.filename().string(), bytes.substr(0, bytes.size() / 2));
    Told told;
    LiveChat chat(model_);
    LiveSource source = every_frame(growing.string());
    source.idle_seconds = 0.6;
    LiveFeed feed(chat, source, told.callbacks());
    ASSERT_TRUE(wait_until([&] { return !told.seconds().empty(); }));
    EXPECT_FALSE(feed.wait_for(milliseconds(100)));
    std::ofstream(growing, std::ios::binary | std::ios::app) << bytes.substr(bytes.size() / 2);
    EXPECT_TRUE(feed.wait_for(seconds(20)));
    EXPECT_EQ(feed.stats().frames, frames_in(whole));
    EXPECT_EQ(told.count(LiveEvent::Kind::kOpened), 1);
    EXPECT_EQ(told.count(LiveEvent::Kind::kLost), 0);
    EXPECT_EQ(feed.stats().skipped, 0);
  }
  ScratchFolder scratch_;
};

TEST_F(FeedTest, AFileThatGrowsIsReadToItsEndAndWaitedFor) {
  grow(kStream);
}

TEST_F(FeedTest, AFilmThatIsWholeIsSeenOnceAndEnds) {
  for (const char* film :
       {"h264-bframes.mp4", "h264-long-gop.mp4", "truncated.mp4", "mjpeg.mov", "mpeg4-bframes.avi",
        "vfr.mkv", "vp8.webm", "h264-open-gop.ts", "animation.gif"}) {
    Told told;
    LiveChat chat(model_);
    LiveSource source = every_frame((fs::path(OWL3_TEST_DATA) / "media" / film).string());
    source.fps = 1;
    LiveFeed feed(chat, source, told.callbacks());
    EXPECT_TRUE(feed.wait_for(seconds(20))) << film;
    EXPECT_GT(feed.stats().frames, 0) << film;
    EXPECT_EQ(told.count(LiveEvent::Kind::kOpened), 1) << film;
    EXPECT_EQ(told.count(LiveEvent::Kind::kLost), 0) << film;
    EXPECT_EQ(told.count(LiveEvent::Kind::kEnded), 1) << film;
  }
}

TEST_F(FeedTest, AFilmWithItsIndexFirstIsSeenWhileItGrows) {
  grow(fs::path(OWL3_TEST_DATA) / "media" / "h264-bframes.mp4");
}

TEST_F(FeedTest, AFilmThatAnotherTakesThePlaceOfIsBegunAnew) {
  const std::string bytes = read_text(kFilm);
  scratch_.write("film.mp4", bytes);
  Told told;
  LiveChat chat(model_);
  LiveSource source = every_frame((scratch_.path() / "film.mp4").string());
  source.fps = 1;
  source.idle_seconds = 2;
  LiveFeed feed(chat, source, told.callbacks());
  ASSERT_TRUE(wait_until([&] { return !told.seconds().empty(); }));
  scratch_.write("next.mp4", bytes);
  fs::rename(scratch_.path() / "next.mp4", scratch_.path() / "film.mp4");
  EXPECT_TRUE(wait_until([&] { return told.count(LiveEvent::Kind::kBack) == 1; }));
  EXPECT_TRUE(feed.wait_for(seconds(20)));
  EXPECT_EQ(told.count(LiveEvent::Kind::kLost), 1);
}

TEST_F(FeedTest, APipeThatIsOpenedAgainGoesOn) {
  const fs::path pipe = scratch_.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  Told told;
  LiveChat chat(model_);
  LiveSource source = every_frame(pipe.string());
  source.idle_seconds = 0;
  LiveFeed feed(chat, source, told.callbacks());
  for (int i = 0; i < 2; ++i) {
    std::ofstream(pipe, std::ios::binary) << read_text(kStream);
    ASSERT_TRUE(wait_until([&] { return told.count(LiveEvent::Kind::kLost) == i + 1; }));
  }
  const int64_t frames = 2 * frames_in(kStream);
  EXPECT_TRUE(wait_until([&] { return feed.stats().frames >= frames; }));
  EXPECT_EQ(feed.stats().frames, frames);
  EXPECT_EQ(told.count(LiveEvent::Kind::kBack), 1);
  const std::vector<double> when = told.seconds();
  EXPECT_TRUE(std::is_sorted(when.begin(), when.end()));
}

/// Gives each who connects the next of some answers, and is gone then.
class Server {
 public:
  explicit Server(std::vector<std::string> answers)
      : listening_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listening_, any, sizeof address), 0);
    EXPECT_EQ(::listen(listening_, 4), 0);
    EXPECT_EQ(::getsockname(listening_, any, &size), 0);
    url_ = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this, all = std::move(answers)] {
      for (const std::string& answer : all) {
        const int connection = ::accept(listening_, nullptr, nullptr);
        write_all(connection, answer);
        ::close(connection);
      }
      ::close(listening_);
    });
  }
  ~Server() { thread_.join(); }

  const std::string& url() const { return url_; }

 private:
  int listening_;
  std::string url_;
  std::thread thread_;
};

TEST_F(FeedTest, AConnectionThatBreaksOffIsMadeAgain) {
  const std::string bytes = read_text(kStream);
  const Server server({bytes.substr(0, bytes.size() / 2), bytes});
  Told told;
  LiveChat chat(model_);
  LiveSource source = every_frame(server.url());
  source.idle_seconds = 0.6;
  LiveFeed feed(chat, source, told.callbacks());
  EXPECT_TRUE(wait_until([&] { return told.count(LiveEvent::Kind::kLost) == 2; }));
  EXPECT_EQ(told.count(LiveEvent::Kind::kBack), 1);
  EXPECT_TRUE(feed.wait_for(seconds(20)));
  EXPECT_GT(feed.stats().frames, 0);
  EXPECT_EQ(told.count(LiveEvent::Kind::kEnded), 1);
}

TEST_F(FeedTest, AFilmBehindAUrlHasItsOwnTimesAndEnds) {
  const std::string bytes = read_text(kStream);
  const std::string head =
      "HTTP/1.0 200 OK\r\nContent-Length: " + std::to_string(bytes.size()) + "\r\n\r\n";
  const Server server({head + bytes.substr(0, bytes.size() / 2), head + bytes});
  Told told, file;
  LiveChat chat(model_);
  LiveSource source = every_frame("http" + server.url().substr(3) + "/film.ts");
  source.idle_seconds = 0;
  LiveFeed feed(chat, source, told.callbacks());
  EXPECT_TRUE(feed.wait_for(seconds(20)));
  EXPECT_EQ(told.count(LiveEvent::Kind::kLost), 1) << "at half";
  EXPECT_EQ(told.count(LiveEvent::Kind::kBack), 1);
  LiveFeed from_file(chat, every_frame(kStream.string()), file.callbacks());
  EXPECT_TRUE(from_file.wait_for(seconds(20)));
  const std::vector<double> when = told.seconds(), expected = file.seconds();
  ASSERT_GT(when.size(), expected.size());
  const size_t before = when.size() - expected.size();
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(when[before + i] - when[before], expected[i], 1e-6);
  }
}

TEST_F(FeedTest, APlaylistOpensNoProtocolThatNobodyNamed) {
  const std::string playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:4,\nfile://" +
                               kStream.string() + "\n#EXT-X-ENDLIST\n";
  const Server server({playlist});
  LiveChat chat(model_);
  LiveFeed feed(chat, every_frame(server.url()));
  EXPECT_THROW(feed.wait_for(seconds(20)), InputError);
  EXPECT_EQ(feed.stats().frames, 0);
}

TEST_F(FeedTest, APasswordIsNotTold) {
  const auto shown = [](const char* url) { return find_live_input(url, {}).shown_name(); };
  EXPECT_EQ(shown("rtsp://me:secret@camera:554/1"), "rtsp://me:***@camera:554/1");
  EXPECT_EQ(shown("http://me:se@cret@camera/a@b:c"), "http://me:***@camera/a@b:c");
  EXPECT_EQ(shown("http://camera:80/a@b"), "http://camera:80/a@b");
  EXPECT_EQ(shown("rtsp://me@camera:554"), "rtsp://me@camera:554");
}

TEST_F(FeedTest, ASourceThatIsNotThereAtFirstIsAnError) {
  LiveChat chat(model_);
  LiveFeed refused(chat, {"tcp://127.0.0.1:1"});
  EXPECT_THROW(refused.wait_for(seconds(20)), InputError);
  scratch_.write("text.ts", std::string(100'000, 'x'));
  LiveFeed text(chat, every_frame((scratch_.path() / "text.ts").string()));
  EXPECT_THROW(text.wait_for(seconds(20)), InputError);
}

TEST_F(FeedTest, PicturesThatComeIntoAFolderAreFramesAndBrokenOnesAreTold) {
  const auto png = [](int grey) {
    const Image image = {20, 10, std::vector<uint8_t>(20 * 10 * 3, static_cast<uint8_t>(grey))};
    return encode_png(image, 1);
  };
  scratch_.write("there.png", png(10));
  Told told;
  LiveChat chat(model_);
  LiveSource source{scratch_.path().string()};
  LiveFeed feed(chat, source, told.callbacks());
  ASSERT_TRUE(wait_until([&] { return told.seconds().size() == 1; }));
  scratch_.write("broken.png", std::string("\x89PNG\r\n\x1a\n and no more"));
  scratch_.write("text.txt", std::string("no picture"));
  ASSERT_TRUE(wait_until([&] { return told.count(LiveEvent::Kind::kWarning) == 1; }));
  for (int i = 0; i < 30; ++i) scratch_.write("new-" + std::to_string(i) + ".png", png(i));
  EXPECT_TRUE(wait_until([&] { return told.seconds().size() == 31; }));
  EXPECT_EQ(feed.stats().skipped, 0);
}

TEST_F(FeedTest, WhenEncodingIsSlowFramesAreLeftOutEvenlyAndThatIsTold) {
  const auto slow = [] { std::this_thread::sleep_for(std::chrono::microseconds(100)); };
  const Model model = Internals::LoadedModel::load(
      CheckpointSource::open(folder_->path()),
      std::make_unique<WatchedBackend>(make_backend(options()), slow), options());
  Told told;
  LiveChat chat(model);
  LiveSource source = every_frame(kFilm.string());
  source.skip = true;
  LiveFeed feed(chat, source, told.callbacks());
  EXPECT_TRUE(feed.wait_for(seconds(60)));
  const int64_t all = frames_in(kFilm);
  EXPECT_EQ(feed.stats().frames + feed.stats().skipped, all);
  EXPECT_GT(feed.stats().skipped, all / 3);
  EXPECT_GE(told.count(LiveEvent::Kind::kSkipping), 1);
}

TEST_F(FeedTest, WhatACallbackThrowsComesOut) {
  LiveChat chat(model_);
  LiveCallbacks callbacks;
  callbacks.on_frame = [](double) { throw std::string("mine"); };
  LiveFeed feed(chat, every_frame(kFilm.string()), std::move(callbacks));
  EXPECT_THROW(feed.wait_for(seconds(20)), std::string);
}

}  // namespace
}  // namespace owl3
