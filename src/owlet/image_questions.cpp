// Questions about one image. Where an answer has to be looked up or judged, it first says again by
// what ("The number of owls is three." and not "There are three owls.").
#include <algorithm>
#include <array>

#include "core/error.h"
#include "owlet/catalogue.h"
#include "owlet/language.h"
#include "owlet/questions.h"

namespace owl3 {

namespace {

using Maker = std::optional<Turn> (*)(const Scene&, const ImageName&, Random&);
using Phrases = std::initializer_list<std::string_view>;

/// One of the phrases, its parts put in: {image} "the image", {in} " in image 3", {thing} "owl".
template <typename... Parts>
std::string phrase(Random& random, Phrases phrases, const Parts&... parts) {
  return fmt::format(fmt::runtime(random.pick(std::vector<std::string_view>(phrases))), parts...);
}

bool is_single(const Scene& scene) {
  return scene.objects.size() == 1;
}

int other_thing(const Scene& scene, Random& random) {
  while (true) {
    const int thing = random.below(static_cast<int>(things().size()));
    if (!shows(scene, thing)) return thing;
  }
}

}  // namespace

ImageName ImageName::numbered(int number) {
  return {fmt::format("image {}", number), fmt::format(" in image {}", number)};
}

std::optional<Turn> ask_name(const Scene& scene, const ImageName& image, Random& random) {
  const bool alone = image.suffix.empty();
  if (alone && (is_single(scene) || !scene.writing.empty()) && random.chance(40)) {
    return Turn{"name", phrase(random, {"What is this?", "What is it?", "What do you see?"}),
                fmt::format("This is {}.", contents_phrase(scene)), contents_key(scene)};
  }
  return Turn{"name",
              phrase(random, {"What is in {0}?", "What does {0} show?", "What do you see in {0}?"},
                     image.subject),
              capitalised(fmt::format("{} shows {}.", image.subject, contents_phrase(scene))),
              contents_key(scene)};
}

std::optional<Turn> ask_ground(const Scene& scene, const ImageName& image, Random& random) {
  return Turn{"ground",
              phrase(random,
                     {"What colour is the ground{0}?", "Which colour is the ground{0}?",
                      "What is the colour of the ground{0}?"},
                     image.suffix),
              fmt::format("The ground{} is {}.", image.suffix, ground_name(scene)),
              std::string(ground_name(scene))};
}

std::optional<Turn> ask_place(const Scene& scene, const ImageName& image, Random& random) {
  std::vector<const SceneObject*> placed;
  for (const SceneObject& object : scene.objects) {
    if (object.place != Place::kNowhere) placed.push_back(&object);
  }
  if (placed.empty()) return std::nullopt;
  const SceneObject& object = *random.pick(placed);
  return Turn{"place",
              phrase(random, {"Where is the {0}{1}?", "In which place is the {0}{1}?"},
                     noun(object.thing), image.suffix),
              fmt::format("The {} is {}.", noun(object.thing), place_phrase(object.place)),
              std::string(name_of(object.place))};
}

std::optional<Turn> ask_side(const Scene& scene, const ImageName& image, Random& random) {
  if (scene.objects.size() != 2 || scene.objects[0].place == Place::kNowhere) return std::nullopt;
  const SceneObject& object = random.pick(scene.objects);
  const std::string where = place_phrase(object.place);
  return Turn{"side",
              phrase(random, {"What is {0}{1}?", "Which thing is {0}{1}?"}, where, image.suffix),
              capitalised(fmt::format("{} is {}.", where, with_article(noun(object.thing)))),
              std::string(noun(object.thing))};
}

std::optional<Turn> ask_count(const Scene& scene, const ImageName& image, Random& random) {
  if (scene.objects.size() < 2) return std::nullopt;
  const auto counts = counts_of(scene);
  auto [thing, count] = random.pick(counts);
  if (random.chance(8)) {
    thing = other_thing(scene, random);
    count = 0;
  }
  const std::string& plural = things()[static_cast<size_t>(thing)].plural;
  const std::string number = count == 0 ? "zero" : number_word(count);
  return Turn{"count",
              phrase(random,
                     {"How many {0} are in {1}?", "How many {0} do you see in {1}?",
                      "Count the {0} in {1}."},
                     plural, image.subject),
              fmt::format("The number of {} is {}.", plural, number), number};
}

std::optional<Turn> ask_writing(const Scene& scene, const ImageName& image, Random& random) {
  if (scene.writing.empty()) return std::nullopt;
  if (scene.has_number() && random.chance(70)) {
    return Turn{
        "number",
        phrase(random, {"Which number is in {0}?", "What number does {0} show?"}, image.subject),
        fmt::format("The number is {}.", scene.writing), scene.writing};
  }
  return Turn{
      "read",
      phrase(random,
             {"What is written in {0}?", "What does the text in {0} say?", "Read the text in {0}."},
             image.subject),
      fmt::format("It says {}.", scene.writing), scene.writing};
}

std::optional<Turn> ask_exists(const Scene& scene, const ImageName& image, Random& random) {
  if (scene.objects.empty()) return std::nullopt;
  const bool yes = random.chance(50);
  const int thing = yes ? random.pick(scene.objects).thing : other_thing(scene, random);
  return Turn{
      "exists",
      phrase(random, {"Is there {0} in {1}?", "Do you see {0} in {1}?", "Does {1} show {0}?"},
             with_article(noun(thing)), image.subject),
      capitalised(
          fmt::format("{} shows {}, {}.", image.subject, contents_phrase(scene), judgement(yes))),
      judgement(yes)};
}

std::optional<Turn> ask_shape_colour(const Scene& scene, const ImageName& image, Random& random) {
  if (!is_single(scene)) return std::nullopt;
  const Thing& thing = things()[static_cast<size_t>(scene.objects[0].thing)];
  if (!thing.is_shape()) return std::nullopt;
  const std::string_view shape = kShapes[static_cast<size_t>(thing.shape)];
  const std::string_view colour = kColours[static_cast<size_t>(thing.colour)].name;
  return Turn{"shape colour",
              phrase(random, {"What colour is the {0}{1}?", "Which colour is the {0}{1}?"}, shape,
                     image.suffix),
              fmt::format("The {} is {}.", shape, colour), std::string(colour)};
}

std::optional<Turn> ask_size(const Scene& scene, const ImageName& image, Random& random) {
  if (!is_single(scene)) return std::nullopt;
  const SceneObject& object = scene.objects[0];
  if (object.size > kSmallSize && object.size < kLargeSize) return std::nullopt;
  const std::string size = object.size >= kLargeSize ? "large" : "small";
  return Turn{"size",
              phrase(random, {"Is the {0}{1} large or small?", "How large is the {0}{1}?"},
                     noun(object.thing), image.suffix),
              fmt::format("The {} is {}.", noun(object.thing), size), size};
}

std::optional<Turn> ask_description(const Scene& scene, const ImageName& image, Random& random) {
  const bool alone = image.suffix.empty();
  const std::string shows = alone ? "" : image.subject + " shows ";
  return Turn{"describe", phrase(random, {"Describe {0}.", "Tell me about {0}."}, image.subject),
              capitalised(shows + caption(scene) + "."), contents_key(scene)};
}

std::optional<Turn> ask_kind(const Scene& scene, const ImageName& image, Random& random) {
  if (!is_single(scene)) return std::nullopt;
  const Thing& thing = things()[static_cast<size_t>(scene.objects[0].thing)];
  return Turn{
      "kind",
      phrase(random, {"What kind of thing is in {0}?", "What kind of thing does {0} show?"},
             image.subject),
      capitalised(fmt::format("{} is {}.", with_article(thing.singular), with_article(thing.kind))),
      thing.kind};
}

Choice choose_ground(const Scene& scene, Random& random) {
  std::vector<std::string> names;
  for (const NamedColour& colour : kColours) {
    if (colour.name != ground_name(scene)) names.emplace_back(colour.name);
  }
  random.shuffle(names);
  Choice choice;
  choice.right = static_cast<size_t>(random.below(4));
  choice.options.assign(names.begin(), names.begin() + 3);
  choice.options.insert(choice.options.begin() + static_cast<ptrdiff_t>(choice.right),
                        std::string(ground_name(scene)));
  return choice;
}

std::optional<Turn> ask_ground_of(const Scene& scene, const ImageName& image, Random& random) {
  const Choice choice = choose_ground(scene, random);
  return Turn{"choose ground",
              phrase(random,
                     {"What colour is the ground{0}: {1}?", "Is the ground{0} {1}?",
                      "Which colour is the ground{0}: {1}?"},
                     image.suffix, listed(choice.options, "or")),
              fmt::format("The ground{} is {}.", image.suffix, ground_name(scene)),
              std::string(ground_name(scene))};
}

std::optional<Turn> ask_name_of(const Scene& scene, const ImageName& image, Random& random,
                                std::span<const Scene* const> others) {
  if (!is_single(scene)) return std::nullopt;
  std::vector<std::string> options = {with_article(noun(scene.objects[0].thing))};
  for (int tries = 0; options.size() < 4; ++tries) {
    int thing = other_thing(scene, random);
    if (tries < 12 && !others.empty()) {  // a short sequence may not show four things
      const Scene& other =
          *others[static_cast<size_t>(random.below(static_cast<int>(others.size())))];
      if (!is_single(other)) continue;
      thing = other.objects[0].thing;
    }
    const std::string option = with_article(noun(thing));
    if (std::find(options.begin(), options.end(), option) == options.end()) {
      options.push_back(option);
    }
  }
  random.shuffle(options);
  return Turn{"choose name",
              phrase(random, {"What is in {0}: {1}?", "What does {0} show: {1}?"}, image.subject,
                     listed(options, "or")),
              capitalised(fmt::format("{} shows {}.", image.subject, contents_phrase(scene))),
              contents_key(scene)};
}

namespace {

std::optional<Turn> ask_name_among(const Scene& scene, const ImageName& image, Random& random) {
  return ask_name_of(scene, image, random);
}

/// Each as often as it stands here.
constexpr std::array<Maker, 23> kMakers = {
    ask_name,  ask_name,        ask_name,       ask_ground,     ask_ground,   ask_ground,
    ask_place, ask_place,       ask_place,      ask_side,       ask_side,     ask_count,
    ask_count, ask_count,       ask_writing,    ask_writing,    ask_exists,   ask_shape_colour,
    ask_size,  ask_description, ask_name_among, ask_name_among, ask_ground_of};

/// What can be asked of the thing just spoken of, saying "it".
std::optional<Turn> follow_up(const Scene& scene, Random& random) {
  if (!is_single(scene)) return std::nullopt;
  const SceneObject& object = scene.objects[0];
  if (object.place != Place::kNowhere && random.chance(60)) {
    return Turn{"place", phrase(random, {"Where is it?", "And where is it?"}),
                fmt::format("The {} is {}.", noun(object.thing), place_phrase(object.place)),
                std::string(name_of(object.place))};
  }
  return Turn{"ground",
              phrase(random, {"What colour is the ground behind it?", "And the ground?",
                              "Which colour is behind it?"}),
              fmt::format("The ground is {}.", ground_name(scene)),
              std::string(ground_name(scene))};
}

}  // namespace

Turn ask_about(const Scene& scene, const ImageName& image, Random& random) {
  if (random.chance(4)) {
    if (const auto turn = ask_kind(scene, image, random)) return *turn;
  }
  while (true) {
    if (const auto turn = random.pick(kMakers)(scene, image, random)) return *turn;
  }
}

std::vector<Turn> converse(const Scene& scene, int count, Random& random) {
  std::vector<Turn> turns = {ask_about(scene, ImageName::alone(), random)};
  // Names and descriptions may repeat what was said; any other task is asked once.
  for (int tries = 0; static_cast<int>(turns.size()) < count && tries < 20; ++tries) {
    std::optional<Turn> turn;
    const std::string& last = turns.back().task;
    if ((last == "name" || last == "kind" || last == "exists") &&
        turns.back().key != judgement(false) && random.chance(50)) {
      turn = follow_up(scene, random);
    }
    if (!turn) turn = ask_about(scene, ImageName::alone(), random);
    const bool asked = std::any_of(turns.begin(), turns.end(),
                                   [&](const Turn& other) { return other.task == turn->task; });
    if (!asked) turns.push_back(*turn);
  }
  return turns;
}

}  // namespace owl3
