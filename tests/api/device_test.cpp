// Conversations with a model on a device whose memory nobody but its backend reads: images, beams,
// adapters and int8 all give what they give on the CPU.
#include <gtest/gtest.h>

#include "api/impl.h"
#include "backend/guarded_backend.h"
#include "backend/make_backend.h"
#include "core/scratch_folder.h"
#include "formats/adapter_files.h"
#include "formats/random_checkpoint.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

const fs::path kImages = fs::path(OWL3_TEST_DATA) / "images";

/// What is asked on each device.
struct Setting {
  const char* name;
  bool int8 = false;
  bool adapted = false;
  int64_t num_beams = 1;
};

void PrintTo(const Setting& setting, std::ostream* out) {
  *out << setting.name;
}

class DeviceChat : public testing::TestWithParam<Setting> {
 protected:
  DeviceChat() {
    write_random_checkpoint(folder_.path(), checkpoint_shape("tiny"), {}, {});
    options_.vision_int8 = options_.visual_memory_int8 = GetParam().int8;
    if (GetParam().adapted) {
      const Checkpoint checkpoint = Checkpoint::open(folder_.path());
      write_adapter(adapter_.path(), linear_layers(checkpoint), {});
      options_.lora.push_back({adapter_.path(), 0.5});
    }
  }

  Model load(std::unique_ptr<Backend> backend) const {
    return Internals::LoadedModel::load(CheckpointSource::open(folder_.path()), std::move(backend),
                                        options_);
  }

  /// Two questions about two images, the second of which is one that was seen before.
  static std::vector<std::string> answers_of(const Model& model) {
    VisualMemory memory(model);
    ImageOptions whole;
    whole.cut = false;
    const Medium first = memory.add_image(kImages / "08-RGB-200x150.jpg", whole);
    const Medium cut = memory.add_image(kImages / "08-RGB-200x150.jpg");
    GenerationOptions options = generation_preset("greedy");
    options.max_new_tokens = 24;
    options.num_beams = GetParam().num_beams;
    Chat chat(model);
    std::vector<std::string> answers;
    answers.push_back(chat.ask("What is <image> beside <image>?", {first, cut}, options).text);
    answers.push_back(chat.ask("And now?", {first}, options).text);
    return answers;
  }

  ScratchFolder folder_, adapter_;
  ModelOptions options_;
};

INSTANTIATE_TEST_SUITE_P(All, DeviceChat,
                         testing::Values(Setting{"sampled"}, Setting{"int8", true},
                                         Setting{"adapted", false, true},
                                         Setting{"beams", false, false, 3}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(DeviceChat, AnswersAsOnTheCpu) {
  const std::vector<std::string> here = answers_of(load(make_backend(options_)));
  const std::vector<std::string> there =
      answers_of(load(std::make_unique<GuardedBackend>(make_backend(options_))));
  EXPECT_FALSE(here[0].empty());
  EXPECT_EQ(there, here);
}

}  // namespace
}  // namespace owl3
