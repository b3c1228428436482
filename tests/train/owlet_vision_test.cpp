// The encoder that is part of the repository: it sees what pictures show, and a new decoder finds
// them by words.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/mapped_file.h"
#include "owlet/language.h"
#include "owlet/scene_maker.h"
#include "text/tokenizer.h"
#include "train/attention_heads.h"
#include "train/finding_heads.h"
#include "train/model_files.h"
#include "train/siglip_pretraining.h"

namespace owl3::train {
namespace {

using torch::Tensor;

constexpr int kPictures = 100;
const std::filesystem::path kFolder = OWL3_SOURCE_DIR "/models/owlet-vision";

std::string text_of(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

/// Held-out pictures of one thing each whose name is one token, and the tokens.
struct Pictures {
  Tensor pixels;               // [n, 3, 64, 64]
  std::vector<int64_t> names;  // [n]
};

Pictures held_out_pictures(const Tokenizer& tokenizer) {
  const Artwork artwork;
  const SceneMaker maker(artwork, Split::kTest);
  Random random{uint64_t{17}};
  Pictures pictures{torch::empty({kPictures, 3, 64, 64}), {}};
  auto* values = pictures.pixels.data_ptr<float>();
  while (pictures.names.size() < kPictures) {
    const Scene scene = maker.make(SceneKind::kLarge, random);
    const auto name = tokenizer.encode(fmt::format(" {}", noun(scene.objects.at(0).thing)));
    if (name.size() != 1) continue;
    normalize_pixels(render(scene, artwork, 64), values);
    values += 3 * 64 * 64;
    pictures.names.push_back(name[0]);
  }
  return pictures;
}

/// How many pictures get the highest score from their own name. scores [names, pictures]
int64_t right_names(const Tensor& scores, const std::vector<int64_t>& names) {
  const Tensor best = scores.argmax(0);
  int64_t right = 0;
  for (int i = 0; i < kPictures; ++i) {
    right += names[static_cast<size_t>(best[i].item<int64_t>())] == names[static_cast<size_t>(i)];
  }
  return right;
}

class OwletVision : public testing::Test {
 protected:
  const torch::NoGradGuard no_gradients_;
  const std::string tokenizer_json_ = text_of(kFolder / "tokenizer.json");
  const Tokenizer tokenizer_ = Tokenizer::from_json(tokenizer_json_, "tokenizer.json");
  const Pictures pictures_ = held_out_pictures(tokenizer_);

  LoadedModel new_decoder() const {
    const std::string config =
        R"({"hidden_size": 192, "num_hidden_layers": 6, "num_attention_heads": 3,
            "num_key_value_heads": 3, "intermediate_size": 512, "vocab_size": 1824,
            "hyper_layers": [1, 3, 5], "rope_theta": 100000, "tie_word_embeddings": true,
            "vision_config": {"hidden_size": 192, "num_hidden_layers": 7,
                              "num_attention_heads": 4, "intermediate_size": 512,
                              "image_size": 64, "patch_size": 16}})";
    LoadedModel model = new_model(config, "config.json", Variant::kGated, tokenizer_json_,
                                  {.seed = 1, .nearest_image = 4, .copying = 2.5});
    load_vision(model, kFolder);
    start_finding(*model.module, kFolder,
                  {1.5, 0.02, 1, *tokenizer_.id_of_added_token("<|image|>")});
    return model;
  }
};

TEST_F(OwletVision, ANewDecodersWordsFindHeldOutPictures) {
  LoadedModel loaded = new_decoder();
  auto parameters = loaded.module->named_parameters();
  const auto normalised = [](const Tensor& x) { return x / x.square().mean(-1, true).sqrt(); };
  const Tensor words = normalised(parameters["language_model.model.embed_tokens.weight"])
                           .index_select(0, torch::tensor(pictures_.names));
  // A picture's sixth token alone.   [n, hidden]
  const Tensor seen = normalised(torch::linear(loaded.module->encode_images(pictures_.pixels),
                                               parameters["vision2text_model.weight"],
                                               parameters["vision2text_model.bias"]))
                          .select(1, 5);
  AttentionHead finding(*loaded.module, 2, 0);
  const Tensor q = words.matmul(finding.rows("q_proj.weight").t());
  const Tensor k = seen.matmul(finding.visual_keys().t());
  EXPECT_GE(right_names(q.matmul(k.t()), pictures_.names), 85);
}

}  // namespace
}  // namespace owl3::train
