// Answers, recomputed from the scenes they are about.
#include "owlet/questions.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "owlet/catalogue.h"
#include "owlet/language.h"
#include "owlet/score.h"
#include "owlet_fixture.h"

namespace owl3::test {

namespace {

int number_of(std::string_view word) {
  if (word == "zero") return 0;
  for (int i = 0; i <= 10; ++i) {
    if (number_word(i) == word) return i;
  }
  return std::stoi(std::string(word));
}

/// "Do image 3 and image 12 show the same?" -> 3, 12
std::pair<int, int> numbers_in(const std::string& question) {
  const size_t second = question.rfind("image ");
  return {std::stoi(question.substr(question.find("image ") + 6)),
          std::stoi(question.substr(second + 6))};
}

/// "The images with an owl are 2, 5 and 7" -> 2, 5, 7
std::vector<int> numbers_among(std::string_view text) {
  std::vector<int> numbers;
  bool in_number = false;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (digit && !in_number) numbers.push_back(0);
    if (digit) numbers.back() = 10 * numbers.back() + (c - '0');
    in_number = digit;
  }
  return numbers;
}

int count_of(const Scene& scene, const std::string& plural) {
  int count = 0;
  for (const SceneObject& object : scene.objects) {
    count += things()[static_cast<size_t>(object.thing)].plural == plural ? 1 : 0;
  }
  return count;
}

bool shows(const Scene& scene, const std::string& singular) {
  return std::any_of(scene.objects.begin(), scene.objects.end(),
                     [&](const SceneObject& object) { return noun(object.thing) == singular; });
}

/// The thing that the text names, the longest where one name is part of another.
std::string thing_in(const std::string& text) {
  std::string found;
  for (const Thing& thing : things()) {
    if (thing.singular.size() > found.size() && is_right_answer(text, thing.singular)) {
      found = thing.singular;
    }
  }
  return found;
}
std::string plural_in(const std::string& text) {
  std::string found;
  for (const Thing& thing : things()) {
    if (thing.plural.size() > found.size() && is_right_answer(text, thing.plural)) {
      found = thing.plural;
    }
  }
  return found;
}

TEST(Language, HasArticlesPluralsAndNumbers) {
  EXPECT_EQ(with_article("owl"), "an owl");
  EXPECT_EQ(with_article("unicorn"), "a unicorn");
  EXPECT_EQ(with_article("hourglass"), "an hourglass");
  EXPECT_EQ(number_word(3), "three");
  EXPECT_EQ(number_word(11), "11");
  const std::vector<std::string> parts = {"a", "b", "c"};
  EXPECT_EQ(listed(parts), "a, b and c");
  EXPECT_EQ(listed(parts, "or"), "a, b or c");
}

TEST(Score, TakesWholeWordsAndWholePlaces) {
  EXPECT_TRUE(is_right_answer("The owl is in image 3.", "3"));
  EXPECT_FALSE(is_right_answer("The owl is in image 37.", "3"));
  EXPECT_TRUE(is_right_answer("Images: owl3, pear12.", "3, 12"));
  EXPECT_FALSE(is_right_answer("Images: owl12, pear3.", "2, 3"));
  EXPECT_TRUE(is_right_answer("This is a cat.", "cat"));
  EXPECT_FALSE(is_right_answer("This is a caterpillar.", "cat"));
  EXPECT_TRUE(is_right_answer("An owl is on the left.", "left"));
  EXPECT_FALSE(is_right_answer("An owl is at the top left.", "left"));
  EXPECT_FALSE(is_right_answer("An owl is at the top left.", "top"));
  EXPECT_TRUE(is_right_answer("An owl is at the top left.", "top left"));
  EXPECT_TRUE(is_right_answer("First an owl, then a pear.", "owl, pear"));
  EXPECT_FALSE(is_right_answer("First a pear, then an owl.", "owl, pear"));
  EXPECT_FALSE(is_right_answer("First an owl.", "owl, pear"));
  EXPECT_TRUE(is_right_answer("no, there is none", "No"));
  EXPECT_FALSE(is_right_answer("", "No"));
}

TEST(Questions, AreSentencesWhoseAnswersHaveTheirKeys) {
  std::set<std::string> tasks;
  const auto check = [&](const std::vector<Turn>& turns) {
    EXPECT_FALSE(turns.empty());
    for (const Turn& turn : turns) {
      tasks.insert(turn.task);
      EXPECT_EQ(turn.question.find('{'), std::string::npos) << turn.question;
      EXPECT_TRUE(turn.question.back() == '?' || turn.question.back() == '.') << turn.question;
      EXPECT_TRUE(std::isupper(static_cast<unsigned char>(turn.answer[0])) != 0) << turn.answer;
      EXPECT_EQ(turn.answer.back(), '.') << turn.answer;
      EXPECT_TRUE(is_right_answer(turn.answer, turn.key)) << turn.answer << " | " << turn.key;
    }
  };
  for (int i = 0; i < 800; ++i) {
    Random random{static_cast<uint64_t>(i)};
    check(converse(pool().scene(i), 3, random));
    ImageSequence sequence;
    for (int k = 0; k < 2 + i % 20; ++k) sequence.scenes.push_back(&pool().scene(i + k * 7));
    sequence.numbers = i % 5 != 0;
    check(converse(sequence, 4, random));
    if (i < pool().clips()) check(converse(pool().clip(i), 9, random));
  }
  EXPECT_GE(tasks.size(), 40u);
}

TEST(Questions, AboutOneImageAreAnsweredByTheScene) {
  std::set<std::string> checked;
  for (int i = 0; i < pool().scenes(); ++i) {
    const Scene& scene = pool().scene(i);
    Random random{static_cast<uint64_t>(i), 2};
    for (const Turn& turn : converse(scene, 4, random)) {
      const std::string about = turn.question + " -> " + turn.answer + " | " + caption(scene);
      checked.insert(turn.task);
      if (turn.task == "ground" || turn.task == "choose ground") {
        EXPECT_EQ(turn.key, kColours[static_cast<size_t>(scene.ground)].name) << about;
      } else if (turn.task == "place") {
        const std::string named = thing_in(turn.question);
        const bool there =
            std::any_of(scene.objects.begin(), scene.objects.end(), [&](const SceneObject& object) {
              return (named.empty() || noun(object.thing) == named) &&
                     name_of(object.place) == turn.key;
            });
        EXPECT_TRUE(there) << about;
      } else if (turn.task == "count") {
        EXPECT_EQ(number_of(turn.key), count_of(scene, plural_in(turn.question))) << about;
      } else if (turn.task == "exists") {
        EXPECT_EQ(turn.key, judgement(shows(scene, thing_in(turn.question)))) << about;
      } else if (turn.task == "read" || turn.task == "number") {
        EXPECT_EQ(turn.key, scene.writing) << about;
      } else if (turn.task == "size") {
        EXPECT_EQ(turn.key, scene.objects.at(0).size > 512 ? "large" : "small") << about;
      } else if (turn.task == "side") {
        EXPECT_TRUE(shows(scene, turn.key)) << about;
        const bool first = noun(scene.objects.at(0).thing) == turn.key;
        const Place place = scene.objects[first ? 0 : 1].place;
        EXPECT_NE(turn.question.find(place_phrase(place)), std::string::npos) << about;
      } else if (turn.task == "choose name") {
        EXPECT_TRUE(is_right_answer(turn.question, turn.key)) << about;
        EXPECT_TRUE(shows(scene, turn.key)) << about;
      }
    }
  }
  EXPECT_GE(checked.size(), 12u);
}

TEST(Questions, AboutSequencesAreAnsweredByTheScenes) {
  std::set<std::string> checked;
  for (int i = 0; i < 1200; ++i) {
    Random random{static_cast<uint64_t>(i), 3};
    ImageSequence sequence;
    const int count = random.between(2, 30);
    for (int k = 0; k < count; ++k) {
      sequence.scenes.push_back(&pool().scene(random.below(pool().scenes())));
    }
    const auto images_with = [&](const std::string& thing) {
      std::vector<int> images;
      for (int k = 0; k < count; ++k) {
        if (shows(*sequence.scenes[static_cast<size_t>(k)], thing)) images.push_back(k);
      }
      return images;
    };
    for (const Turn& turn : converse(sequence, 6, random)) {
      const std::string about = turn.question + " -> " + turn.answer;
      checked.insert(turn.task);
      if (turn.task == "ground behind" || turn.task == "choose ground behind") {
        const auto images = images_with(thing_in(turn.answer));
        ASSERT_EQ(images.size(), 1u) << about;
        EXPECT_EQ(turn.key, ground_name(*sequence.scenes[static_cast<size_t>(images[0])])) << about;
        EXPECT_EQ(thing_in(turn.question), thing_in(turn.answer)) << about;
      } else if (turn.task == "which image") {
        const auto images = images_with(thing_in(turn.question));
        ASSERT_EQ(images.size(), 1u) << about;
        EXPECT_EQ(turn.key, std::to_string(images[0] + 1)) << about;
      } else if (turn.task == "count images" || turn.task == "count grounds") {
        std::vector<int> images = images_with(thing_in(turn.question));
        if (turn.task == "count grounds") {
          images.clear();
          for (int k = 0; k < count; ++k) {
            const Scene& scene = *sequence.scenes[static_cast<size_t>(k)];
            if (is_right_answer(turn.question, ground_name(scene))) images.push_back(k);
          }
        }
        std::vector<int> named = numbers_among(turn.answer.substr(0, turn.answer.find(", so")));
        for (int& number : named) --number;
        EXPECT_EQ(named, images) << about;
        EXPECT_EQ(turn.key, "so " + number_word(static_cast<int>(images.size()))) << about;
      } else if (turn.task == "any") {
        const std::string thing = thing_in(turn.question);
        const int image = numbers_among(turn.answer).at(0);
        const Scene& closest = *sequence.scenes[static_cast<size_t>(image - 1)];
        EXPECT_EQ(turn.key, judgement(!images_with(thing).empty())) << about;
        EXPECT_EQ(shows(closest, thing), !images_with(thing).empty()) << about;
        EXPECT_TRUE(is_right_answer(turn.answer, contents_key(closest))) << about;
      } else if (turn.task == "total") {
        EXPECT_EQ(number_of(turn.key), count) << about;
        EXPECT_EQ(numbers_among(turn.answer), (std::vector{count, count})) << about;
      } else if (turn.task == "name" && turn.question.find("image ") != std::string::npos) {
        const int image = std::stoi(turn.answer.substr(6));
        EXPECT_TRUE(is_right_answer(turn.question, std::to_string(image))) << about;
        EXPECT_EQ(turn.key, contents_key(*sequence.scenes[static_cast<size_t>(image - 1)]))
            << about;
      } else if (turn.task == "choose name") {
        const int image = std::stoi(turn.answer.substr(6));
        EXPECT_TRUE(is_right_answer(turn.question, std::to_string(image))) << about;
        EXPECT_TRUE(is_right_answer(turn.question, turn.key)) << about;
        EXPECT_EQ(turn.key, contents_key(*sequence.scenes[static_cast<size_t>(image - 1)]))
            << about;
      } else if (turn.task == "ground" && turn.answer.find("image ") != std::string::npos) {
        const int image = std::stoi(turn.answer.substr(20));
        EXPECT_EQ(turn.key, ground_name(*sequence.scenes[static_cast<size_t>(image - 1)])) << about;
      } else if (turn.task == "neighbour") {
        const int image = images_with(thing_in(turn.question)).at(0);
        const int other = image + (turn.question.find("after") != std::string::npos ? 1 : -1);
        EXPECT_EQ(turn.key, contents_key(*sequence.scenes[static_cast<size_t>(other)])) << about;
        EXPECT_TRUE(is_right_answer(turn.answer, fmt::format("{}, {}", image + 1, other + 1)))
            << about;
      } else if (turn.task == "same thing" || turn.task == "same ground") {
        const auto [first, second] = numbers_in(turn.question);
        const Scene& a = *sequence.scenes[static_cast<size_t>(first - 1)];
        const Scene& b = *sequence.scenes[static_cast<size_t>(second - 1)];
        const bool same = turn.task == "same ground" ? ground_name(a) == ground_name(b)
                                                     : contents_key(a) == contents_key(b);
        EXPECT_EQ(turn.key, judgement(same)) << about;
      } else if (turn.task == "ends") {
        const bool first = turn.question.find("first") != std::string::npos;
        const Scene& end = first ? *sequence.scenes.front() : *sequence.scenes.back();
        EXPECT_EQ(turn.key, contents_key(end)) << about;
        EXPECT_EQ(numbers_among(turn.answer).at(0), first ? 1 : count) << about;
      }
    }
  }
  for (const char* task :
       {"ground behind", "which image", "count images", "count grounds", "any", "total", "name",
        "choose name", "ground", "ends", "neighbour", "same thing", "same ground"}) {
    EXPECT_EQ(checked.count(task), 1u) << task;
  }
}

TEST(Questions, OfferThingsOfOtherImagesToChooseFrom) {
  ImageSequence sequence;
  std::set<std::string> shown;
  for (const int single : pool().single_scenes()) {
    const Scene& scene = pool().scene(single);
    if (!shown.insert(std::string(noun(scene.objects[0].thing))).second) continue;
    sequence.scenes.push_back(&scene);
    if (shown.size() == 20) break;
  }
  ASSERT_EQ(shown.size(), 20u);
  for (uint64_t i = 0; i < 200; ++i) {
    Random random{i, 5};
    const Scene& scene = *sequence.scenes[i % 20];
    const auto turn = ask_name_of(scene, ImageName::numbered(3), random, sequence.scenes);
    ASSERT_TRUE(turn);
    const auto offered = std::count_if(shown.begin(), shown.end(), [&](const std::string& thing) {
      return is_right_answer(turn->question, thing);
    });
    EXPECT_GE(offered, 4) << turn->question;
    EXPECT_TRUE(is_right_answer(turn->question, turn->key)) << turn->question;
  }
}

TEST(Questions, LookForAShapeTwiceAsOftenAsForAnotherThing) {
  const auto first = [](bool shape) {
    const auto is_one = [=](const Thing& thing) { return thing.is_shape() == shape; };
    return static_cast<int>(std::find_if(things().begin(), things().end(), is_one) -
                            things().begin());
  };
  Scene with_shape, with_thing;
  with_shape.objects.push_back({.thing = first(true)});
  with_thing.objects.push_back({.thing = first(false)});
  const ImageSequence sequence{{&with_shape, &with_thing}};
  int about_shape = 0, asked = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    Random random{seed, 3};
    for (const Turn& turn : converse(sequence, 1, random)) {
      if (turn.task != "ground behind" && turn.task != "which image") continue;
      const std::string shape = fmt::format("the {} is", noun(first(true)));
      about_shape += turn.answer.find(shape) != std::string::npos ? 1 : 0;
      ++asked;
    }
  }
  ASSERT_GT(asked, 300);
  // Of two thirds, within four standard deviations.
  EXPECT_NEAR(static_cast<double>(about_shape) / asked, 2.0 / 3, 4 * std::sqrt(2.0 / 9 / asked));
}

TEST(Questions, DoNotNumberImagesThatHaveNone) {
  for (int i = 0; i < 300; ++i) {
    Random random{static_cast<uint64_t>(i), 4};
    ImageSequence sequence;
    for (int k = 0; k < 9; ++k) sequence.scenes.push_back(&pool().scene(i + k));
    sequence.numbers = false;
    for (const Turn& turn : converse(sequence, 5, random)) {
      EXPECT_EQ(turn.question.find("image 1"), std::string::npos) << turn.question;
      EXPECT_NE(turn.task, "which image");
      EXPECT_EQ(turn.answer.find("image 2"), std::string::npos) << turn.answer;
    }
  }
}

TEST(Questions, AboutClipsAreAnsweredByTheFrames) {
  for (int i = 0; i < pool().clips(); ++i) {
    const Clip& clip = pool().clip(i);
    const Scene& first = clip.frames.front();
    const Scene& last = clip.frames.back();
    Random random{static_cast<uint64_t>(i), 5};
    for (const Turn& turn : converse(clip, 20, random)) {
      const std::string about = turn.question + " -> " + turn.answer;
      if (turn.task == "clip goes" || turn.task == "clip end") {
        EXPECT_EQ(turn.key, name_of(last.objects.at(0).place)) << about;
      } else if (turn.task == "clip start") {
        EXPECT_EQ(turn.key, name_of(first.objects.at(0).place)) << about;
      } else if (turn.task == "clip first") {
        EXPECT_EQ(turn.key, noun(first.objects.at(0).thing)) << about;
      } else if (turn.task == "clip last") {
        EXPECT_EQ(turn.key, noun(last.objects.at(0).thing)) << about;
      } else if (turn.task == "clip end count") {
        EXPECT_EQ(static_cast<size_t>(number_of(turn.key)), last.objects.size()) << about;
      } else if (turn.task == "clip start count") {
        EXPECT_EQ(static_cast<size_t>(number_of(turn.key)), first.objects.size()) << about;
      } else if (turn.task == "clip end ground") {
        EXPECT_EQ(turn.key, ground_name(last)) << about;
      } else if (turn.task == "clip there") {
        const bool at_end = turn.question.find("at the end") != std::string::npos;
        EXPECT_EQ(turn.key, judgement(!(at_end ? last : first).objects.empty())) << about;
      }
    }
  }
}

}  // namespace

}  // namespace owl3::test
