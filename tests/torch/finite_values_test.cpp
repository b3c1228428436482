// Not a number is never an answer of a device either: whether one was met comes with the logits.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>

#include "core/scratch_folder.h"
#include "formats/broken_weights.h"
#include "formats/random_checkpoint.h"
#include "formats/tensor_names.h"
#include "model/owl3_model.h"
#include "torch_device.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

/// A prompt with an image, and a token more; a step that fails leaves the text as it was.
void answer(const fs::path& path) {
  Owl3Model model(Checkpoint::open(path), test::torch_cpu(Precision::kBFloat16), {});
  const int64_t side = model.config().vision.image_size;
  Sequence sequence = model.decoder().new_sequence();
  sequence.images.push_back(
      {1, model.remember_images(random_tensor({1, 3, side, side}, 1)).front()});
  for (const std::vector<int32_t>& ids : {std::vector<int32_t>{5, 6, 7, 8}, {9}}) {
    const int64_t length = sequence.cache.length();
    const SequenceRows rows = {sequence, ids};
    try {
      const Tensor logits = model.decoder().next_logits({&rows, 1});
      ASSERT_EQ(logits.shape(), (Shape{1, model.config().vocab_size}));
      for (int64_t i = 0; i < logits.size(); ++i) ASSERT_TRUE(std::isfinite(logits.f32()[i]));
    } catch (const InputError&) {
      EXPECT_EQ(sequence.cache.length(), length);
      throw;
    }
  }
}

TEST(TorchFiniteValues, ABadValueInAnyTensorIsNamed) {
  const ScratchFolder folder;
  CheckpointShape shape = checkpoint_shape("tiny");
  shape.variant = Variant::kGated;
  write_random_checkpoint(folder.path(), shape, {}, nullptr);
  const std::string file = (folder.path() / "model.safetensors").string();
  const std::string sound = read_text(file);
  ASSERT_NO_THROW(answer(folder.path()));
  std::map<std::string, int64_t> places;
  {
    const Checkpoint checkpoint = Checkpoint::open(folder.path());
    for (const auto& tensor : expected_tensors(checkpoint.config(), checkpoint.variant())) {
      // A row of the embedding that the prompt holds; of other tensors somewhere in the middle.
      places[tensor.name] = tensor.name.ends_with("embed_tokens.weight")
                                ? 8 * tensor.shape[1] + 3
                                : checkpoint.tensor(tensor.name).size() * 2 / 3;
    }
  }
  for (const auto& [name, place] : places) {
    test::put_bad(file, name, place, test::Bad::kNan);
    const std::string message = message_of<InputError>([&] { answer(folder.path()); });
    EXPECT_TRUE(message.starts_with(file + ": tensor " + name + " holds ")) << message;
    std::ofstream(file, std::ios::binary) << sound;
  }
}

}  // namespace
}  // namespace owl3
