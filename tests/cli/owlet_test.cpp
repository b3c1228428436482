// What owlet, the model that is part of the program, says about the pictures and the clip of
// ./demo.sh.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "run_program.h"

namespace owl3::test {

namespace {

const std::string kDemo = OWL3_SOURCE_DIR "/demo/";

/// The conversation's answers, a line each. `questions` are lines too.
std::string answers(std::vector<std::string> arguments, const std::string& questions = "") {
  arguments.insert(arguments.begin(), "chat");
  arguments.insert(arguments.end(), {"-t", "1"});
  const Outcome outcome = run_owl3(arguments, {.input = questions});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return outcome.out;
}

TEST(Owlet, SaysWhatIsInAPicture) {
  const std::vector<std::pair<std::string, std::string>> pictures = {
      {"squirrel", "This is a squirrel.\n"}, {"crab", "This is a crab.\n"}};
  for (const auto& [picture, sentence] : pictures) {
    EXPECT_EQ(answers({"--image", kDemo + picture + ".jpg", "-p", "What is this?"}), sentence);
  }
  EXPECT_EQ(
      answers({"--image", kDemo + "squirrel.jpg"},
              "What is this?\nAnd what colour is the ground?\nIs the squirrel large or small?\n"),
      "This is a squirrel.\nThe ground is purple.\nThe squirrel is large.\n");
}

TEST(Owlet, FindsImagesInAnAlbumOfForty) {
  const std::string questions =
      "What is in image 20?\n"
      "And image 16?\n"
      "Which image shows a drop?\n"
      "Which image shows the word no?\n"
      "What colour is the ground behind the rose?\n"
      "And behind the mushroom?\n"
      "Do image 3 and image 4 show the same?\n";
  EXPECT_EQ(answers({"--image", kDemo + "album"}, questions),
            "Image 20 shows a key.\n"
            "Image 16 shows a ghost.\n"
            "The image with the drop is 17.\n"
            "The image with the word no is 27.\n"
            "The ground behind the rose is brown.\n"
            "The ground behind the mushroom is purple.\n"
            "Image 3 shows a car and image 4 shows a whale, so no.\n");
}

TEST(Owlet, EncodesAnAlbumOnce) {
  const std::string lines = answers({"--image", kDemo + "album", "--json"},
                                    "What is in image 20?\nWhich image shows a drop?\n");
  const size_t end = lines.find('\n');
  const auto first = nlohmann::json::parse(lines.substr(0, end));
  const auto second = nlohmann::json::parse(lines.substr(end + 1));
  EXPECT_EQ(first.at("images_encoded"), 40);
  EXPECT_EQ(second.at("images_encoded"), 40);  // since the conversation began
  EXPECT_LT(second.at("tokens").at("prefilled"), 25);
}

TEST(Owlet, SaysWhatHappensInAClip) {
  EXPECT_EQ(answers({"--video", kDemo + "clip.mp4", "--fps", "2"},
                    "What happens in the clip?\nDoes the monkey appear or vanish?\n"
                    "What colour is the ground?\n"),
            "A monkey vanishes on a yellow ground.\nThe monkey vanishes.\n"
            "The ground is yellow.\n");
}

TEST(Owlet, SaysThatItAnswersWhereNoModelIsNamed) {
  const std::string note =
      "owl3: no model named, so owlet answers, which knows drawn pictures only; for photos: owl3 "
      "pull owl3-2b, and owl3 chat owl3-2b\n";
  const std::vector<std::vector<std::string>> ways = {
      {"chat", "-p", "What?"}, {"chat", "-p", "What?", "--json"}, {"chat"}, {"chat", "--json"}};
  for (const auto& words : ways) {
    const Outcome outcome = run_owl3(words, {.input = "/quit\n"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, note);
    EXPECT_EQ(outcome.out.find("no model"), std::string::npos) << outcome.out;
  }
  EXPECT_EQ(run_owl3({"chat", "owlet", "-p", "What?"}).err, "");
  const std::string help = run_owl3({"chat", "--help"}).out;
  EXPECT_NE(help.find("Usage: owl3 chat [MODEL] [OPTIONS]"), std::string::npos) << help;
  EXPECT_NE(help.find("default: owlet"), std::string::npos) << help;
}

TEST(Owlet, IsANameWhereverAModelIs) {
  const std::string folder = (scratch_folder() / "named").string();
  std::filesystem::create_directories(folder);
  const std::string file = folder + "/converted.gguf";
  const std::string rows = OWL3_SOURCE_DIR "/demo/friends/friends.jsonl";
  const std::vector<std::vector<std::string>> commands = {
      {"info", "owlet"},
      {"info", "Owlet", "--verify", "--json"},
      {"convert", "owlet", file, "--type", "q8_0", "--force"},
      {"bench", "owlet", "--tests", "decode", "--decode", "1", "-r", "1"},
      {"bench", "owlet", "--types", "q8_0", "--tests", "decode", "--decode", "1", "-r", "1"},
      {"chat", file, "-p", "What is this?", "--image", kDemo + "crab.jpg"},
      {"chat", "-p", "What is this?", "--image", kDemo + "crab.jpg", "owlet"}};
  for (const auto& words : commands) {
    const Outcome outcome = run_owl3(words);
    EXPECT_EQ(outcome.exit_code, 0) << words[0] << ": " << outcome.err;
    EXPECT_EQ(outcome.err, "") << words[0];
    if (words[0] == "chat") {
      EXPECT_EQ(outcome.out, "This is a crab.\n");
    }
  }
}

TEST(Owlet, IsNotTakenForAPath) {
  const auto folder = scratch_folder() / "owlet-there";
  std::filesystem::create_directories(folder / "owlet");
  const auto in_folder = [&](const std::string& words) {
    return run_owl3({"-c", "cd '" + folder.string() + "' && exec " OWL3_PROGRAM " " + words},
                    {.program = "/bin/sh"});
  };
  EXPECT_EQ(in_folder("info owlet").exit_code, 0) << "what has its name there is no model";
  const Outcome path = in_folder("info ./owlet");
  EXPECT_EQ(path.exit_code, 1);
  EXPECT_NE(path.err.find("./owlet: no config.json"), std::string::npos) << path.err;
  std::filesystem::remove(folder / "owlet");
  std::filesystem::copy(tiny_checkpoint(), folder / "owlet",
                        std::filesystem::copy_options::recursive);
  const std::string info = in_folder("info owlet").out;
  EXPECT_NE(info.find("SigLIP, 2 of 3 layers"), std::string::npos) << info << "tiny has as many";
}

}  // namespace

}  // namespace owl3::test
