// Rows: marks and pictures agree, kinds have their shapes, sequences come in all lengths.
#include "owlet/rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "owlet/catalogue.h"
#include "owlet/language.h"
#include "owlet/score.h"
#include "owlet_fixture.h"

namespace owl3::test {

namespace {

RowMaker row_maker(int max_images = 60, Numbering numbering = Numbering::kMixed) {
  return {pool(), maker(), {5, max_images, numbering}};
}

size_t marks_in(const Row& row) {
  size_t marks = 0;
  for (const std::string& message : row.messages) {
    for (size_t at = message.find("<image>"); at != message.npos;
         at = message.find("<image>", at + 1)) {
      ++marks;
    }
  }
  return marks;
}

TEST(Rows, HaveAPictureForEveryMarkAndAnAnswerForEveryQuestion) {
  const RowMaker rows = row_maker();
  for (int kind = 0; kind < kRowKinds; ++kind) {
    for (int i = 0; i < 200; ++i) {
      const Row row = rows.make(static_cast<RowKind>(kind), i);
      EXPECT_EQ(marks_in(row), row.pictures.size());
      const bool is_document = kind == static_cast<int>(RowKind::kPages);
      ASSERT_EQ(row.messages.size(), is_document ? 1 : 2 * row.tasks.size());
      EXPECT_EQ(row.tasks.size(), row.answers.size());
      EXPECT_EQ(row.tasks.empty(), is_document);
      EXPECT_LE(row.pictures.size(), row.distractors < 0 ? 60u : 61u);
      for (size_t m = 1; m < row.messages.size(); m += 2) {
        EXPECT_EQ(row.messages[m].find("<image>"), std::string::npos);
        EXPECT_FALSE(row.messages[m].empty());
      }
      for (const int picture : row.pictures) EXPECT_LT(picture, pool().pictures());
      const bool is_text =
          kind == static_cast<int>(RowKind::kEcho) || kind == static_cast<int>(RowKind::kText);
      EXPECT_EQ(row.pictures.empty(), is_text);
    }
  }
}

TEST(Rows, ArePureFunctionsOfSeedKindAndIndex) {
  const RowMaker a = row_maker();
  const RowMaker b = row_maker();
  const RowMaker other(pool(), maker(), {6, 60, Numbering::kMixed});
  int same = 0;
  for (int i = 99; i >= 0; --i) {  // order does not matter
    const Row row = a.make(RowKind::kStage3, i);
    EXPECT_EQ(row.messages, b.make(RowKind::kStage3, i).messages);
    EXPECT_EQ(row.pictures, b.make(RowKind::kStage3, i).pictures);
    same += row.pictures == other.make(RowKind::kStage3, i).pictures ? 1 : 0;
  }
  EXPECT_LT(same, 5);
}

TEST(Rows, HaveSequencesOfEveryLengthLongOnesToo) {
  const RowMaker rows = row_maker(400);
  int longer_than_200 = 0;
  int shorter_than_8 = 0;
  for (int i = 0; i < 500; ++i) {
    const size_t images = rows.make(RowKind::kStage3, i).pictures.size();
    EXPECT_LE(images, 400u);
    longer_than_200 += images > 200 ? 1 : 0;
    shorter_than_8 += images < 8 ? 1 : 0;
  }
  EXPECT_GT(longer_than_200, 20);
  EXPECT_GT(shorter_than_8, 150);
}

TEST(ImageBlock, NumbersImagesAsAsked) {
  const std::vector<std::string> marks(2, "<image>");
  EXPECT_EQ(image_block(Numbering::kAfter, marks), "<image>1<image>2\n");
  EXPECT_EQ(image_block(Numbering::kBefore, marks), "Image 1: <image>\nImage 2: <image>\n");
  EXPECT_EQ(image_block(Numbering::kBare, marks), "<image>\n<image>\n");
}

/// The place of the one thing, the number of several, or the shape of one in no place.
std::string one_fact(const Scene& scene) {
  const auto& objects = scene.objects;
  if (objects.size() > 1) return number_word(static_cast<int>(objects.size()));
  if (objects.empty()) return "";
  if (objects[0].place != Place::kNowhere) return place_phrase(objects[0].place);
  const std::string name(noun(objects[0].thing));
  return with_article(name.substr(name.rfind(' ') + 1));  // "a square" of "red square"
}

TEST(Rows, SiglipCaptionsItsOwnPicture) {
  const RowMaker rows = row_maker();
  int bare = 0, fulls = 0, facts = 0;
  for (int i = 0; i < 100; ++i) {
    const Row row = rows.make(RowKind::kSiglip, i + pool().scenes());
    EXPECT_EQ(row.pictures, std::vector<int>{i});
    const std::string contents = contents_phrase(pool().scene(i));
    const bool full = row.messages[1] == caption(pool().scene(i));
    const bool short_one = row.messages[1].starts_with(contents);
    EXPECT_TRUE(full || short_one || row.messages[1] == one_fact(pool().scene(i)))
        << row.messages[1];
    facts += !full && !short_one ? 1 : 0;
    fulls += full ? 1 : 0;
    bare += row.messages[1] == contents ? 1 : 0;
  }
  EXPECT_GT(bare, 40);  // most say what there is, and no more
  EXPECT_GT(fulls, 10);
  EXPECT_GT(facts, 4);
}

TEST(Rows, DistractorsAreIrrelevantAndOptionsGoRound) {
  const RowMaker rows = row_maker(50);
  for (int64_t group = 0; group < 40; ++group) {
    std::set<std::string> firsts;
    for (int64_t turn = 0; turn < 4; ++turn) {
      const Row row = rows.make(RowKind::kDistractors, group * 4 + turn);
      EXPECT_EQ(row.group, group);
      EXPECT_EQ(row.pictures.size(), static_cast<size_t>(row.distractors) + 1);
      ASSERT_EQ(row.options.size(), 4u);
      EXPECT_EQ(std::set<std::string>(row.options.begin(), row.options.end()).size(), 4u);
      firsts.insert(row.options[0]);
      const auto right = std::count_if(
          row.options.begin(), row.options.end(),
          [&](const std::string& option) { return is_right_answer(option, row.answers[0]); });
      EXPECT_EQ(right, 1);
      if (row.by == "content") {
        int showing = 0;
        for (const int picture : row.pictures) {
          for (const auto& [thing, count] : counts_of(pool().scene(picture))) {
            const std::string phrase = "behind the " + std::string(noun(thing)) + ":";
            showing += row.messages[0].find(phrase) != std::string::npos ? 1 : 0;
          }
        }
        EXPECT_EQ(showing, 1) << row.messages[0];
      }
    }
    EXPECT_EQ(firsts.size(), 4u);
  }
}

TEST(Rows, TextRowsTellWhatTheyAsk) {
  const RowMaker rows = row_maker();
  int told = 0;
  for (int i = 0; i < 400; ++i) {
    const Row row = rows.make(RowKind::kText, i);
    if (row.tasks[0] != "ground behind" && row.tasks[0] != "name") continue;
    EXPECT_TRUE(is_right_answer(row.messages[0], row.answers[0])) << row.messages[0];
    ++told;
  }
  EXPECT_GT(told, 15);
}

TEST(Rows, OfPagesTellWhatEachPictureShows) {
  const RowMaker rows = row_maker();
  for (int i = 0; i < 50; ++i) {
    const Row row = rows.make(RowKind::kPages, i);
    size_t begin = 0;
    for (const int picture : row.pictures) {
      const size_t end = row.messages[0].find('\n', begin);
      ASSERT_NE(end, row.messages[0].npos);
      const std::string line = row.messages[0].substr(begin, end - begin);
      EXPECT_TRUE(is_right_answer(line, contents_key(pool().scene(picture)))) << line;
      begin = end + 1;
    }
    EXPECT_EQ(begin, row.messages[0].size());
  }
}

/// "Grounds: owl, 7?" as "Grounds" and {"owl", "7"}
std::pair<std::string, std::vector<std::string>> parse_list(const std::string& question) {
  const size_t colon = question.find(": ");
  std::pair<std::string, std::vector<std::string>> list{question.substr(0, colon), {}};
  std::string rest = question.substr(colon + 2, question.size() - colon - 3);
  for (size_t end = 0; end != rest.npos; rest.erase(0, end + 2)) {
    end = rest.find(", ");
    list.second.push_back(rest.substr(0, end));
    if (end == rest.npos) break;
  }
  return list;
}

bool is_number(const std::string& key) {
  return std::isdigit(static_cast<unsigned char>(key[0])) != 0;
}

/// The one picture of a row that a key means: "7", or "owl", which no other shows.
const Scene& scene_of(const Row& row, const std::string& key, std::string& number) {
  number = is_number(key) ? key : "";
  for (size_t k = 0; number.empty() && k < row.pictures.size(); ++k) {
    for (const auto& [shown, count] : counts_of(pool().scene(row.pictures[k]))) {
      if (noun(shown) == key) number = std::to_string(k + 1);
    }
  }
  return pool().scene(row.pictures.at(std::stoul(number) - 1));
}

/// What is to be said to a question of lists, by what the pictures show.
std::string list_answer(const Row& row, const std::string& question) {
  const auto& [lead, keys] = parse_list(question);
  const bool names = lead.ends_with("ames") || lead.ends_with("ames are");
  const bool things = names || lead.ends_with("hings") || lead.ends_with("hings are");
  const bool images = lead.ends_with("mages") || lead.ends_with("mages are");
  const bool sentences = lead.starts_with("Tell ");
  std::vector<std::string> parts;
  for (const std::string& key : keys) {
    std::string number;
    const Scene& scene = scene_of(row, key, number);
    const std::string ground(ground_name(scene));
    if (sentences) {
      const std::string where = is_number(key) ? "in image " + key : "behind the " + key;
      parts.push_back(images   ? fmt::format("The image with the {} is {}.", key, number)
                      : things ? fmt::format("Image {} shows {}.", key, contents_phrase(scene))
                               : fmt::format("The ground {} is {}.", where, ground));
      continue;
    }
    const std::string between = lead.ends_with(" are") ? " is " : images ? "" : " ";
    const std::string value = images   ? number
                              : names  ? with_article(noun(scene.objects[0].thing))
                              : things ? std::string(noun(scene.objects[0].thing))
                                       : ground;
    parts.push_back(key + between + value);
  }
  return sentences ? fmt::format("{}", fmt::join(parts, " "))
                   : fmt::format("{}: {}.", lead, fmt::join(parts, ", "));
}

/// Checks every answer of 150 rows; their questions' leads.
std::set<std::string> leads_of(RowKind kind) {
  const RowMaker rows = row_maker();
  std::set<std::string> leads;
  for (int i = 0; i < 150; ++i) {
    const Row row = rows.make(kind, i);
    for (size_t turn = 0; turn < row.tasks.size(); ++turn) {
      std::string question = row.messages[2 * turn];
      question.erase(0, question.find('\n') + 1);  // of the first, the images before it
      leads.insert(parse_list(question).first);
      EXPECT_EQ(row.messages[2 * turn + 1], list_answer(row, question));
      EXPECT_TRUE(is_right_answer(row.messages[2 * turn + 1], row.answers[turn]));
    }
  }
  return leads;
}

TEST(Rows, OfListsHaveValuesDirectlyBehindWhatTheyAreFoundBy) {
  EXPECT_EQ(leads_of(RowKind::kLists),
            (std::set<std::string>{"Grounds", "Images", "Names", "Things"}));
}

TEST(Rows, OfRecallHaveThemInSentencesToo) {
  EXPECT_EQ(leads_of(RowKind::kRecall),
            (std::set<std::string>{"Grounds", "Images", "Names", "Things", "Grounds are",
                                   "Images are", "Names are", "Things are", "Tell the grounds",
                                   "Tell the images", "Tell the names", "Tell the things"}));
}

TEST(Rows, OfEchoesAnswerWithWhatWasSaid) {
  const RowMaker rows = row_maker();
  for (int i = 0; i < 50; ++i) {
    const Row row = rows.make(RowKind::kEcho, i);
    for (size_t turn = 0; turn < row.answers.size(); ++turn) {
      EXPECT_TRUE(is_right_answer(row.messages[2 * turn], row.answers[turn]));
      EXPECT_TRUE(is_right_answer(row.messages[2 * turn + 1], row.answers[turn]));
    }
  }
}

}  // namespace

}  // namespace owl3::test
