// Conversations and visual memory after something failed in them, at every place where it can: each
// allocation, each operation of the backend, each call of a callback. They go on, bit for bit, as
// if nothing had been tried.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <ostream>
#include <thread>

#include "api/allocation_hook.h"
#include "api/impl.h"
#include "api/watched_backend.h"
#include "backend/cpu/cpu_backend.h"
#include "core/scratch_folder.h"
#include "formats/random_checkpoint.h"
#include "media/encode_png.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

const fs::path kImage = fs::path(OWL3_TEST_DATA) / "images" / "08-RGB-200x150.jpg";

/// Fails at the n-th call, or from it on: memory that has run out stays so for a while.
class Failure {
 public:
  void arm(int64_t at, bool lasting) {
    calls_ = 0;
    at_ = at;
    lasting_ = lasting;
  }
  /// -> whether the n-th call came.
  bool disarm() {
    const bool came = calls_ >= at_;
    at_ = 0;
    return came;
  }
  void operator()() {
    if (at_ == 0) return;
    ++calls_;
    if (calls_ == at_ || (lasting_ && calls_ > at_)) throw std::bad_alloc();
  }

 private:
  int64_t calls_ = 0;
  int64_t at_ = 0;  // 0: never
  bool lasting_ = false;
};

class FailuresTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<ScratchFolder>();
    write_random_checkpoint(folder_->path(), checkpoint_shape("tiny"), {}, {});
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static Model load(const std::function<void()>& watch, ModelOptions options = {}) {
    CpuOptions cpu;
    cpu.threads = 1;  // operations are small, and what fails is in this thread
    options.precision = Precision::kFloat32;
    cpu.matrix_product = MatrixProduct::kFloat32;
    return Internals::LoadedModel::load(
        CheckpointSource::open(folder_->path()),
        std::make_unique<WatchedBackend>(std::make_unique<CpuBackend>(cpu), watch), options);
  }

  static ImageOptions whole_image() {
    ImageOptions whole;
    whole.cut = false;
    return whole;
  }

  static std::unique_ptr<ScratchFolder> folder_;
};

std::unique_ptr<ScratchFolder> FailuresTest::folder_;

GenerationOptions plain(int64_t tokens) {
  GenerationOptions options = generation_preset("sample");
  options.max_new_tokens = tokens;
  options.temperature = 3;  // the least difference in logits shows
  options.seed = 5;
  return options;
}

/// A conversation under test: one exchange with an image is behind it.
Chat begun(const Model& model, const Medium& image) {
  ChatOptions options;
  options.number_images = true;
  Chat chat(model, options);
  chat.ask("What is this?", {image}, plain(4));
  return chat;
}

/// What a conversation says next, to a question that shows whether its images, their numbers, its
/// text and its cache are what they were.
std::string next_words(Chat& chat, const Medium& image) {
  const Answer answer = chat.ask("And this?", {image, image}, plain(6));
  return fmt::format("{} {} {} {} {}", answer.prompt_tokens, answer.prefilled_tokens, chat.tokens(),
                     chat.cache_bytes(), answer.text);
}

template <typename Action>
bool runs_out_of_memory(const Action& action) {
  try {
    action();
    return false;
  } catch (const OutOfMemory&) {
    return true;
  } catch (const std::bad_alloc&) {  // for the arguments of the call
    return true;
  }
}

struct Places {
  const char* name;
  bool allocations = false;  // else the operations of the backend
  bool lasting = false;
  int64_t num_beams = 1;
  int64_t stride = 1;  // not every n, for the sake of time
};

/// The name of a test has no room for bytes.
void PrintTo(const Places& places, std::ostream* out) {
  *out << places.name;
}

class FailureAtEveryPlace : public FailuresTest, public testing::WithParamInterface<Places> {
 protected:
  FailureAtEveryPlace()
      : model_(load([this] {
          if (!GetParam().allocations) failure_();
        })),
        memory_(model_),
        image_(memory_.add_image(kImage, whole_image())) {}

  /// Does something to a conversation, with a failure at the n-th place for n = 1, 2, ... until it
  /// comes through; -> how many failed. What they leave is looked at after each, and goes on to be
  /// asked after every fourth.
  template <typename Action>
  int64_t fail_everywhere(const Action& action) {
    Chat untried = begun(model_, image_);
    const int64_t tokens = untried.tokens();
    const size_t cache_bytes = untried.cache_bytes();
    const std::string expected = next_words(untried, image_);
    const AllocationHook hook([&] {
      if (GetParam().allocations) failure_();
    });
    Chat chat = begun(model_, image_);
    int64_t failed = 0;
    for (int64_t n = 1;; n += GetParam().stride) {
      failure_.arm(n, GetParam().lasting);
      const bool threw = runs_out_of_memory([&] { action(chat); });
      if (!failure_.disarm()) return failed;
      if (!threw) {  // done without what it wanted memory for
        chat = begun(model_, image_);
        continue;
      }
      EXPECT_EQ(chat.tokens(), tokens);
      EXPECT_EQ(chat.cache_bytes(), cache_bytes);
      if (++failed % 4 == 0) {
        EXPECT_EQ(next_words(chat, image_), expected) << "after failure " << n;
        chat = begun(model_, image_);
      }
      if (HasFailure()) return failed;
    }
  }

  Failure failure_;
  Model model_;
  VisualMemory memory_;
  Medium image_;
};

/// Of what computes nothing.
class FailureOfMemoryAtEveryPlace : public FailureAtEveryPlace {};

constexpr auto kNameOfPlaces = [](const auto& places) { return std::string(places.param.name); };
const auto kPlacesOfMemory = testing::Values(Places{"allocation", true, false, 1, 3},
                                             Places{"memoryFromThere", true, true, 1, 3},
                                             Places{"memoryOfBeamsFromThere", true, true, 2, 11});

INSTANTIATE_TEST_SUITE_P(Operations, FailureAtEveryPlace,
                         testing::Values(Places{"operation", false, false, 1, 1},
                                         Places{"operationOfBeams", false, false, 2, 3}),
                         kNameOfPlaces);
INSTANTIATE_TEST_SUITE_P(Memory, FailureAtEveryPlace, kPlacesOfMemory, kNameOfPlaces);
INSTANTIATE_TEST_SUITE_P(Memory, FailureOfMemoryAtEveryPlace, kPlacesOfMemory, kNameOfPlaces);

TEST_P(FailureAtEveryPlace, OfAQuestionLeavesTheConversationAsItWas) {
  GenerationOptions options = plain(3);
  options.num_beams = GetParam().num_beams;
  options.do_sample = options.num_beams == 1;
  std::string shown;
  const int64_t failed = fail_everywhere([&](Chat& chat) {
    chat.ask("<image>\nWhich of the two is larger?", {image_}, options, [](auto) { return true; });
  });
  EXPECT_GT(failed, 50);
}

TEST_P(FailureOfMemoryAtEveryPlace, OfAnExchangeLeavesTheConversationAsItWas) {
  const int64_t failed = fail_everywhere([&](Chat& chat) {
    chat.add_exchange("And this?", {image_, image_}, "A bird, I think.");
  });
  EXPECT_GT(failed, 0);
}

TEST_P(FailureOfMemoryAtEveryPlace, OfStartingAnewLeavesTheConversationAsItWas) {
  fail_everywhere([](Chat& chat) { chat.clear(); });
}

class ThrowingCallback : public FailuresTest {};

TEST_F(ThrowingCallback, LeavesTheConversationAsItWas) {
  const Model model = load([] {});
  VisualMemory memory(model);
  const Medium image = memory.add_image(kImage, whole_image());
  Chat untried = begun(model, image);
  const int64_t tokens = untried.tokens();
  const std::string expected = next_words(untried, image);
  struct CallersOwn {};
  for (const int64_t beams : {1, 2}) {
    GenerationOptions options = plain(3);
    options.num_beams = beams;
    options.do_sample = beams == 1;
    for (int64_t n = 1;; ++n) {
      int64_t calls = 0;
      const auto call = [&] {
        if (++calls != n) return true;
        if (n % 2 == 0) throw Interrupted("by the caller");
        throw CallersOwn();
      };
      Chat chat = begun(model, image);
      try {
        chat.ask(
            "Why?", {image}, options, [&](auto) { return call(); },
            [&](auto, auto, auto) { return call(); });
        EXPECT_LT(calls, n) << "what was thrown was lost";
        EXPECT_GT(n, 3);
        break;
      } catch (const CallersOwn&) {
      } catch (const Interrupted&) {
      }
      EXPECT_EQ(chat.tokens(), tokens);
      EXPECT_EQ(next_words(chat, image), expected) << "after call " << n;
    }
  }
}

TEST_F(FailuresTest, AnImageWhoseEncodingFailedIsEncodedAsIfItHadNotBeen) {
  Failure failure;
  ModelOptions options;
  options.vision_int8 = true;  // rounded when the first image comes
  const auto words_about = [](const Model& model, const Medium& image) {
    Chat chat(model);
    return chat.ask("What is this?", {image}, plain(8)).text;
  };
  const Model untried = load([] {}, options);
  const std::string expected = words_about(untried, VisualMemory(untried).add_image(kImage));
  int64_t failed = 0;
  for (bool done = false; !done; ++failed) {
    const Model model = load([&] { failure(); }, options);
    VisualMemory memory(model);
    failure.arm(1 + failed * 5, false);
    done = !runs_out_of_memory([&] { memory.add_image(kImage); });
    failure.disarm();
    EXPECT_EQ(words_about(model, memory.add_image(kImage)), expected) << failed;
  }
  EXPECT_GT(failed, 5);
}

TEST_F(FailuresTest, ImagesAreMadeReadyOnNoMoreThreadsThanTheModelMayUse) {
  ModelOptions options;
  options.threads = 1;
  const Model model = load([] {}, options);
  VisualMemory memory(model);
  const Image large = {2000, 1500, std::vector<uint8_t>(size_t{2000} * 1500 * 3, 90)};
  const std::string png = encode_png(large, 1);
  const std::vector<ImageBytes> images = {{"large", std::as_bytes(std::span(png))}};
  const auto caller = std::this_thread::get_id();
  std::thread::id computing;
  Internals::of(model).scheduler->compute([&] { computing = std::this_thread::get_id(); });
  std::atomic<int> others = 0;
  {
    // Whoever resizes has buffers of his own.
    const AllocationHook hook([&] {
      const auto id = std::this_thread::get_id();
      others += id == caller || id == computing ? 0 : 1;
    });
    memory.add_images(images);
  }
  EXPECT_EQ(others, 0);
}

TEST_F(FailuresTest, TheTokenizerIsParsedWhileTheWeightsAreMadeReady) {
  std::mutex mutex;
  std::condition_variable changed;
  bool weights_begun = false;
  bool overlapped = false;
  const auto opener = std::this_thread::get_id();
  // The other thread, which parses, goes on when the weights have been begun with: never, if they
  // wait for it.
  const AllocationHook hook([&] {
    if (std::this_thread::get_id() == opener) return;
    std::unique_lock lock(mutex);
    overlapped = changed.wait_for(lock, std::chrono::seconds(3), [&] { return weights_begun; });
  });
  load([&] {
    const std::lock_guard lock(mutex);
    weights_begun = true;
    changed.notify_all();
  });
  EXPECT_TRUE(overlapped);
}

}  // namespace
}  // namespace owl3
