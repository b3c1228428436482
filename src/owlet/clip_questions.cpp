// Questions about a clip: what happens in it, in which order.
#include <algorithm>

#include "core/error.h"
#include "owlet/catalogue.h"
#include "owlet/language.h"
#include "owlet/questions.h"

namespace owl3 {

namespace {

/// "the left", as in "goes to the left"
std::string place_noun(Place place) {
  return fmt::format("the {}", name_of(place));
}

class ClipAsker {
 public:
  ClipAsker(const Clip& clip, Random& random)
      : clip_(&clip), random_(&random), thing_(clip.things.front()), name_(noun(thing_)) {}

  std::vector<Turn> all() {
    std::vector<Turn> turns;
    switch (clip_->kind) {
      case ClipKind::kMove:
        add_move(turns);
        break;
      case ClipKind::kParade:
        add_parade(turns);
        break;
      case ClipKind::kGrow:
      case ClipKind::kShrink:
        add_numbers(turns);
        break;
      case ClipKind::kRecolour:
        add_colours(turns);
        break;
      case ClipKind::kAppear:
      case ClipKind::kVanish:
        add_presence(turns);
        break;
    }
    if (clip_->kind != ClipKind::kRecolour) {
      turns.push_back({"clip ground",
                       pick({"What colour is the ground?", "Which colour is the ground?"}),
                       fmt::format("The ground is {}.", ground_name(first())),
                       std::string(ground_name(first()))});
    }
    return turns;
  }

  Turn describe() {
    std::string what;
    std::string key = name_;
    const std::string ground = fmt::format("on {} ground", with_article(ground_name(first())));
    switch (clip_->kind) {
      case ClipKind::kMove:
        what = fmt::format("{} goes from {} to {} {}", with_article(name_), place_noun(from()),
                           place_noun(to()), ground);
        break;
      case ClipKind::kParade:
        what = fmt::format("{}, {}", order(), ground);
        key = order_key();
        break;
      case ClipKind::kGrow:
      case ClipKind::kShrink:
        what = fmt::format("{}, then {}, {}", counted(number(first()), thing_),
                           number_word(number(last())), ground);
        key = counted(number(first()), thing_);
        break;
      case ClipKind::kRecolour:
        what = fmt::format("{} on a ground that turns from {} to {}", with_article(name_),
                           ground_name(first()), ground_name(last()));
        break;
      case ClipKind::kAppear:
      case ClipKind::kVanish:
        what = fmt::format("{} {} {}", with_article(name_), verb(), ground);
        break;
    }
    return {"clip describe",
            pick({"Describe the clip.", "What happens in the clip?", "What happens here?"}),
            capitalised(what + "."), key};
  }

 private:
  const Scene& first() const { return clip_->frames.front(); }
  const Scene& last() const { return clip_->frames.back(); }
  Place from() const { return first().objects.front().place; }
  Place to() const { return last().objects.front().place; }
  static int number(const Scene& frame) { return static_cast<int>(frame.objects.size()); }
  const char* verb() const { return clip_->kind == ClipKind::kAppear ? "appears" : "vanishes"; }
  std::string pick(std::initializer_list<std::string> phrases) {
    return random_->pick(std::vector<std::string>(phrases));
  }
  std::string a(size_t thing) const { return with_article(noun(clip_->things[thing])); }

  /// "first an owl, then a pear, then a car"
  std::string order() const {
    std::string text = "first " + a(0);
    for (size_t i = 1; i < clip_->things.size(); ++i) text += ", then " + a(i);
    return text;
  }
  std::string order_key() const {
    std::string key;
    for (const int thing : clip_->things)
      key += fmt::format("{}{}", key.empty() ? "" : ", ", noun(thing));
    return key;
  }

  void add_move(std::vector<Turn>& turns) {
    turns.push_back(
        {"clip goes",
         pick({"Where does the " + name_ + " go?", "Where does the " + name_ + " move?"}),
         fmt::format("The {} goes to {}.", name_, place_noun(to())), std::string(name_of(to()))});
    turns.push_back({"clip start",
                     pick({"Where is the " + name_ + " at the start?",
                           "Where does the " + name_ + " come from?"}),
                     fmt::format("At the start the {} is {}.", name_, place_phrase(from())),
                     std::string(name_of(from()))});
    turns.push_back({"clip end", "Where is the " + name_ + " at the end?",
                     fmt::format("At the end the {} is {}.", name_, place_phrase(to())),
                     std::string(name_of(to()))});
    turns.push_back({"clip name", pick({"What moves?", "What moves in the clip?"}),
                     fmt::format("The {} moves.", name_), name_});
  }

  void add_parade(std::vector<Turn>& turns) {
    const size_t count = clip_->things.size();
    turns.push_back(
        {"clip order",
         pick({"In which order do the things come?", "What comes one after the other?"}),
         capitalised(order() + "."), order_key()});
    turns.push_back({"clip first", pick({"What comes first?", "What is there at the start?"}),
                     fmt::format("First comes {}.", a(0)), std::string(noun(clip_->things[0]))});
    turns.push_back({"clip last", pick({"What comes last?", "What is there at the end?"}),
                     fmt::format("Last comes {}.", a(count - 1)),
                     std::string(noun(clip_->things[count - 1]))});
    const auto i = static_cast<size_t>(random_->below(static_cast<int>(count) - 1));
    const std::string earlier(noun(clip_->things[i]));
    const std::string later(noun(clip_->things[i + 1]));
    turns.push_back({"clip after", "What comes after the " + earlier + "?",
                     fmt::format("After the {} comes {}.", earlier, a(i + 1)), later});
    turns.push_back({"clip before", "What comes before the " + later + "?",
                     fmt::format("Before the {} comes {}.", later, a(i)), earlier});
    const bool yes = random_->chance(50);
    turns.push_back({"clip is before",
                     fmt::format("Does the {} come before the {}?", yes ? earlier : later,
                                 yes ? later : earlier),
                     fmt::format("The {} comes first, {}.", earlier, judgement(yes)),
                     judgement(yes)});
  }

  void add_numbers(std::vector<Turn>& turns) {
    const std::string& plural = things()[static_cast<size_t>(thing_)].plural;
    const bool grow = clip_->kind == ClipKind::kGrow;
    for (const bool at_end : {false, true}) {
      const int count = number(at_end ? last() : first());
      const char* when = at_end ? "end" : "start";
      turns.push_back(
          {at_end ? "clip end count" : "clip start count",
           fmt::format("How many {} are there at the {}?", plural, when),
           fmt::format("The number of {} at the {} is {}.", plural, when, number_word(count)),
           number_word(count)});
    }
    turns.push_back({"clip more or fewer", fmt::format("Do the {} become more or fewer?", plural),
                     fmt::format("The {} become {}.", plural, grow ? "more" : "fewer"),
                     grow ? "more" : "fewer"});
  }

  void add_colours(std::vector<Turn>& turns) {
    const std::string before(ground_name(first()));
    const std::string after(ground_name(last()));
    turns.push_back({"clip recolour", pick({"How does the ground change?", "What changes?"}),
                     fmt::format("The ground turns from {} to {}.", before, after), after});
    turns.push_back({"clip start ground", "What colour is the ground at the start?",
                     fmt::format("At the start the ground is {}.", before), before});
    turns.push_back({"clip end ground", "What colour is the ground at the end?",
                     fmt::format("At the end the ground is {}.", after), after});
    turns.push_back({"clip name", pick({"What stands on the ground?", "What do you see?"}),
                     capitalised(with_article(name_) + "."), name_});
  }

  void add_presence(std::vector<Turn>& turns) {
    turns.push_back({"clip verb", fmt::format("Does the {} appear or vanish?", name_),
                     fmt::format("The {} {}.", name_, verb()), verb()});
    const bool appears = clip_->kind == ClipKind::kAppear;
    const std::string which = appears ? "appears" : "vanishes";
    turns.push_back({"clip name", "What " + which + "?",
                     capitalised(fmt::format("{} {}.", with_article(name_), which)), name_});
    const bool at_end = random_->chance(50);
    const bool there = at_end == appears;
    const char* when = at_end ? "end" : "start";
    turns.push_back({"clip there", fmt::format("Is there {} at the {}?", with_article(name_), when),
                     fmt::format("At the {} there is {}, {}.", when,
                                 there ? with_article(name_) : "nothing", judgement(there)),
                     judgement(there)});
  }

  const Clip* clip_;
  Random* random_;
  int thing_;
  std::string name_;
};

}  // namespace

std::vector<Turn> converse(const Clip& clip, int count, Random& random) {
  ClipAsker asker(clip, random);
  std::vector<Turn> turns = asker.all();
  turns.push_back(asker.describe());
  random.shuffle(turns);
  turns.resize(std::min(turns.size(), static_cast<size_t>(count)));
  return turns;
}

Turn describe(const Clip& clip, Random& random) {
  return ClipAsker(clip, random).describe();
}

}  // namespace owl3
