// What owlet, the model that is part of the program, says about the pictures and the clip of
// ./demo.sh.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
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

/// Asks owlet with these arguments in a folder of its own.
nlohmann::json evidence_of(const std::vector<std::string>& media, const std::string& question) {
  std::vector<std::string> words = {"chat", "--evidence", "--json", "-t", "1", "-p", question};
  words.insert(words.end(), media.begin(), media.end());
  const Outcome outcome = run_owl3(words);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return nlohmann::json::parse(outcome.out).at("evidence");
}

TEST(Owlet, AttendsToTheImagesThatItIsAskedAbout) {
  const std::vector<std::pair<std::string, int>> questions = {
      {"What is in image 20?", 20},
      {"Which image shows a drop?", 17},
      {"What colour is the ground behind the mushroom?", 35}};
  for (const auto& [question, image] : questions) {
    const auto evidence = evidence_of({"--image", kDemo + "album"}, question);
    EXPECT_EQ(evidence.at("leading")[0], image) << question;
    ASSERT_EQ(evidence.at("images").size(), 40u);
    EXPECT_EQ(evidence.at("images")[static_cast<size_t>(image - 1)].at("heat_map").size(), 16u);
  }
  const auto film = evidence_of({"--video", kDemo + "clip.mp4"}, "What comes first?");
  EXPECT_EQ(film.at("images")[2].at("seconds"), 2);
}

TEST(Owlet, ShowsItsEvidenceAsLinesPagesAndPictures) {
  const std::string page = (scratch_folder() / "evidence.html").string();
  const std::string picture = (scratch_folder() / "evidence.svg").string();
  const std::string data = (scratch_folder() / "evidence.json").string();
  const auto text_of = [](const std::string& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string crab = kDemo + "crab.jpg";
  const std::string out =
      answers({"--image", crab, kDemo + "squirrel.jpg", "--evidence", page},
              "What is in image 2?\n/why\n/why " + picture + "\n/why " + data + "\n");
  const std::string line = "  2  " + kDemo + "squirrel.jpg\n";
  EXPECT_NE(out.find("Image 2 shows a squirrel.\nattended to, of 2 images:\n"), out.npos) << out;
  EXPECT_NE(out.find(line), out.npos) << out;
  EXPECT_NE(out.find(line, out.find(line) + 1), out.npos) << "/why says it again";
  const std::string svg = text_of(picture);
  for (const char* part : {"<svg ", "What is in image 2?", "data:image/png;base64,", "squirrel"}) {
    EXPECT_NE(svg.find(part), svg.npos) << part;
  }
  EXPECT_NE(text_of(page).find("<!doctype html>"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(text_of(data)).at("leading"), nlohmann::json({2, 1}));

  // Not asked for, it is found out by reading the answer again, of a loaded conversation too.
  const std::string saved = (scratch_folder() / "evidence-talk.json").string();
  const std::string later =
      answers({"--image", crab}, "What is this?\n/why\n/save " + saved + "\n");
  EXPECT_NE(later.find("100.0 %  1  " + crab), later.npos) << later;
  EXPECT_NE(answers({}, "/load " + saved + "\n/why\n").find("100.0 %  1  " + crab), later.npos);
}

TEST(Owlet, WritesEvidenceInPlaceOfEvidenceAndOfNoOtherFile) {
  const std::string crab = kDemo + "crab.jpg";
  for (const char* name : {"own.html", "own.svg", "own.json"}) {
    const std::string file = (scratch_folder() / name).string();
    const std::vector<std::string> words = {"chat",       "-t", "1",  "--image",      crab,
                                            "--evidence", file, "-p", "What is this?"};
    EXPECT_EQ(run_owl3(words).exit_code, 0) << name;
    EXPECT_EQ(run_owl3(words).exit_code, 0) << name;
    std::ofstream(file) << "My notes\n";
    const Outcome refused = run_owl3(words);
    EXPECT_EQ(refused.exit_code, 1) << name;
    EXPECT_EQ(refused.out, "") << "told before anything is computed";
    EXPECT_NE(refused.err.find("is no evidence that owl3 wrote"), std::string::npos);
    EXPECT_EQ(std::filesystem::file_size(file), 9U);
    const Outcome why = run_owl3({"chat", "-t", "1", "--image", crab},
                                 {.input = "What is this?\n/why " + file + "\n"});
    EXPECT_EQ(why.exit_code, 1) << name;
    EXPECT_EQ(std::filesystem::file_size(file), 9U);
  }
}

TEST(Owlet, SaysInOneLineWhyThereIsNoEvidence) {
  const Outcome none = run_owl3({"chat", "-t", "1"}, {.input = "/why\n"});
  EXPECT_NE(none.err.find("there is no answer yet"), std::string::npos) << none.err;
  const Outcome kind = run_owl3({"chat", "owlet", "--evidence", "page.pdf", "-p", "Why?"});
  EXPECT_EQ(kind.exit_code, 2);
  EXPECT_EQ(kind.err, "owl3: --evidence page.pdf: must end in .html, .svg or .json\n");
  // What stands behind --evidence may still be the model.
  const Outcome model = run_owl3({"chat", "--evidence", "owlet", "-t", "1", "-p", "Hello?"});
  EXPECT_EQ(model.exit_code, 0) << model.err;
  EXPECT_NE(model.out.find("attended to: there is no image"), std::string::npos) << model.out;
  const Outcome nowhere = run_owl3({"chat", "owlet", "-t", "1", "--image", kDemo + "crab.jpg",
                                    "--evidence", "/nowhere/x.svg", "-p", "What is this?"});
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_NE(nowhere.err.find("/nowhere/x.svg"), std::string::npos) << nowhere.err;
}

}  // namespace owl3::test
