// Threads of models: each has its own number, which is nobody else's.
#include "core/threads.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <thread>

#include "core/scratch_folder.h"
#include "formats/random_checkpoint.h"
#include "owl3/owl3.h"

namespace owl3 {
namespace {

class ModelThreads : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<ScratchFolder>();
    write_random_checkpoint(folder_->path(), checkpoint_shape("tiny"), {}, {});
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static Model load(int threads) {
    ModelOptions options;
    options.threads = threads;
    return Model::load(folder_->path(), options);
  }

  /// Of a picture and a prompt long enough for oneDNN.
  static std::string answer(const Model& model) {
    VisualMemory memory(model);
    const std::filesystem::path images = std::filesystem::path(OWL3_TEST_DATA) / "images";
    const Medium image = memory.add_image(images / "08-RGB-200x150.jpg");
    GenerationOptions options = generation_preset("greedy");
    options.max_new_tokens = 8;
    Chat chat(model);
    return chat.ask(std::string(600, 'a') + "?", {image}, options).text;
  }

  static std::unique_ptr<ScratchFolder> folder_;
};

std::unique_ptr<ScratchFolder> ModelThreads::folder_;

std::string says(int threads) {
  return fmt::format("CPU, {} thread{},", threads, threads == 1 ? "" : "s");
}

TEST_F(ModelThreads, AreEachModelsOwn) {
  const int all = available_threads();
  const std::string expected = answer(load(1));
  for (const int threads : {all + 3, 1, all + 1, 0}) {
    const Model model = load(threads);
    EXPECT_TRUE(model.device().starts_with(says(threads > 0 ? threads : all))) << model.device();
    EXPECT_EQ(answer(model), expected);
    EXPECT_EQ(available_threads(), all);
  }
}

TEST_F(ModelThreads, AreEachModelsOwnAtTheSameTime) {
  const std::string expected = answer(load(1));
  std::vector<std::jthread> callers;
  for (const int threads : {1, 2, 3, 5}) {
    callers.emplace_back([&expected, threads] {
      const Model model = load(threads);
      EXPECT_TRUE(model.device().starts_with(says(threads))) << model.device();
      EXPECT_EQ(answer(model), expected);
    });
  }
}

int threads_of_this_process() {
  const std::filesystem::directory_iterator threads("/proc/self/task");
  return static_cast<int>(std::distance(begin(threads), end(threads)));
}

TEST_F(ModelThreads, AreNotTheHostsNorTheHostsTheirs) {
  std::thread([] {
    const int before = threads_of_this_process();
    omp_set_num_threads(5);
    const Model three = load(3);
    answer(three);
    EXPECT_EQ(omp_get_max_threads(), 5);
    // The one that computes and its two helpers, and none of OpenMP's.
    EXPECT_LE(threads_of_this_process(), before + 3);
    EXPECT_TRUE(load(0).device().starts_with(says(available_threads())));
    EXPECT_EQ(omp_get_max_threads(), 5);
  }).join();
}

}  // namespace
}  // namespace owl3
