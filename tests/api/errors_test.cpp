// What leaves the API when something is wrong: always an owl3::Error of one line that names the
// fault, never what a library inside has thrown; and what a callback throws, as it is.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <exception>
#include <limits>
#include <new>
#include <stdexcept>

#include "api/allocation_hook.h"
#include "core/scratch_folder.h"
#include "formats/random_checkpoint.h"
#include "owl3/owl3.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

const fs::path kImage = fs::path(OWL3_TEST_DATA) / "images" / "08-RGB-200x150.jpg";
const fs::path kFilm = fs::path(OWL3_SOURCE_DIR) / "demo" / "ball.mp4";
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Fails unless `action` throws an owl3::Error that says something of use in one line.
template <typename Action>
void expect_plain_error(const std::string& what, const Action& action) {
  SCOPED_TRACE(what);
  try {
    action();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const InternalError& error) {
    ADD_FAILURE() << "taken for a bug: " << error.what();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_GT(message.size(), 10U) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  } catch (const std::exception& error) {
    ADD_FAILURE() << "not an owl3::Error: " << error.what();
  }
}

/// What a caller's own code may throw.
struct CallersOwn {};

/// Names that no file of content stands behind.
struct BadPaths {
  BadPaths() {
    fs::create_directory(folder / "folder");
    fs::create_symlink(folder / "nowhere", folder / "dangling");
    fs::create_symlink(folder / "loop", folder / "loop");
    ::mkfifo((folder / "pipe").c_str(), 0600);
    folder.write("empty", "");
    folder.write("text", "These are words, and no more than words.\n");
    folder.write("unreadable", "secret");
    fs::permissions(folder / "unreadable", fs::perms::none);
    paths = {"",
             folder / "missing",
             folder / "folder",
             folder / "dangling",
             folder / "loop",
             folder / "pipe",
             folder / "empty",
             folder / "text",
             folder / "unreadable",
             folder / "text" / "below-a-file",
             folder / std::string(300, 'x'),
             fs::path(std::string(5000, 'x')),
             folder / "\xff\xfe not UTF-8",
             "/dev/null",
             "/proc/self/mem"};
  }

  ScratchFolder folder;
  std::vector<fs::path> paths;
};

class ErrorsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<ScratchFolder>();
    write_random_checkpoint(folder_->path(), checkpoint_shape("tiny"), {}, {});
  }
  static void TearDownTestSuite() { folder_.reset(); }
  static Model load() { return Model::load(folder_->path()); }

  /// A copy of the checkpoint, to be spoilt.
  static std::unique_ptr<ScratchFolder> copy() {
    auto copied = std::make_unique<ScratchFolder>();
    fs::copy(folder_->path(), copied->path(), fs::copy_options::recursive);
    return copied;
  }

  static std::unique_ptr<ScratchFolder> folder_;
};

std::unique_ptr<ScratchFolder> ErrorsTest::folder_;

TEST_F(ErrorsTest, OfWhatIsNoCheckpointAreOwl3s) {
  const BadPaths bad;
  for (const fs::path& path : bad.paths) {
    expect_plain_error("model " + path.string(), [&] { Model::load(path); });
    expect_plain_error("adapter " + path.string(), [&] {
      ModelOptions options;
      options.lora = {{path}};
      Model::load(folder_->path(), options);
    });
  }
  expect_plain_error("no bytes", [] { Model::load_gguf({}, "nothing"); });
  const std::string text = "GGUF but not really, though it begins like one";
  for (size_t length = 0; length <= text.size(); ++length) {
    expect_plain_error(
        "bytes", [&] { Model::load_gguf(std::as_bytes(std::span(text).first(length)), "memory"); });
  }
}

TEST_F(ErrorsTest, OfEveryFileOfACheckpointAreOwl3s) {
  const std::string contents[] = {"",
                                  "{",
                                  "[]",
                                  "null",
                                  "{\"a\": \"\xff\xfe\"}",
                                  "{\"a\": \"\\ud800\"}",
                                  "{\"a\": 1e999}",
                                  "{\"model\": {\"vocab\": {\"a\": -1}}, \"vocab_size\": 1e300}",
                                  std::string(100000, '['),
                                  std::string(300, '\0')};
  for (const char* name : {"config.json", "tokenizer.json", "model.safetensors"}) {
    ASSERT_TRUE(fs::exists(*folder_ / name));
    for (const std::string& content : contents) {
      const auto spoilt = copy();
      spoilt->write(name, content);
      expect_plain_error(std::string(name) + " of " + content.substr(0, 40),
                         [&] { Model::load(spoilt->path()); });
    }
    const BadPaths bad;
    for (const fs::path& path : bad.paths) {
      if (path.empty() || path.string().size() > 4000) continue;  // no link leads there
      const auto spoilt = copy();
      fs::remove(*spoilt / name);
      fs::create_symlink(path, *spoilt / name);
      expect_plain_error(std::string(name) + " -> " + path.string(),
                         [&] { Model::load(spoilt->path()); });
    }
  }
  const auto folders = copy();
  for (const char* name : {"generation_config.json", "model.safetensors.index.json"}) {
    fs::remove(*folders / name);
    fs::remove(*folders / "model.safetensors");
    fs::create_directory(*folders / name);
    expect_plain_error(name, [&] { Model::load(folders->path()); });
  }
}

TEST_F(ErrorsTest, OfACheckpointCutShortAnywhereAreOwl3s) {
  for (const char* name : {"config.json", "tokenizer.json", "model.safetensors"}) {
    const auto spoilt = copy();
    const auto size = static_cast<double>(fs::file_size(*spoilt / name));
    for (const double part : {0.99, 0.9, 0.5, 0.1, 0.01, 0.001}) {
      fs::resize_file(*spoilt / name, static_cast<uintmax_t>(size * part));
      expect_plain_error(name, [&] { Model::load(spoilt->path()); });
    }
  }
}

TEST_F(ErrorsTest, OfModelOptionsAreOwl3s) {
  for (const int threads :
       {-1, 1025, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()}) {
    ModelOptions options;
    options.threads = threads;
    expect_plain_error("threads", [&] { Model::load(folder_->path(), options); });
  }
  for (const double scale : {kNan, kInfinity}) {
    ModelOptions options;
    options.lora = {{folder_->path(), scale}};
    expect_plain_error("scale", [&] { Model::load(folder_->path(), options); });
  }
  const Model model = load();
  for (const char* name : {"", "eva", "sample "}) {
    expect_plain_error("preset", [&] { model.preset(name); });
    expect_plain_error("preset", [&] { generation_preset(name); });
  }
}

TEST_F(ErrorsTest, OfImagesAndFilmsAreOwl3s) {
  VisualMemory memory(load());
  const BadPaths bad;
  for (const fs::path& path : bad.paths) {
    expect_plain_error("image " + path.string(), [&] { memory.add_image(path); });
    expect_plain_error("film " + path.string(), [&] { memory.add_video(path); });
  }
  const std::string jpeg = read_text(kImage);
  for (const size_t length : {0U, 1U, 2U, 20U, 200U, 700U}) {
    const std::vector<ImageBytes> images = {
        {"bytes", std::as_bytes(std::span(jpeg).first(length))}};
    expect_plain_error("bytes of an image", [&] { memory.add_images(images); });
  }
  const std::vector<ImageBytes> nothing = {{}};
  expect_plain_error("no bytes", [&] { memory.add_images(nothing); });
}

TEST_F(ErrorsTest, OfVideoOptionsAreOwl3s) {
  VisualMemory memory(load());
  const auto refused = [&](const char* what, const auto& change) {
    VideoOptions options;
    change(options);
    expect_plain_error(what, [&] { memory.add_video(kFilm, options); });
  };
  for (const double fps : {0.0, -1.0, kNan, kInfinity}) {
    refused("fps", [&](VideoOptions& options) { options.fps = fps; });
  }
  for (const int64_t most : {int64_t{0}, int64_t{-1}, std::numeric_limits<int64_t>::min()}) {
    refused("max_frames", [&](VideoOptions& options) { options.max_frames = most; });
  }
  for (const double seconds : {-1.0, kNan, kInfinity, 1e308}) {
    refused("start", [&](VideoOptions& options) { options.start_seconds = seconds; });
  }
  for (const double seconds : {-1.0, kNan, kInfinity}) {
    refused("end", [&](VideoOptions& options) { options.end_seconds = seconds; });
  }
  for (const int threads :
       {-1, 1025, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()}) {
    refused("threads", [&](VideoOptions& options) { options.threads = threads; });
  }
}

TEST_F(ErrorsTest, OfFramesChosenByNumberAreOwl3s) {
  VisualMemory memory(load());
  const BadPaths bad;
  const FrameChooser first = [](int64_t, double) { return std::vector<int64_t>{0}; };
  for (const fs::path& path : bad.paths) {
    expect_plain_error("film " + path.string(), [&] { memory.add_frames(path, first); });
  }
  expect_plain_error("no chooser", [&] { memory.add_frames(kFilm, {}); });
  for (const std::vector<int64_t>& wrong :
       {std::vector<int64_t>{}, {-1}, {1, 0}, {std::numeric_limits<int64_t>::max()}}) {
    expect_plain_error("numbers",
                       [&] { memory.add_frames(kFilm, [&](int64_t, double) { return wrong; }); });
  }
  EXPECT_THROW(
      memory.add_frames(kFilm, [](int64_t, double) -> std::vector<int64_t> { throw CallersOwn(); }),
      CallersOwn);
}

TEST_F(ErrorsTest, OfQuestionsAndTheirOptionsAreOwl3s) {
  const Model model = load();
  VisualMemory memory(model);
  const Medium film = memory.add_video(kFilm);
  Chat chat(model);
  const auto refused = [&](const char* what, const auto& change) {
    GenerationOptions options = generation_preset("greedy");
    options.max_new_tokens = 1;
    change(options);
    expect_plain_error(what, [&] { chat.ask("Why?", {}, options); });
  };
  for (const double value : {0.0, -1.0, kNan, kInfinity}) {
    refused("temperature", [&](GenerationOptions& options) { options.temperature = value; });
    refused("penalty", [&](GenerationOptions& options) { options.repetition_penalty = value; });
    refused("top_p", [&](GenerationOptions& options) { options.top_p = value; });
  }
  for (const double value : {-1.0, 1.1, kNan}) {
    refused("min_p", [&](GenerationOptions& options) { options.min_p = value; });
  }
  for (const int64_t value : {int64_t{0}, int64_t{-1}, std::numeric_limits<int64_t>::min()}) {
    refused("max_new_tokens", [&](GenerationOptions& options) { options.max_new_tokens = value; });
    refused("num_beams", [&](GenerationOptions& options) { options.num_beams = value; });
  }
  refused("num_beams", [](GenerationOptions& options) { options.num_beams = kMaxBeams + 1; });
  refused("top_k", [](GenerationOptions& options) { options.top_k = -1; });
  refused("stop", [](GenerationOptions& options) { options.stop = {""}; });

  const GenerationOptions greedy = generation_preset("greedy");
  for (const std::string text : {"<image>", "\xff\xfe", "a \xc3", "<video><video>"}) {
    expect_plain_error(text, [&] { chat.ask(text, {film}, greedy); });
    expect_plain_error(text, [&] { chat.add_exchange(text, {film}, "yes"); });
  }
  expect_plain_error("answer", [&] { chat.add_exchange("Why?", {}, "\xff\xfe"); });
  expect_plain_error("system", [&] { Chat(model, {"\xff\xfe"}); });
  expect_plain_error("another's", [&] { Chat(load()).ask("Why?", {film}, greedy); });
  std::string endless;
  for (int64_t i = 0; i <= model.context_length(); ++i) endless += "word ";
  expect_plain_error("too long", [&] { chat.ask(endless, {}, greedy); });
  EXPECT_NO_THROW(chat.ask("Why?", {film}, generation_preset("eval")));
}

TEST_F(ErrorsTest, OfNamesOfImagesAreOwl3s) {
  const BadPaths bad;
  const std::vector<std::string> names = {"",
                                          bad.folder / "missing",
                                          bad.folder / "folder",
                                          bad.folder / "text" / "below-a-file",
                                          bad.folder / std::string(300, 'x'),
                                          std::string(5000, '/'),
                                          std::string(5000, '*'),
                                          bad.folder / "loop" / "*.jpg",
                                          bad.folder / "text" / "*.jpg",
                                          "[",
                                          "\xff\xfe*",
                                          "/proc/self/fd/*.jpg"};
  for (const std::string& name : names) {
    expect_plain_error(name, [&] { find_image_files({name}); });
  }
}

/// Fails unless what the n-th call of a callback throws comes out of `action` as it was.
template <typename Thrown, typename Action>
void expect_thrown_as_it_is(const std::string& what, const Thrown& thrown, int64_t stride,
                            const Action& action) {
  for (int64_t n = 1;; n += stride) {
    SCOPED_TRACE(what + ", call " + std::to_string(n));
    int64_t calls = 0;
    const auto call = [&] {
      if (++calls == n) throw thrown;
      return true;
    };
    try {
      action(call);
      EXPECT_LT(calls, n) << "what was thrown was lost";
      EXPECT_GT(n, 1) << "the callback was never called";
      return;
    } catch (const Thrown&) {
      EXPECT_EQ(calls, n);
    }
  }
}

TEST_F(ErrorsTest, OfCallbacksLeaveAsTheyAre) {
  const Model model = load();
  GenerationOptions greedy = generation_preset("greedy");
  greedy.max_new_tokens = 3;
  const auto try_all = [&](const std::string& what, const auto& thrown) {
    expect_thrown_as_it_is(what + " of a question", thrown, 1, [&](const auto& call) {
      Chat(model).ask(
          "Why?", {}, greedy, [&](auto) { return call(); }, [&](auto...) { return call(); });
    });
    const auto progress = [](const auto& call) { return [&](auto...) { return call(); }; };
    expect_thrown_as_it_is(what + " of an image", thrown, 1, [&](const auto& call) {
      VisualMemory(model).add_image(kImage, {}, progress(call));
    });
    expect_thrown_as_it_is(what + " of a film", thrown, 37, [&](const auto& call) {
      VideoOptions few;
      few.max_frames = 2;
      VisualMemory(model).add_video(kFilm, few, progress(call));
    });
  };
  try_all("a runtime_error", std::runtime_error("the caller's"));
  try_all("a bad_alloc", std::bad_alloc());
  try_all("an int", 7);
  try_all("a type of the caller's", CallersOwn());
  try_all("an owl3::Error", Error("by the caller"));
}

/// Whose allocations are counted and fail. Those of several threads never come in the same order
/// twice; those of each do.
enum class Whose { kEverybodys, kCallers, kOtherThreads };

/// Runs `action` with no memory from the n-th allocation on, for n = 1, 1 + stride, ..., until it
/// comes through; fails for whatever but OutOfMemory it throws. -> how often it threw.
template <typename Action>
int64_t run_out_of_memory(const std::string& what, int64_t stride, bool lasting,
                          const Action& action, Whose whose = Whose::kEverybodys) {
  SCOPED_TRACE(what);
  int64_t failed = 0;
  for (int64_t n = 1;; n += stride) {
    std::atomic<int64_t> calls = 0;
    std::exception_ptr thrown;
    {
      const AllocationHook hook([&, caller = std::this_thread::get_id()] {
        const bool callers = std::this_thread::get_id() == caller;
        if (whose != Whose::kEverybodys && callers != (whose == Whose::kCallers)) return;
        const int64_t call = ++calls;
        if (call == n || (lasting && call > n)) throw std::bad_alloc();
      });
      try {
        action();
      } catch (...) {
        thrown = std::current_exception();
      }
    }
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const OutOfMemory&) {
      ++failed;
    } catch (const std::exception& error) {
      ADD_FAILURE() << "allocation " << n << ": " << error.what();
    }
    if (testing::Test::HasFailure()) return failed;
    if (calls >= n) continue;
    EXPECT_FALSE(thrown) << "nothing failed, but what had failed before left something broken";
    return failed;
  }
}

TEST_F(ErrorsTest, OfMemoryAreOutOfMemoryWhereverItEnds) {
  ModelOptions one_thread;
  one_thread.threads = 1;
  one_thread.precision = Precision::kFloat32;  // without oneDNN, which does not survive these
  const Model model = Model::load(folder_->path(), one_thread);
  // A pattern, as libstdc++ itself ends the program where its iterator of folders lacks memory.
  const std::vector<std::string> names = {(kImage.parent_path() / "*.*").string()};
  VideoOptions few;
  few.max_frames = 2;
  few.threads = 1;
  // The codecs are loaded before: what libraries do when they are loaded ends the program where
  // there is no memory for it.
  VisualMemory(model).add_video(kFilm, few);
  // Once only, and one thread's alone: nlohmann's destructors end the program where there is none
  // for them, which these places in the order of a thread don't meet.
  for (const Whose whose : {Whose::kCallers, Whose::kOtherThreads}) {
    EXPECT_GT(run_out_of_memory(
                  "a model", 37, false, [&] { Model::load(folder_->path(), one_thread); }, whose),
              10);
  }
  for (const bool lasting : {false, true}) {
    EXPECT_GT(
        run_out_of_memory("an image", 5, lasting, [&] { VisualMemory(model).add_image(kImage); }),
        3);
    EXPECT_GT(run_out_of_memory("a film", 17, lasting,
                                [&] { VisualMemory(model).add_video(kFilm, few); }),
              3);
    EXPECT_GT(run_out_of_memory("names", 5, lasting, [&] { find_image_files(names); }), 10);
    EXPECT_GT(run_out_of_memory("a conversation", 1, lasting, [&] { Chat{model}; }), 0);
    run_out_of_memory("what a model says", 1, lasting, [&] {
      model.device();
      model.preset("eval");
      model.generation_defaults();
      model.variant();
    });
  }
}

}  // namespace
}  // namespace owl3
