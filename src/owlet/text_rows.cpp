// Rows without images, from which a decoder learns the language of the others: what is asked about
// images is asked about their captions, and there is small talk about numbers and things. Half of
// them teach to find and copy what was said before: little else does, within so few rows.
#include <algorithm>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "owlet/catalogue.h"
#include "owlet/language.h"
#include "owlet/rows.h"

namespace owl3 {

namespace {

/// A caption that tells all that is asked: "(an owl on a green ground, small)"
std::string described(const Scene& scene) {
  std::string text = caption(scene);
  if (scene.objects.size() == 1) {
    const int size = scene.objects[0].size;
    if (size <= kSmallSize) text += ", small";
    if (size >= kLargeSize) text += ", large";
  }
  return "(" + text + ")";
}

int any_thing(Random& random) {
  return random.below(static_cast<int>(things().size()));
}

Turn count_up(Random& random) {
  const int first = random.between(0, 90);
  const int last = first + random.between(2, 8);
  std::string numbers;
  for (int i = first; i <= last; ++i) numbers += fmt::format("{}{}", i == first ? "" : ", ", i);
  return {"count up", fmt::format("Count from {} to {}.", first, last), numbers + ".", numbers};
}

Turn next_number(Random& random) {
  const bool after = random.chance(50);
  const int number = random.between(1, 399);
  const int answer = after ? number + 1 : number - 1;
  const char* word = after ? "after" : "before";
  return {"next number", fmt::format("Which number comes {} {}?", word, number),
          fmt::format("{} comes {} {}.", answer, word, number), std::to_string(answer)};
}

Turn compare_numbers(Random& random) {
  const int first = random.between(0, 400);
  int second = first;
  while (second == first) second = random.between(0, 400);
  const bool more = random.chance(50);
  const int answer = more ? std::max(first, second) : std::min(first, second);
  return {"compare numbers",
          fmt::format("Which is {}, {} or {}?", more ? "more" : "less", first, second),
          fmt::format("{} is {}.", answer, more ? "more" : "less"), std::to_string(answer)};
}

Turn kind_of(Random& random) {
  const Thing& thing = things()[static_cast<size_t>(any_thing(random))];
  return {
      "kind", fmt::format("What kind of thing is {}?", with_article(thing.singular)),
      capitalised(fmt::format("{} is {}.", with_article(thing.singular), with_article(thing.kind))),
      thing.kind};
}

Turn is_kind(Random& random) {
  const Thing& thing = things()[static_cast<size_t>(any_thing(random))];
  const Thing& other = things()[static_cast<size_t>(any_thing(random))];
  const std::string kind = random.chance(50) ? thing.kind : other.kind;
  const bool yes = kind == thing.kind;
  return {"is kind", fmt::format("Is {} {}?", with_article(thing.singular), with_article(kind)),
          fmt::format("{}, {} is {}.", yes ? "Yes" : "No", with_article(thing.singular),
                      with_article(thing.kind)),
          yes ? "Yes" : "No"};
}

Turn plural_of(Random& random) {
  const Thing& thing = things()[static_cast<size_t>(any_thing(random))];
  const int count = random.between(2, 6);
  return {"plural", fmt::format("One {}, {} ..?", thing.singular, number_word(count)),
          capitalised(fmt::format("{} {}.", number_word(count), thing.plural)), thing.plural};
}

Turn small_talk(Random& random) {
  switch (random.below(6)) {
    case 0:
      return count_up(random);
    case 1:
      return next_number(random);
    case 2:
      return compare_numbers(random);
    case 3:
      return kind_of(random);
    case 4:
      return is_kind(random);
    default:
      return plural_of(random);
  }
}

/// "an owl", "the word jump", "37", "a green ground"
std::string any_item(Random& random) {
  const int draw = random.below(10);
  if (draw < 6) return with_article(things()[static_cast<size_t>(any_thing(random))].singular);
  if (draw < 7) return "the word " + std::string(random.pick(written_words()));
  if (draw < 8) return with_article(random.pick(kColours).name) + " ground";
  return std::to_string(random.below(401));
}

/// What is to be said again, word by word.
Turn echo(Random& random) {
  std::string items;
  for (int count = random.between(2, 12); count > 0; --count) {
    items += any_item(random) + (count > 1 ? ", " : "");
  }
  return {"echo", fmt::format("{}: {}.", random.chance(50) ? "Repeat" : "Say after me", items),
          capitalised(items) + ".", items};
}

/// Captions as images stand in a sequence, and lists made of them.
std::pair<std::string, std::vector<Turn>> recall(Random& random) {
  std::vector<ListedImage> images;
  std::vector<std::string> captions;
  const int count = random.between(2, random.chance(60) ? 8 : 24);
  while (static_cast<int>(images.size()) < count) {
    const std::string& thing = things()[static_cast<size_t>(any_thing(random))].singular;
    const bool known = std::any_of(images.begin(), images.end(),
                                   [&](const ListedImage& image) { return image.name == thing; });
    if (known) continue;
    images.push_back({thing, thing, std::string(random.pick(kColours).name)});
    captions.push_back(fmt::format("({} on {})", with_article(thing), images.back().ground));
  }
  return {image_block(Numbering::kAfter, captions), list_turns(images, ListForm::kAny, random)};
}

}  // namespace

Row make_echo_row(Random& random) {
  Row row;
  for (int count = random.between(1, 3); count > 0; --count) add_turn(row, echo(random));
  return row;
}

Row make_text_row(const SceneMaker& maker, Random& random) {
  const int draw = random.below(100);
  std::string before;
  std::vector<Turn> turns;
  if (draw < 20) {
    return make_echo_row(random);
  } else if (draw < 50) {
    std::tie(before, turns) = recall(random);
  } else if (draw < 65) {
    const Scene scene = maker.make(random);
    before = described(scene) + "\n";
    turns = converse(scene, random.between(1, 3), random);
  } else if (draw < 92) {
    const int count = random.chance(70) ? random.between(2, 8) : random.between(9, 24);
    std::vector<Scene> scenes;
    std::vector<std::string> captions;
    for (int i = 0; i < count; ++i) {
      scenes.push_back(maker.make(random));
      captions.push_back(described(scenes.back()));
    }
    ImageSequence sequence;
    for (const Scene& scene : scenes) sequence.scenes.push_back(&scene);
    before = image_block(random.chance(80) ? Numbering::kAfter : Numbering::kBefore, captions);
    turns = converse(sequence, random.between(3, 8), random);
  } else {
    for (int count = random.between(1, 4); count > 0; --count) turns.push_back(small_talk(random));
  }
  Row row;
  add_turns(row, turns, before);
  return row;
}

}  // namespace owl3
