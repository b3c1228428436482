#include "owlet/rows.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "owlet/catalogue.h"
#include "owlet/language.h"

namespace owl3 {

namespace {

constexpr std::string_view kMark = "<image>";
constexpr int kShortSequence = 12;
constexpr int kFindableBare = 8;  // images that can be told by counting alone

constexpr std::array<std::string_view, kRowKinds> kKindNames = {
    "siglip", "echo",   "text",   "pages", "lists",       "recall", "stage1",
    "stage2", "stage3", "single", "clip",  "distractors", "demo"};

std::vector<std::string> marks(size_t count) {
  return {count, std::string(kMark)};
}

std::string clip_block(size_t frames) {
  std::string block;
  for (size_t i = 0; i < frames; ++i) block += kMark;
  return block + "\n";
}

/// Only where the scene's one thing is, how many there are, or its shape; empty where there is none
/// of it.
std::string one_fact(const Scene& scene) {
  if (!scene.writing.empty() || scene.objects.empty()) return "";
  const SceneObject& object = scene.objects[0];
  if (scene.objects.size() > 1) {
    return object.place == Place::kNowhere ? number_word(static_cast<int>(scene.objects.size()))
                                           : "";
  }
  if (object.place != Place::kNowhere) return place_phrase(object.place);
  const Thing& thing = things()[static_cast<size_t>(object.thing)];
  return thing.is_shape() ? with_article(kShapes[static_cast<size_t>(thing.shape)]) : "";
}

std::string pick(Random& random, std::initializer_list<std::string_view> phrases) {
  return std::string(random.pick(std::vector<std::string_view>(phrases)));
}

}  // namespace

std::string_view name_of(RowKind kind) {
  return kKindNames[static_cast<size_t>(kind)];
}

std::optional<RowKind> row_kind_of(std::string_view name) {
  const auto found = std::find(kKindNames.begin(), kKindNames.end(), name);
  if (found == kKindNames.end()) return std::nullopt;
  return static_cast<RowKind>(found - kKindNames.begin());
}

void add_turn(Row& row, const Turn& turn, const std::string& before) {
  row.messages.push_back(before + turn.question);
  row.messages.push_back(turn.answer);
  row.tasks.push_back(turn.task);
  row.answers.push_back(turn.key);
}

void add_turns(Row& row, const std::vector<Turn>& turns, const std::string& before) {
  for (const Turn& turn : turns) add_turn(row, turn, row.messages.empty() ? before : "");
}

std::string image_block(Numbering numbering, const std::vector<std::string>& image_marks) {
  OWL3_CHECK(numbering != Numbering::kMixed);
  std::string block;
  for (size_t i = 0; i < image_marks.size(); ++i) {
    if (numbering == Numbering::kBefore) block += fmt::format("Image {}: ", i + 1);
    block += image_marks[i];
    if (numbering == Numbering::kAfter) {
      block += std::to_string(i + 1);
    } else {
      block += '\n';
    }
  }
  if (numbering == Numbering::kAfter) block += '\n';
  return block;
}

RowMaker::RowMaker(const Pool& pool, const SceneMaker& maker, const RowOptions& options)
    : pool_(&pool), maker_(&maker), options_(options) {
  OWL3_CHECK(options.max_images >= 1);
}

Row RowMaker::make(RowKind kind, int64_t index) const {
  Random random{options_.seed, static_cast<uint64_t>(maker_->split()), hash_text(name_of(kind)),
                static_cast<uint64_t>(index)};
  switch (kind) {
    case RowKind::kSiglip:
      return pair(index, random);
    case RowKind::kEcho:
      return make_echo_row(random);
    case RowKind::kText:
      return make_text_row(*maker_, random);
    case RowKind::kPages:
      return pages(random);
    case RowKind::kLists:
      return lists(ListForm::kDirect, random);
    case RowKind::kRecall:
      return lists(ListForm::kAny, random);
    case RowKind::kStage1:
      return caption_row(random);
    case RowKind::kStage2:
      return stage2(random);
    case RowKind::kStage3:
      return stage3(random);
    case RowKind::kSingle:
      return single(random.between(1, 4), random);
    case RowKind::kClip:
      return clip(/*describe_only=*/false, random);
    case RowKind::kDistractors:
      return distractors(index);
    case RowKind::kDemo:
      break;
  }
  return demo(index, random);
}

/// Picture `index` with its caption: what an image and a text encoder learn to match. Most captions
/// say nothing of ground and place: those alone tell most pictures of a batch apart, and what the
/// pictures show would hardly be learnt. Some say nothing but the place, the number or the shape,
/// which no others need: what pictures show tells nearly all of a batch apart.
Row RowMaker::pair(int64_t index, Random& random) const {
  const auto picture = static_cast<int>(index % pool_->scenes());
  const Scene& scene = pool_->scene(picture);
  Row row;
  row.pictures = {picture};
  const int draw = random.below(100);
  std::string text = caption(scene);
  if (draw < 80) text = contents_phrase(scene);
  if (draw < 8) text += fmt::format(" on {} ground", with_article(ground_name(scene)));
  if (const std::string fact = one_fact(scene); draw >= 20 && draw < 60 && !fact.empty()) {
    text = fact;
  }
  add_turn(row, {"caption", "", text, contents_key(scene)}, std::string(kMark));
  return row;
}

Row RowMaker::caption_row(Random& random) const {
  Row row;
  row.pictures = {random.below(pool_->scenes())};
  const Scene& scene = pool_->scene(row.pictures[0]);
  const Turn turn = random.chance(60) ? *ask_description(scene, ImageName::alone(), random)
                                      : *ask_name(scene, ImageName::alone(), random);
  add_turn(row, turn, image_block(Numbering::kBare, marks(1)));
  return row;
}

Row RowMaker::stage2(Random& random) const {
  const int draw = random.below(100);
  if (draw < 20) return captions(random);
  if (draw < 35) return captions_by_turns(random);
  if (draw < 65) return selective_caption(random);
  if (draw < 80) return reading(random);
  return clip(/*describe_only=*/true, random);
}

Row RowMaker::stage3(Random& random) const {
  const int draw = random.below(100);
  if (draw < 25) return single(random.between(1, 4), random);
  if (draw < 80) return sequence(sequence_length(random), random);
  return clip(/*describe_only=*/false, random);
}

/// Shown to whoever runs the demo: six pictures, a sequence of forty, a clip, and so on again.
Row RowMaker::demo(int64_t index, Random& random) const {
  const int64_t part = index % 8;
  if (part < 6) return single(3, random);
  return part == 6 ? sequence(std::min(40, options_.max_images), random)
                   : clip(/*describe_only=*/false, random);
}

Row RowMaker::single(int turns, Random& random) const {
  Row row;
  row.pictures = {random.below(pool_->scenes())};
  add_turns(row, converse(pool_->scene(row.pictures[0]), turns, random),
            image_block(Numbering::kBare, marks(1)));
  return row;
}

/// Up to max_images images: each doubling as often as the others, so that there are long ones in
/// earnest.
int RowMaker::sequence_length(Random& random) const {
  const int most = options_.max_images;
  if (random.chance(3)) return 1;
  if (most <= 2) return most;
  int doublings = 0;
  while (2 << (doublings + 1) <= most) ++doublings;
  const int low = 2 << random.between(0, doublings);
  return random.between(low, std::min(2 * low - 1, most));
}

Numbering RowMaker::numbering_for(int images, Random& random) const {
  if (options_.numbering != Numbering::kMixed) return options_.numbering;
  const int draw = random.below(100);
  if (draw < 80 || images > 40) return Numbering::kAfter;
  return draw < 90 ? Numbering::kBefore : Numbering::kBare;
}

/// Any pictures, none twice where there are enough; in short sequences some things come repeatedly,
/// to be counted and compared.
std::vector<int> RowMaker::pick_images(int count, Random& random) const {
  std::vector<int> pictures;
  const auto add = [&](int picture) {
    const bool known = std::find(pictures.begin(), pictures.end(), picture) != pictures.end();
    if (!known || pool_->scenes() < 2 * count) pictures.push_back(picture);
  };
  if (count >= 3 && count <= kShortSequence && random.chance(40)) {
    const int example = random.pick(pool_->single_scenes());
    const auto& same = pool_->scenes_of(pool_->scene(example).objects[0].thing);
    const int repeats = std::min({random.between(2, 5), count, static_cast<int>(same.size())});
    for (int i = 0; i < repeats; ++i) add(random.pick(same));
  }
  while (static_cast<int>(pictures.size()) < count) add(random.below(pool_->scenes()));
  random.shuffle(pictures);
  return pictures;
}

Row RowMaker::sequence(int images, Random& random) const {
  Row row;
  row.pictures = pick_images(images, random);
  const Numbering numbering = numbering_for(images, random);
  ImageSequence sequence;
  sequence.numbers = numbering != Numbering::kBare || images <= kFindableBare;
  for (const int picture : row.pictures) sequence.scenes.push_back(&pool_->scene(picture));
  // The longer the sequence, the more is asked about it: its images are read once for all.
  const int turns = images < 5 ? random.between(1, 4) : random.between(4, images < 40 ? 12 : 16);
  add_turns(row, converse(sequence, turns, random),
            image_block(numbering, marks(row.pictures.size())));
  return row;
}

/// "Describe each image.": three to six images, then their captions.
Row RowMaker::captions(Random& random) const {
  Row row;
  const int images = std::min(random.between(3, 6), options_.max_images);
  row.pictures = pick_images(images, random);
  std::string answer;
  std::vector<std::string> keys;
  for (size_t i = 0; i < row.pictures.size(); ++i) {
    const Scene& scene = pool_->scene(row.pictures[i]);
    answer += fmt::format("{}Image {}: {}.", i == 0 ? "" : " ", i + 1, caption(scene));
    keys.push_back(contents_key(scene));
  }
  const Numbering numbering = numbering_for(images, random);
  add_turn(row,
           {"captions", pick(random, {"Describe each image.", "Describe the images one by one."}),
            answer, fmt::format("{}", fmt::join(keys, ", "))},
           image_block(numbering, marks(row.pictures.size())));
  return row;
}

/// Images come one at a time, each with its caption.
Row RowMaker::captions_by_turns(Random& random) const {
  Row row;
  row.pictures = pick_images(std::min(random.between(3, 6), options_.max_images), random);
  for (const int picture : row.pictures) {
    const bool first = row.messages.empty();
    Turn turn = *ask_description(pool_->scene(picture), ImageName::alone(), random);
    if (!first) turn.question = pick(random, {"And this?", "And now?", "Describe this image."});
    add_turn(row, turn, image_block(Numbering::kBare, marks(1)));
  }
  return row;
}

/// "Describe image 2."
Row RowMaker::selective_caption(Random& random) const {
  Row row;
  const int images = std::min(random.between(2, 24), options_.max_images);
  row.pictures = pick_images(images, random);
  const Numbering numbering = images <= kFindableBare ? numbering_for(images, random)
                              : options_.numbering == Numbering::kBefore ? Numbering::kBefore
                                                                         : Numbering::kAfter;
  const std::string block = image_block(numbering, marks(row.pictures.size()));
  for (int turn = random.between(1, std::min(3, images)); turn > 0; --turn) {
    const int image = random.below(images);
    add_turn(row,
             *ask_description(pool_->scene(row.pictures[static_cast<size_t>(image)]),
                              ImageName::numbered(image + 1), random),
             row.messages.empty() ? block : "");
  }
  return row;
}

Row RowMaker::reading(Random& random) const {
  Row row;
  int picture = random.below(pool_->scenes());
  // A pool too small to have any writing gives a caption instead.
  for (int tries = 0; pool_->scene(picture).writing.empty() && tries < 500; ++tries) {
    picture = random.below(pool_->scenes());
  }
  row.pictures = {picture};
  auto turn = ask_writing(pool_->scene(picture), ImageName::alone(), random);
  if (!turn) turn = ask_description(pool_->scene(picture), ImageName::alone(), random);
  add_turn(row, *turn, image_block(Numbering::kBare, marks(1)));
  return row;
}

/// Frames stand as a film's do in the gated model: one mark after the other, then a new line.
Row RowMaker::clip(bool describe_only, Random& random) const {
  Row row;
  const int index = random.below(pool_->clips());
  const Clip& clip = pool_->clip(index);
  for (size_t i = 0; i < clip.frames.size(); ++i) {
    row.pictures.push_back(pool_->first_picture_of_clip(index) + static_cast<int>(i));
  }
  const std::string block = clip_block(clip.frames.size());
  if (describe_only) {
    add_turn(row, describe(clip, random), block);
  } else {
    add_turns(row, converse(clip, random.between(1, 4), random), block);
  }
  return row;
}

/// A question about one image among others, four rows each: its options, rotated. The number of
/// the others grows from question to question through a list, and begins again.
Row RowMaker::distractors(int64_t index) const {
  constexpr std::array<int, 9> kCounts = {0, 1, 5, 10, 20, 50, 100, 200, 400};
  const int64_t group = index / 4;
  Random random{options_.seed, static_cast<uint64_t>(maker_->split()), hash_text("distractors"),
                static_cast<uint64_t>(group)};
  Row row;
  row.group = group;
  row.distractors =
      std::min(kCounts[static_cast<size_t>(group / 2) % kCounts.size()], options_.max_images);
  row.by = group % 2 == 0 ? "content" : "number";
  const int target = random.pick(pool_->single_scenes());
  const int thing = pool_->scene(target).objects[0].thing;
  while (static_cast<int>(row.pictures.size()) < row.distractors) {
    const int picture = random.below(pool_->scenes());
    if (!shows(pool_->scene(picture), thing)) row.pictures.push_back(picture);
  }
  const int place = random.below(row.distractors + 1);
  row.pictures.insert(row.pictures.begin() + place, target);
  row.about = place + 1;

  const Numbering numbering =
      options_.numbering == Numbering::kMixed ? Numbering::kAfter : options_.numbering;
  Turn turn;
  if (row.by == "content") {
    row.options = choose_ground(pool_->scene(target), random).options;
    turn = {"ground behind", fmt::format("What colour is the ground behind the {}", noun(thing)),
            fmt::format("The ground behind the {} is {}.", noun(thing),
                        ground_name(pool_->scene(target))),
            std::string(ground_name(pool_->scene(target)))};
  } else {
    // Wrong options are things of the other images, where there are: a guess from them is wrong.
    row.options = {with_article(noun(thing))};
    for (int tries = 0; row.options.size() < 4; ++tries) {
      const Scene& other = pool_->scene(tries < 50 ? random.pick(row.pictures)
                                                   : random.pick(pool_->single_scenes()));
      if (other.objects.size() != 1) continue;
      const std::string option = with_article(noun(other.objects[0].thing));
      if (std::find(row.options.begin(), row.options.end(), option) == row.options.end()) {
        row.options.push_back(option);
      }
    }
    turn = {"name", fmt::format("What is in image {}", place + 1),
            fmt::format("Image {} shows {}.", place + 1, with_article(noun(thing))),
            std::string(noun(thing))};
  }
  std::rotate(row.options.begin(), row.options.begin() + index % 4, row.options.end());
  turn.question += fmt::format(": {}?", listed(row.options, "or"));
  add_turn(row, turn, image_block(numbering, marks(row.pictures.size())));
  return row;
}

}  // namespace owl3
