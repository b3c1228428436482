// Questions about a sequence of images: by number, by what they show, across all of them. An answer
// first says again what is looked for, then what was found: it is looked up from there, one word
// away ("The image with the owl is 3.", not "Image 3 shows an owl." nor "The owl is in image 3.").
#include <algorithm>
#include <array>
#include <map>

#include "core/error.h"
#include "owlet/catalogue.h"
#include "owlet/language.h"
#include "owlet/questions.h"

namespace owl3 {

namespace {

constexpr int kFewImages = 12;  // what a person would count or compare
constexpr int kMaxNeighbours = 60;

class Asker {
 public:
  Asker(const ImageSequence& sequence, Random& random) : sequence_(&sequence), random_(&random) {
    for (size_t i = 0; i < sequence.scenes.size(); ++i) {
      const Scene& scene = *sequence.scenes[i];
      for (const auto& [thing, count] : counts_of(scene)) images_of_[thing].push_back(index(i));
      if (!scene.writing.empty()) images_with_[scene.writing].push_back(index(i));
    }
    for (const auto& [thing, images] : images_of_) {
      if (images.size() != 1) continue;
      const auto counts = counts_of(scene(images[0]));  // one of it: "the owl" means it
      const auto is_one = [&, one = thing](const auto& entry) {
        return entry.first == one && entry.second == 1;
      };
      if (std::none_of(counts.begin(), counts.end(), is_one)) continue;
      // The name of a shape is two words, by which it is found only together.
      const int times = things()[static_cast<size_t>(thing)].is_shape() ? 2 : 1;
      unique_.insert(unique_.end(), static_cast<size_t>(times), {thing, images[0]});
    }
  }

  std::optional<Turn> ask() {
    using Maker = std::optional<Turn> (Asker::*)();
    // Each as often as it stands here.
    static constexpr std::array<Maker, 23> makers = {
        &Asker::by_number,     &Asker::by_number,     &Asker::by_number,     &Asker::by_number,
        &Asker::by_number,     &Asker::ground_behind, &Asker::ground_behind, &Asker::ground_behind,
        &Asker::ground_behind, &Asker::choose_behind, &Asker::which_image,   &Asker::which_image,
        &Asker::which_image,   &Asker::which_ground,  &Asker::which_writing, &Asker::place_of,
        &Asker::same,          &Asker::count_images,  &Asker::neighbour,     &Asker::ends,
        &Asker::any,           &Asker::ends,          &Asker::total};
    if (last_image_ >= 0 && random_->chance(25)) {
      if (auto turn = follow_up()) return turn;
    }
    const Maker maker = random_->pick(makers);
    last_task_ = Task::kOther;
    last_image_ = -1;
    return (this->*maker)();
  }

 private:
  enum class Task { kOther, kNameByNumber, kGroundByNumber, kGroundBehind, kWhich };
  struct Unique {
    int thing;
    int image;
  };

  static int index(size_t i) { return static_cast<int>(i); }
  int size() const { return index(sequence_->scenes.size()); }
  const Scene& scene(int image) const { return *sequence_->scenes[static_cast<size_t>(image)]; }
  std::string pick(std::initializer_list<std::string> phrases) {
    return random_->pick(std::vector<std::string>(phrases));
  }
  std::optional<Unique> unique() {
    if (unique_.empty()) return std::nullopt;
    return random_->pick(unique_);
  }
  void remember(Task task, int image) {
    last_task_ = task;
    last_image_ = image;
  }

  std::optional<Turn> by_number() {
    if (!sequence_->numbers) return std::nullopt;
    const int image = random_->below(size());
    const ImageName name = ImageName::numbered(image + 1);
    const int draw = random_->below(100);
    if (draw < 45) {
      remember(Task::kNameByNumber, image);
      if (draw < 22) {
        if (auto turn = ask_name_of(scene(image), name, *random_, sequence_->scenes)) return turn;
      }
      return ask_name(scene(image), name, *random_);
    }
    if (draw < 65) {
      remember(Task::kGroundByNumber, image);
      return ask_ground(scene(image), name, *random_);
    }
    return ask_about(scene(image), name, *random_);
  }

  std::optional<Turn> ground_behind() {
    const auto target = unique();
    if (!target) return std::nullopt;
    remember(Task::kGroundBehind, target->image);
    const std::string what(noun(target->thing));
    return Turn{
        "ground behind",
        pick({"What colour is the ground behind the " + what + "?",
              "Which colour is behind the " + what + "?", "On which ground is the " + what + "?"}),
        fmt::format("The ground behind the {} is {}.", what, ground_name(scene(target->image))),
        std::string(ground_name(scene(target->image)))};
  }

  std::optional<Turn> choose_behind() {
    const auto target = unique();
    if (!target) return std::nullopt;
    const Choice choice = choose_ground(scene(target->image), *random_);
    const std::string what(noun(target->thing));
    return Turn{
        "choose ground behind",
        fmt::format("What colour is the ground behind the {}: {}?", what,
                    listed(choice.options, "or")),
        fmt::format("The ground behind the {} is {}.", what, ground_name(scene(target->image))),
        std::string(ground_name(scene(target->image)))};
  }

  std::optional<Turn> which_image() {
    const auto target = unique();
    if (!sequence_->numbers || !target) return std::nullopt;
    remember(Task::kWhich, target->image);
    last_thing_ = target->thing;
    const std::string what(noun(target->thing));
    const std::string number = std::to_string(target->image + 1);
    return Turn{
        "which image",
        pick({"In which image is the " + what + "?", "Where is the image of the " + what + "?",
              "Which image shows " + with_article(what) + "?",
              "Find the image with " + with_article(what) + "."}),
        fmt::format("The image with the {} is {}.", what, number), number};
  }

  std::optional<Turn> which_ground() {
    if (!sequence_->numbers || size() > kFewImages) return std::nullopt;
    const int image = random_->below(size());
    const auto same_ground = [&](const Scene* other) {
      return other->ground == scene(image).ground;
    };
    const auto& all = sequence_->scenes;
    if (std::count_if(all.begin(), all.end(), same_ground) != 1) return std::nullopt;
    const std::string ground = with_article(ground_name(scene(image))) + " ground";
    return Turn{
        "which ground",
        pick({"Which image has " + ground + "?", "In which image is there " + ground + "?"}),
        fmt::format("The image with the {} ground is {}.", ground_name(scene(image)), image + 1),
        std::to_string(image + 1)};
  }

  std::optional<Turn> which_writing() {
    std::vector<int> images;
    for (const auto& [writing, where] : images_with_) {
      if (where.size() == 1) images.push_back(where[0]);
    }
    if (!sequence_->numbers || images.empty()) return std::nullopt;
    const int image = random_->pick(images);
    const std::string what = contents_phrase(scene(image));
    return Turn{"which writing",
                pick({"Which image shows " + what + "?", "In which image is " + what + "?"}),
                fmt::format("The image with {} is {}.", what, image + 1),
                std::to_string(image + 1)};
  }

  std::optional<Turn> place_of() {
    const auto target = unique();
    if (!target || scene(target->image).objects.size() != 1) return std::nullopt;
    const SceneObject& object = scene(target->image).objects[0];
    if (object.place == Place::kNowhere) return std::nullopt;
    return Turn{"place of", fmt::format("Where in its image is the {}?", noun(object.thing)),
                fmt::format("The {} is {}.", noun(object.thing), place_phrase(object.place)),
                std::string(name_of(object.place))};
  }

  /// Two images of one thing, if there are, half of the time.
  std::pair<int, int> two_images() {
    for (int tries = 0; tries < 8; ++tries) {
      const int first = random_->below(size());
      int second = random_->below(size() - 1);
      if (second >= first) ++second;
      if (tries == 7 || contents_phrase(scene(first)) == contents_phrase(scene(second)) ||
          random_->chance(20)) {
        return {std::min(first, second), std::max(first, second)};
      }
    }
    return {0, 1};
  }

  std::optional<Turn> same() {
    if (!sequence_->numbers || size() < 2 || size() > kFewImages) return std::nullopt;
    const auto [first, second] = two_images();
    const std::string both = fmt::format("image {} and image {}", first + 1, second + 1);
    if (random_->chance(50)) {
      const std::string a(ground_name(scene(first)));
      const std::string b(ground_name(scene(second)));
      return Turn{"same ground",
                  pick({"Do " + both + " have the same ground?",
                        "Is the ground the same in " + both + "?"}),
                  fmt::format("The ground in image {} is {} and the ground in image {} is {}, {}.",
                              first + 1, a, second + 1, b, judgement(a == b)),
                  judgement(a == b)};
    }
    const std::string a = contents_phrase(scene(first));
    const std::string b = contents_phrase(scene(second));
    return Turn{"same thing",
                pick({"Do " + both + " show the same?", "Do you see the same in " + both + "?"}),
                fmt::format("Image {} shows {} and image {} shows {}, {}.", first + 1, a,
                            second + 1, b, judgement(a == b)),
                judgement(a == b)};
  }

  /// "The images with an owl are 2, 5 and 7, so three."
  static std::string found_in(const std::string& what, const std::vector<int>& images) {
    std::vector<std::string> numbers;
    for (const int image : images) numbers.push_back(std::to_string(image + 1));
    const bool one = images.size() == 1;
    return fmt::format("The {} with {} {} {}, so {}.", one ? "image" : "images", what,
                       one ? "is" : "are", listed(numbers), number_word(index(images.size())));
  }

  std::optional<Turn> count_images() {
    if (!sequence_->numbers || size() < 2 || size() > kFewImages) return std::nullopt;
    const Scene& example = scene(random_->below(size()));
    if (random_->chance(50)) {
      std::vector<int> images;
      for (int i = 0; i < size(); ++i) {
        if (scene(i).ground == example.ground) images.push_back(i);
      }
      const std::string ground = with_article(ground_name(example)) + " ground";
      return Turn{"count grounds", "How many images have " + ground + "?", found_in(ground, images),
                  "so " + number_word(index(images.size()))};
    }
    if (example.objects.size() != 1) return std::nullopt;
    // The thing most often there, for numbers beyond one.
    int thing = example.objects[0].thing;
    if (random_->chance(60)) {
      for (const auto& [other, images] : images_of_) {
        if (images.size() > images_of_[thing].size()) thing = other;
      }
    }
    const std::vector<int>& images = images_of_[thing];
    const std::string what = with_article(noun(thing));
    return Turn{"count images",
                pick({"How many images show " + what + "?", "In how many images is " + what + "?"}),
                found_in(what, images), "so " + number_word(index(images.size()))};
  }

  std::optional<Turn> neighbour() {
    const auto target = unique();
    if (!target || size() < 2 || size() > kMaxNeighbours) return std::nullopt;
    const bool after = random_->chance(60);
    const int other = target->image + (after ? 1 : -1);
    if (other < 0 || other >= size()) return std::nullopt;
    const char* word = after ? "after" : "before";
    const std::string what = contents_phrase(scene(other));
    const char* comes = scene(other).objects.size() > 1 ? "come" : "comes";
    const std::string_view known = noun(target->thing);
    return Turn{"neighbour", fmt::format("What comes {} the {}?", word, known),
                sequence_->numbers
                    ? fmt::format("The image with the {} is {}, and image {} shows {}.", known,
                                  target->image + 1, other + 1, what)
                    : capitalised(fmt::format("{} the {} {} {}.", word, known, comes, what)),
                contents_key(scene(other))};
  }

  std::optional<Turn> ends() {
    const bool first = random_->chance(50);
    const int place = first ? 0 : size() - 1;
    const Scene& end = scene(place);
    const std::string image = fmt::format("the {} image", first ? "first" : "last");
    const std::string found =
        sequence_->numbers ? fmt::format("{} is {} and", image, place + 1) : image;
    return Turn{"ends", pick({"What is in " + image + "?", "What does " + image + " show?"}),
                capitalised(fmt::format("{} shows {}.", found, contents_phrase(end))),
                contents_key(end)};
  }

  /// An image that shows no such thing: one of its kind where there is any.
  int closest_to(int thing) {
    const std::string& kind = things()[static_cast<size_t>(thing)].kind;
    std::vector<int> alike;
    for (const auto& [other, images] : images_of_) {
      if (things()[static_cast<size_t>(other)].kind != kind) continue;
      alike.insert(alike.end(), images.begin(), images.end());
    }
    return alike.empty() ? random_->below(size()) : random_->pick(alike);
  }

  /// "The image closest to an owl is 3 and shows an eagle, so no.": judged by what was found.
  std::optional<Turn> any() {
    if (!sequence_->numbers) return std::nullopt;
    const bool yes = random_->chance(50) && !unique_.empty();
    const Unique target = yes ? *unique() : Unique{random_->below(index(things().size())), 0};
    if (!yes && images_of_.count(target.thing) != 0) return std::nullopt;
    const int image = yes ? target.image : closest_to(target.thing);
    const std::string what = with_article(noun(target.thing));
    return Turn{
        "any",
        pick({"Is there " + what + " in any of the images?", "Does any image show " + what + "?"}),
        fmt::format("The image closest to {} is {} and shows {}, {}.", what, image + 1,
                    contents_phrase(scene(image)), judgement(yes)),
        judgement(yes)};
  }

  std::optional<Turn> total() {
    if (!sequence_->numbers) return std::nullopt;
    return Turn{
        "total", pick({"How many images are there?", "How many images do you see?"}),
        fmt::format("The last image is {0}, so there {1} {0}.", size(), size() == 1 ? "is" : "are"),
        std::to_string(size())};
  }

  /// "And image 5?", "And behind the pear?", "And what colour is the ground there?"
  std::optional<Turn> follow_up() {
    if (last_task_ == Task::kNameByNumber || last_task_ == Task::kGroundByNumber) {
      const int image = random_->below(size());
      const bool name = last_task_ == Task::kNameByNumber;
      last_image_ = image;
      auto turn = name ? ask_name(scene(image), ImageName::numbered(image + 1), *random_)
                       : ask_ground(scene(image), ImageName::numbered(image + 1), *random_);
      turn->question = pick(
          {fmt::format("And image {}?", image + 1), fmt::format("And in image {}?", image + 1)});
      return turn;
    }
    if (last_task_ == Task::kGroundBehind) {
      auto turn = ground_behind();
      if (turn) turn->question = fmt::format("And behind the {}?", noun(thing_of(*turn)));
      return turn;
    }
    if (last_task_ != Task::kWhich) return std::nullopt;
    const std::string ground(ground_name(scene(last_image_)));
    last_image_ = -1;
    return Turn{"ground there",
                pick({"And what colour is the ground there?", "Which colour is the ground there?"}),
                fmt::format("The ground behind the {} is {}.", noun(last_thing_), ground), ground};
  }

  /// The thing that a question of ground_behind(), just asked, was about.
  int thing_of(const Turn& turn) const {
    const auto asked = std::find_if(unique_.begin(), unique_.end(), [&](const Unique& target) {
      return turn.answer.starts_with(
          fmt::format("The ground behind the {} is ", noun(target.thing)));
    });
    OWL3_CHECK(asked != unique_.end());
    return asked->thing;
  }

  const ImageSequence* sequence_;
  Random* random_;
  std::map<int, std::vector<int>> images_of_;            // thing -> images that show it
  std::map<std::string, std::vector<int>> images_with_;  // writing -> images
  std::vector<Unique> unique_;  // things that one image alone shows, once; each as often as asked
  Task last_task_ = Task::kOther;
  int last_image_ = -1;
  int last_thing_ = -1;  // of Task::kWhich
};

}  // namespace

std::vector<Turn> converse(const ImageSequence& sequence, int count, Random& random) {
  OWL3_CHECK(!sequence.scenes.empty());
  Asker asker(sequence, random);
  std::vector<Turn> turns;
  while (static_cast<int>(turns.size()) < count) {
    auto turn = asker.ask();
    if (!turn) continue;
    const bool asked = std::any_of(turns.begin(), turns.end(), [&](const Turn& other) {
      return other.question == turn->question;
    });
    // A short sequence soon has no question left that was not asked.
    if (!asked) {
      turns.push_back(std::move(*turn));
    } else if (!turns.empty() && random.chance(20)) {
      break;
    }
  }
  return turns;
}

}  // namespace owl3
