// What is left of frames that a live conversation has forgotten: answers of owlet behind a window
// that has slid over many frames, against the same window read afresh.
#include <gtest/gtest.h>

#include <cmath>

#include "api/impl.h"
#include "api/live_text.h"
#include "media/image.h"
#include "owl3/owl3.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kWindow = 12;
constexpr int64_t kFrames = 96;
const std::vector<std::string> kQuestions = {"What comes last?", "What colour is the ground?",
                                             "What comes first?", "What is in image 3?"};

Model open_owlet() {
  ModelOptions options;
  options.precision = Precision::kFloat32;
  return Model::load(fs::path(OWL3_SOURCE_DIR) / "models" / "owlet.gguf", options);
}

/// The album's pictures, in an order that goes on for ever.
std::vector<Image> album() {
  std::vector<Image> pictures;
  for (int i = 1; i <= 40; ++i) {
    pictures.push_back(
        load_image(fs::path(OWL3_SOURCE_DIR) / "demo" / "album" / fmt::format("{:02}.jpg", i)));
  }
  return pictures;
}
const Image& frame(const std::vector<Image>& pictures, int64_t number) {
  return pictures[static_cast<size_t>(number * 7 + number / 40 * 3) % pictures.size()];
}

LiveChatOptions window(int64_t frames) {
  LiveChatOptions options;
  options.window_frames = frames;
  return options;
}
void append(LiveChat& chat, const Image& image, int64_t when) {
  chat.append({image.width, image.height, image.rgb, static_cast<double>(when)});
}

struct Agreement {
  int asked = 0;
  int same = 0;
};

/// Answers to questions again and again, as the window slides.
Agreement agreement(const std::vector<std::string>& questions, bool exact) {
  const Model model = open_owlet();
  const std::vector<Image> pictures = album();
  GenerationOptions greedy = generation_preset("greedy");
  greedy.max_new_tokens = 20;
  LiveChatOptions options = window(kWindow);
  options.exact = exact;
  LiveChat slid(model, options);
  Agreement agreed;
  for (int64_t now = 0; now < kFrames; ++now) {
    append(slid, frame(pictures, now), now);
    if (now < 2 * kWindow || now % 12 != 0) continue;
    LiveChat fresh(model, window(kWindow));
    for (int64_t i = now - kWindow + 1; i <= now; ++i) append(fresh, frame(pictures, i), i);
    for (const std::string& question : questions) {
      ++agreed.asked;
      const Answer expected = fresh.ask_aside(question, greedy);
      if (slid.ask_aside(question, greedy).text == expected.text) ++agreed.same;
    }
  }
  return agreed;
}

TEST(LiveExactness, OwletSaysWhatComesLastAsBehindTheWindowReadAfresh) {
  const Agreement agreed = agreement({"What comes last?"}, false);
  EXPECT_GE(agreed.same, agreed.asked * 3 / 4) << "of " << agreed.asked;
}

TEST(LiveExactness, ReadAnewForAQuestionNothingIsLeftOfWhatIsForgotten) {
  const Agreement agreed = agreement({"What comes last?", "What comes first?"}, true);
  EXPECT_EQ(agreed.same, agreed.asked);
}

/// A text with its images, as a live conversation reads it.
struct Read {
  LiveText text;
  Sequence sequence;
};

PromptBuilder beginning(const Internals::LoadedModel& loaded) {
  PromptBuilder prompt(loaded.tokenizer, loaded.model.checkpoint().variant());
  prompt.add({Role::kSystem, ""});
  return prompt;
}

Read read_beginning(Internals::LoadedModel& loaded) {
  Read read{LiveText(beginning(loaded)), loaded.model.decoder().new_sequence(1)};
  loaded.model.decoder().forward(read.sequence, read.text.ids_from(0));
  read.sequence.cache.keep_beginning();
  return read;
}

void slide(Internals::LoadedModel& loaded, Read& read, const ImageMemoryPtr& image) {
  Sequence& sequence = read.sequence;
  if (static_cast<int64_t>(sequence.images.size()) == kWindow) {
    sequence.images.erase(sequence.images.begin());
    read.text.forget_frame();
    sequence.cache.forget(sequence.images.front().token_index);
  }
  const std::vector<int32_t> ids = read.text.ids_of_frames(1);
  sequence.images.push_back({read.text.tokens() + static_cast<int64_t>(ids.size()) - 1, image});
  loaded.model.decoder().forward(sequence, ids);
  read.text.add_frames(1);
}

/// The first token's, behind a question.
Tensor logits(Internals::LoadedModel& loaded, const Read& read, const std::string& question) {
  Sequence fork = read.sequence.fork();
  const std::vector<int32_t> ids = read.text.with_question(question).prompt().ids;
  return prefill(loaded.model, fork,
                 std::span(ids).subspan(static_cast<size_t>(fork.cache.length())));
}

Read anew(Internals::LoadedModel& loaded, const Read& slid) {
  Read read{slid.text.anew(int64_t{1} << 20), loaded.model.decoder().new_sequence()};
  const std::vector<int64_t> positions = read.text.frame_positions();
  for (size_t i = 0; i < positions.size(); ++i) {
    read.sequence.images.push_back({positions[i], slid.sequence.images[i].memory});
  }
  loaded.model.decoder().forward(read.sequence, read.text.ids_from(0));
  return read;
}

double kullback_leibler(const Tensor& truth, const Tensor& other) {
  const auto log_sum = [](const Tensor& x) {
    double sum = 0;
    for (int64_t i = 0; i < x.size(); ++i) sum += std::exp(double{x.f32()[i]});
    return std::log(sum);
  };
  const double truth_sum = log_sum(truth), other_sum = log_sum(other);
  double divergence = 0;
  for (int64_t i = 0; i < truth.size(); ++i) {
    const double p = double{truth.f32()[i]} - truth_sum;
    divergence += std::exp(p) * (p - (double{other.f32()[i]} - other_sum));
  }
  return divergence;
}

TEST(LiveExactness, LogitsDifferOnlyOnceSomethingIsForgotten) {
  const Model model = open_owlet();
  auto& loaded = Internals::of(model);
  const std::vector<Image> pictures = album();
  const auto size = static_cast<int>(loaded.model.config().vision.image_size);
  std::vector<ImageMemoryPtr> memories;
  for (const Image& picture : pictures) {
    Tensor pixels = make_tensor(DType::kF32, {1, 3, size, size});
    normalize_pixels(resize_bicubic(picture, size, size), pixels.f32());
    memories.push_back(loaded.model.remember_images(pixels).front());
  }
  Read slid = read_beginning(loaded);
  double sum = 0;
  int count = 0;
  for (int64_t now = 0; now < kFrames; ++now) {
    slide(loaded, slid, memories[static_cast<size_t>(now * 7 + now / 40 * 3) % memories.size()]);
    const bool forgets_nothing = now < kWindow;
    if (now % 18 != 0 || (!forgets_nothing && now < 2 * kWindow)) continue;
    const Read fresh = anew(loaded, slid);
    for (const std::string& question : kQuestions) {
      const Tensor expected = logits(loaded, fresh, question);
      const double divergence = kullback_leibler(expected, logits(loaded, slid, question));
      if (forgets_nothing) {
        EXPECT_LT(divergence, 1e-6) << now;
      } else {
        sum += divergence;
        ++count;
      }
    }
  }
  EXPECT_LT(sum / count, 0.1) << "nats, of " << count;
}

}  // namespace
}  // namespace owl3
