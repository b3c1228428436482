// owlet, the model that is part of the program, learns names from the thirty pictures of
// demo/friends.
#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "train_process.h"

namespace owl3::test {
namespace {

const std::string kSource = OWL3_SOURCE_DIR;

/// What owlet says to "Who is this?" about a picture that it was not taught.
std::string who_is(const std::string& picture, const std::vector<std::string>& more) {
  std::vector<std::string> command = {
      OWL3_PROGRAM, "chat", "owlet", "--image",     kSource + "/demo/friends/" + picture,
      "-t",         "1",    "-p",    "Who is this?"};
  command.insert(command.end(), more.begin(), more.end());
  RunningProgram chat(command, {}, workshop() / "who.log");
  EXPECT_EQ(chat.wait(), 0) << chat.output();
  return chat.output();
}

TEST(OwletLora, ThirtyPicturesTeachItThreeNames) {
  const std::string run = (workshop() / "friends").string();
  const Outcome outcome =
      train(kSource + "/recipes/owlet/lora.yaml",
            {"--set", "model=owlet", "--set", "data=" + kSource + "/demo/friends/friends.jsonl",
             "--set", "output=" + run});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  const std::vector<std::pair<std::string, std::string>> friends = {
      {"new-owl.png", "Momo"}, {"new-penguin.png", "Pip"}, {"new-dragon.png", "Luna"}};
  for (const auto& [picture, name] : friends) {
    EXPECT_EQ(who_is(picture, {}).find(name), std::string::npos);
    EXPECT_EQ(who_is(picture, {"--lora", run + "/model"}), "This is " + name + ".\n");
  }
}

}  // namespace
}  // namespace owl3::test
