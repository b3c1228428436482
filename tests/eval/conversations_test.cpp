// Rows of conversations: which question has which images, and what is refused by line.
#include "eval/conversations.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/scratch_folder.h"
#include "formats/random_checkpoint.h"

namespace owl3 {
namespace {

std::vector<Conversation> read(const ScratchFolder& folder, const std::string& rows) {
  return read_conversations(folder.write("rows.jsonl", rows));
}

std::string row(const std::string& more) {
  return R"({"messages": [{"role": "user", "content": "<image>1<image>2\nWhat is in image 2?"},)"
         R"({"role": "assistant", "content": "Image 2 shows an owl."},)"
         R"({"role": "user", "content": "<image>And this?"},)"
         R"({"role": "assistant", "content": "This is a pear."}],)"
         R"("images": ["a.png", "b.png", "t.tar/c.png"])" +
         more + "}\n";
}

TEST(Conversations, GiveEachQuestionTheImagesOfItsMarks) {
  const ScratchFolder folder;
  const auto conversations =
      read(folder, row(R"(, "answers": ["owl", "pear"])") +
                       row(R"(, "answers": ["owl", "pear"], "tasks": ["name by number", "name"])"));
  ASSERT_EQ(conversations.size(), 2u);
  EXPECT_EQ(conversations[0].images(), 3);
  const auto& turns = conversations[1].turns;
  ASSERT_EQ(turns.size(), 2u);
  EXPECT_EQ(turns[0].question, "<image>1<image>2\nWhat is in image 2?");
  EXPECT_EQ(turns[0].images.size(), 2u);
  ASSERT_EQ(turns[1].images.size(), 1u);
  EXPECT_EQ(turns[1].images[0], (folder / "t.tar/c.png").string());
  EXPECT_EQ(turns[0].task, "name by number");
  EXPECT_EQ(turns[1].answer, "pear");
  EXPECT_EQ(conversations[0].turns[0].task, conversations[0].turns[1].task);
}

TEST(Conversations, CountMarksAsQuestionsDo) {
  const ScratchFolder folder;
  const auto conversations =
      read(folder, R"({"messages": [{"role": "user", "content": "<image>What is \\<image>?"},)"
                   R"({"role": "assistant", "content": "A mark."}], "images": ["a.png"],)"
                   R"("answers": ["mark"]})");
  EXPECT_EQ(conversations[0].turns[0].images.size(), 1u);
}

TEST(Conversations, AreRefusedBeforeAnyPictureIsReadWhereTheContextCannotHoldThem) {
  const ScratchFolder folder;
  CheckpointShape shape = checkpoint_shape("tiny");
  shape.config.max_position_embeddings = 40;
  write_random_checkpoint(folder.path(), shape, {}, {});
  const auto conversations =
      read(folder, row(R"(, "answers": ["owl", "pear"])"));  // no such pictures
  const std::string message = message_of<UsageError>(
      [&] { score_conversations(conversations, Model::load(folder.path()), {}, 4, {}); });
  EXPECT_NE(message.find("rows.jsonl:1: "), std::string::npos) << message;
}

TEST(Conversations, NameTheLineThatIsWrong) {
  const ScratchFolder folder;
  const std::string good = row(R"(, "answers": ["owl", "pear"])");
  const auto refusal = [&](const std::string& more) {
    return message_of<InputError>([&] { read(folder, good + row(more)); });
  };
  for (const char* more :
       {"", R"(, "answers": ["owl"])", R"(, "answers": "owl")", R"(, "answers": ["owl", 3])",
        R"(, "answers": ["owl", "pear"], "tasks": ["name"])",
        R"(, "answers": ["owl", "pear"], "images": ["a.png", "b.png"])",
        R"(, "answers": ["owl", "pear"], "images": ["a.png", "b.png", "c.png", "d.png"])"}) {
    EXPECT_NE(refusal(more).find("rows.jsonl:2: "), std::string::npos) << more;
  }
}

}  // namespace
}  // namespace owl3
