// Many pictures in few words: what pictures show, and how to find one among others, is learnt from
// these in a fraction of the tokens that whole conversations take.
#include <algorithm>
#include <set>

#include "scenes/catalogue.h"
#include "scenes/language.h"
#include "scenes/rows.h"

namespace owl3 {

namespace {

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

/// The shortest questions there are: by number, by what is shown.
Turn short_question(const std::vector<const Scene*>& scenes, Random& random) {
  const auto index = static_cast<size_t>(random.below(static_cast<int>(scenes.size())));
  const Scene& scene = *scenes[index];
  const std::string number = std::to_string(index + 1);
  const int draw = random.below(3);
  const int thing = draw == 0 ? -1 : telling_thing(scenes, index);
  if (thing < 0) {
    return {"recall thing", fmt::format("Image {}?", number),
            capitalised(contents_phrase(scene)) + ".", contents_key(scene)};
  }
  if (draw == 1) {
    return {"recall number", fmt::format("The {}?", noun(thing)), fmt::format("Image {}.", number),
            number};
  }
  const std::string ground(ground_name(scene));
  return {"recall ground", fmt::format("Behind the {}?", noun(thing)), capitalised(ground) + ".",
          ground};
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

/// Numbered images, and many short questions about one or another.
Row RowMaker::recall(Random& random) const {
  Row row;
  const int images = std::min(random.chance(60) ? random.between(2, 6) : random.between(7, 32),
                              options_.max_images);
  row.pictures = pick_images(images, random);
  std::vector<const Scene*> scenes;
  for (const int picture : row.pictures) scenes.push_back(&pool_->scene(picture));
  const std::string block =
      image_block(Numbering::kAfter, std::vector<std::string>(row.pictures.size(), "<image>"));
  std::set<std::string> asked;
  for (int count = random.between(6, 10 + images / 2); count > 0; --count) {
    const Turn turn = short_question(scenes, random);
    if (!asked.insert(turn.question).second) continue;  // the answer would stand there already
    add_turn(row, turn, row.messages.empty() ? block : "");
  }
  return row;
}

}  // namespace owl3
