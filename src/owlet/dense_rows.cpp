// Many pictures in few words: what pictures show, and how to find one among others, is learnt from
// these in a fraction of the tokens that whole conversations take.
#include <algorithm>

#include "owlet/catalogue.h"
#include "owlet/language.h"
#include "owlet/rows.h"

namespace owl3 {

namespace {

constexpr int kMaxListed = 10;

/// "an owl", "an owl on a green ground", "an owl on a green ground, at the top left"
std::string short_caption(const Scene& scene, Random& random) {
  const int draw = random.below(100);
  if (draw < 25) return caption(scene);
  const std::string contents = contents_phrase(scene);
  if (draw < 60) return contents;
  return fmt::format("{} on {} ground", contents, with_article(ground_name(scene)));
}

/// The thing of which there is one in the scene and none in another of the scenes; -1: none is so.
int telling_thing(const std::vector<const Scene*>& scenes, size_t index) {
  for (const auto& [thing, count] : counts_of(*scenes[index])) {
    if (count != 1) continue;
    const auto shows_it = [one = thing](const Scene* scene) { return shows(*scene, one); };
    if (std::count_if(scenes.begin(), scenes.end(), shows_it) == 1) return thing;
  }
  return -1;
}

/// What is found, "green", by what, "owl", and how a sentence says it.
struct Pair {
  std::string key;
  std::string value;
  std::string sentence;
};

std::string joined_values(const std::vector<Pair>& pairs, std::string_view between) {
  std::vector<std::string> parts;
  for (const auto& [key, value, sentence] : pairs) {
    parts.push_back(fmt::format("{}{}{}", key, between, value));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// Values one token behind their keys, two or three, or where sentences have them:
///   "Grounds: owl, 7?"            "Grounds: owl green, 7 red."
///   "Grounds are: owl, 7?"        "Grounds are: owl is green, 7 is red."
///   "Tell the grounds: owl, 7?"   "The ground behind the owl is green. The ground in image 7 ..."
Turn list_turn(std::string_view title, std::vector<Pair> pairs, ListForm form, Random& random) {
  random.shuffle(pairs);
  pairs.resize(std::min(pairs.size(), static_cast<size_t>(random.between(1, kMaxListed))));
  std::vector<std::string> keys, values, sentences;
  for (const auto& [key, value, sentence] : pairs) {
    keys.push_back(key);
    values.push_back(value);
    sentences.push_back(capitalised(sentence + "."));
  }
  const int draw = form == ListForm::kDirect ? 0 : random.below(100);
  std::string lead = fmt::format("{}{}: ", title, draw < 40 ? "" : " are");
  // A tokenizer makes two tokens of " 3": a number that is a value stands as behind an image.
  const std::string_view behind = title == "images" ? "" : " ";
  const std::string_view between = draw < 40 ? behind : " is ";
  std::string answer = fmt::format("{}{}.", lead, joined_values(pairs, between));
  if (draw >= 60) {
    lead = fmt::format("tell the {}: ", title);
    answer = fmt::format("{}", fmt::join(sentences, " "));
  }
  return {fmt::format("list {}", title),
          capitalised(fmt::format("{}{}?", lead, fmt::join(keys, ", "))), capitalised(answer),
          fmt::format("{}", fmt::join(values, ", "))};
}

}  // namespace

/// Images, each with what it shows behind it; half of them with their numbers.
Row RowMaker::pages(Random& random) const {
  Row row;
  row.pictures = pick_images(std::min(random.between(8, 40), options_.max_images), random);
  const bool numbered = random.chance(50);
  std::string text;
  for (size_t i = 0; i < row.pictures.size(); ++i) {
    text += fmt::format("<image>{} {}\n", numbered ? std::to_string(i + 1) : "",
                        short_caption(pool_->scene(row.pictures[i]), random));
  }
  row.messages = {text};
  return row;
}

std::vector<Turn> list_turns(const std::vector<ListedImage>& images, ListForm form,
                             Random& random) {
  std::vector<Pair> things, names, numbers, grounds;
  for (size_t i = 0; i < images.size(); ++i) {
    const ListedImage& image = images[i];
    const std::string number = std::to_string(i + 1);
    // Two words ("brown cross") find an image only together, which takes more to learn.
    const bool two_words = image.found_by.find(' ') != std::string::npos;
    // One or the other, so that the second can't be copied from the first.
    if (!image.found_by.empty() && random.chance(two_words ? 80 : 50)) {
      numbers.push_back({image.found_by, number,
                         fmt::format("the image with the {} is {}", image.found_by, number)});
    } else if (!image.name.empty()) {
      // The article is said before the noun and decides it, but is little of an answer's loss.
      const std::string name = with_article(image.name);
      const bool alone = random.chance(50);
      (alone ? things : names)
          .push_back(
              {number, alone ? image.name : name, fmt::format("image {} shows {}", number, name)});
    }
    const bool found = !image.found_by.empty() && random.chance(two_words ? 90 : 60);
    const std::string where = found ? "behind the " + image.found_by : "in image " + number;
    grounds.push_back({found ? image.found_by : number, image.ground,
                       fmt::format("the ground {} is {}", where, image.ground)});
  }
  std::vector<Turn> turns;
  if (!things.empty()) turns.push_back(list_turn("things", things, form, random));
  if (!names.empty()) turns.push_back(list_turn("names", names, form, random));
  if (!numbers.empty()) turns.push_back(list_turn("images", numbers, form, random));
  turns.push_back(list_turn("grounds", grounds, form, random));
  random.shuffle(turns);
  return turns;
}

/// Numbered images, and lists of what is known of one and asked of it.
Row RowMaker::lists(ListForm form, Random& random) const {
  Row row;
  const int images = std::min(random.chance(60) ? random.between(2, 6) : random.between(7, 32),
                              options_.max_images);
  row.pictures = pick_images(images, random);
  std::vector<const Scene*> scenes;
  for (const int picture : row.pictures) scenes.push_back(&pool_->scene(picture));
  std::vector<ListedImage> listed;
  for (size_t i = 0; i < scenes.size(); ++i) {
    const Scene& scene = *scenes[i];
    const int telling = telling_thing(scenes, i);
    listed.push_back({scene.objects.size() == 1 ? std::string(noun(scene.objects[0].thing)) : "",
                      telling < 0 ? "" : std::string(noun(telling)),
                      std::string(ground_name(scene))});
  }
  add_turns(row, list_turns(listed, form, random),
            image_block(Numbering::kAfter, std::vector<std::string>(scenes.size(), "<image>")));
  return row;
}

}  // namespace owl3
