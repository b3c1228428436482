// owl3 chat as a conversation: follow-up questions, commands, and what is kept of it.
#include <gtest/gtest.h>

#include "chat_runs.h"

namespace owl3::test {

namespace {

TEST(ChatConversation, FollowUpsComputeOnlyTheirOwnTokensAndEncodeNothing) {
  const Outcome outcome = chat({"--image", kPhoto, "--json"}, {.input = "What is it?\nAnd why?\n"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto answers = json_lines(outcome.out);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].at("images_encoded"), answers[1].at("images_encoded"));
  EXPECT_LT(answers[1].at("tokens").at("prefilled"), answers[0].at("tokens").at("prefilled"));
  EXPECT_GT(answers[1].at("tokens").at("prompt"), answers[0].at("tokens").at("prompt"));
  EXPECT_TRUE(answers[1].at("media").empty());
}

TEST(ChatConversation, GoesOnAfterErrorsInTheConversation) {
  const Outcome outcome =
      chat({}, {.input = "/image nothing.jpg\n/nonsense\n/image 'open\n/video\n<image>?\nHello\n"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("nothing.jpg: no such file"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("/nonsense: unknown command; /help lists them"), std::string::npos);
  EXPECT_NE(outcome.err.find("is not closed"), std::string::npos);
  EXPECT_NE(outcome.err.find("/video: name a file"), std::string::npos);
  EXPECT_NE(outcome.out, "") << "the last question was answered";
}

TEST(ChatConversation, AttachesFilesWithSpacesGlobsAndHelpsOut) {
  const auto folder = scratch_folder() / "my photos";
  std::filesystem::create_directories(folder);
  for (const char* name : {"10.jpg", "2.jpg"}) {
    std::filesystem::copy_file(kPhoto, folder / name,
                               std::filesystem::copy_options::overwrite_existing);
  }
  const std::string path = folder.string();
  const Outcome outcome = chat({}, {.input = "/image " + path + "/2.jpg\n/image \"" + path +
                                             "/*.jpg\"\n/help\n/stats\n/quit\nnot asked\n"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const size_t two = outcome.err.find("2.jpg", outcome.err.find("2.jpg") + 1);
  EXPECT_LT(two, outcome.err.find("10.jpg")) << outcome.err;
  EXPECT_NE(outcome.out.find("/save F"), std::string::npos);
  EXPECT_NE(outcome.out.find("visual memory"), std::string::npos);
}

TEST(ChatConversation, GoesOnWithASavedConversation) {
  const std::string file = (scratch_folder() / "talk.json").string();
  const Outcome saved =
      chat({"--image", kPhoto, "--greedy", "--system", "You see.", "--json"},
           {.input = "What is it?\n/save " + file + "\nAnd then?\n/save " + file + ".2\n"});
  ASSERT_EQ(saved.exit_code, 0) << saved.err;
  const auto json = nlohmann::json::parse(std::ifstream(file));
  EXPECT_EQ(json.at("system"), "You see.");
  ASSERT_EQ(json.at("turns").size(), 1U);
  EXPECT_EQ(json.at("turns")[0].at("media")[0].at("path"), kPhoto);
  EXPECT_EQ(json.at("turns")[0].at("answer"), json_lines(saved.out).at(0).at("text"));

  const Outcome loaded = chat({"--greedy", "--json"}, {.input = "/load " + file + "\nAnd then?\n"});
  ASSERT_EQ(loaded.exit_code, 0) << loaded.err;
  EXPECT_EQ(json_lines(loaded.out).at(0).at("questions"), 1);
  const auto again = json_lines(loaded.out).at(1);
  EXPECT_GT(again.at("images_encoded"), 0);
  EXPECT_GT(again.at("tokens").at("prompt"), 100);

  const Outcome at_once = chat({"--load", file, "--greedy", "--json", "-p", "And then?"});
  ASSERT_EQ(at_once.exit_code, 0) << at_once.err;
  EXPECT_EQ(json_lines(at_once.out).at(0).at("text"), again.at("text"));
  const Outcome twice = chat({"--load", file, "--system", "You don't.", "-p", "And then?"});
  EXPECT_EQ(twice.exit_code, 2);
  EXPECT_NE(twice.err.find("--load: "), std::string::npos) << twice.err;
}

TEST(ChatConversation, SavesInPlaceOfASavedConversationAndOfNoOtherFile) {
  const auto file = [](const char* name) { return (scratch_folder() / name).string(); };
  std::filesystem::copy_file(kPhoto, file("kept.jpg"));
  std::ofstream(file("empty.json")).close();
  const Outcome outcome = chat({}, {.input = "/save " + file("kept.jpg") + "\n"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "owl3: " + file("kept.jpg") +
                             ": is there and is no conversation that owl3 wrote; choose another "
                             "name\n");
  EXPECT_EQ(std::filesystem::file_size(file("kept.jpg")), std::filesystem::file_size(kPhoto));
  const std::string save = "/save " + file("empty.json") + "\n";
  EXPECT_EQ(chat({}, {.input = save + save}).exit_code, 0);
}

TEST(ChatConversation, RefusesWhatIsNoSavedConversation) {
  const std::string file = (scratch_folder() / "broken.json").string();
  const Words broken = {"",
                        "[]",
                        "{}",
                        "{\"format\": \"owl3 conversation\", \"version\": 9}",
                        "{\"format\": \"owl3 conversation\", \"version\": 1, \"turns\": 5}",
                        "{\"format\": \"owl3 conversation\", \"version\": 1, \"turns\": [7]}",
                        "{\"format\": \"owl3 conversation\", \"version\": 1, \"turns\": "
                        "[{\"media\": [{\"type\": \"song\"}]}]}"};
  for (const std::string& text : broken) {
    std::ofstream(file) << text;
    const Outcome outcome = chat({}, {.input = "/load " + file + "\n"});
    EXPECT_EQ(outcome.exit_code, 1) << text;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find("broken.json"), std::string::npos) << outcome.err;
  }
}

TEST(ChatConversation, TellsMarksThatDoNotFitInAConversationAndKeepsWhatIsAttached) {
  const std::string question = "<image> or <image>?";
  const std::string at_once = chat({"--image", kPhoto, "-p", question}).err;
  const Outcome outcome =
      chat({"--image", kPhoto, "--json"}, {.input = question + "\nWhat is <image>?\n"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, at_once);
  const auto answers = json_lines(outcome.out);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].at("kind"), "usage");
  EXPECT_EQ(answers[1].at("media").size(), 1U);
}

TEST(ChatConversation, PrintsOneJsonLineForEachLineWhateverHappens) {
  const Outcome outcome =
      chat({"--json"}, {.input = "/image missing.jpg\nWhat?\ncaf\xE9\n<image>?\n\n" +
                                 std::string(40'000, 'x') + "\nWhy?\n"});
  EXPECT_EQ(outcome.exit_code, 1);
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 7U) << outcome.out;
  EXPECT_EQ(lines[0].at("command"), "/image");
  EXPECT_EQ(lines[0].at("kind"), "input");
  EXPECT_EQ(lines[1].at("failed_commands").size(), 1U);
  for (const size_t failed : {2U, 3U, 5U}) {
    EXPECT_EQ(lines[failed].at("kind"), "usage");
    EXPECT_NE(outcome.err.find(lines[failed].at("error").get<std::string>()), std::string::npos);
  }
  EXPECT_TRUE(lines[4].contains("skipped"));
  EXPECT_TRUE(lines[6].contains("text"));
  const Outcome asked = chat({"--json", "-p", "What?", "--image", "missing.jpg"});
  EXPECT_EQ(asked.exit_code, 1);
  EXPECT_EQ(nlohmann::json::parse(asked.out).at("kind"), "input");
}

TEST(ChatConversation, LinesThatAreOneHaveOneObjectAndACommandInFrontItsOwn) {
  const Outcome outcome =
      chat({"--json"}, {.input = "What is\\\nthis?\n/image " + kPhoto + "\\\nWhat is this?\n"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto objects = json_lines(outcome.out);
  ASSERT_EQ(objects.size(), 3U) << outcome.out;
  EXPECT_TRUE(objects[0].contains("text"));
  EXPECT_EQ(objects[1].at("command"), "/image");
  EXPECT_EQ(objects[2].at("media").size(), 1U);
}

TEST(ChatConversation, PrintsOneJsonObjectForEachCommand) {
  const std::string file = (scratch_folder() / "commands.json").string();
  const Words lines = {
      "/image " + kPhoto, "/detach",       "/detach",       "/stats",  "/help", "exit",
      "/clear",           "/save " + file, "/load " + file, "/imge x", "/quit"};
  std::string input;
  for (const std::string& line : lines) input += line + "\n";
  const Outcome outcome = chat({"--json"}, {.input = input + "not read\n"});
  EXPECT_EQ(outcome.exit_code, 1);
  const auto objects = json_lines(outcome.out);
  ASSERT_EQ(objects.size(), lines.size()) << outcome.out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] == "exit") {
      EXPECT_TRUE(objects[i].contains("text")) << "for programs, a question as any other";
      continue;
    }
    EXPECT_EQ(objects[i].at("command"), lines[i].substr(0, lines[i].find(' ')));
  }
  EXPECT_EQ(objects[0].at("media")[0].at("path"), kPhoto);
  EXPECT_EQ(objects[1].at("detached").size(), 1U);
  EXPECT_EQ(objects[2].at("error"), "/detach: nothing is attached");
  EXPECT_NE(outcome.err.find("/imge: unknown command; did you mean /image?"), std::string::npos);
}

TEST(ChatConversation, TakesOffWhatWasAttachedByMistake) {
  const Outcome outcome =
      chat({"--json", "--no-cut", "--image", kPhoto, kDrawing},
           {.input = "/detach 3\n/image " + kDrawing + " " + kPhoto +
                     "\n/detach 2\nWhat?\n/image " + kPhoto + "\n/image " + kDrawing +
                     "\n/detach\nAnd?\n/image " + kPhoto + "\n/detach all\nWhy?\n"});
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 11U) << outcome.out;
  EXPECT_NE(outcome.err.find("/detach: \"3\" is none of those attached: 1 " + kPhoto),
            std::string::npos)
      << outcome.err;
  EXPECT_EQ(lines[2].at("detached")[0].at("path"), kDrawing);
  std::string asked;
  for (const auto& medium : lines[3].at("media")) {
    asked += medium.at("path") == kPhoto ? "photo " : "drawing ";
  }
  EXPECT_EQ(asked, "photo drawing photo ");
  ASSERT_EQ(lines[7].at("media").size(), 1U);
  EXPECT_EQ(lines[7].at("media")[0].at("path"), kPhoto);
  EXPECT_TRUE(lines[10].at("media").empty());
}

TEST(ChatConversation, NotesOfWhatWasDoneStandBesideTheAnswersOnAPipe) {
  const Outcome outcome = chat({"--no-cut"}, {.input = "/image " + kPhoto + "\n/detach\n/clear\n"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  for (const char* note : {kPhoto.c_str(), "taken off: ", "a new conversation"}) {
    EXPECT_NE(outcome.err.find(note), std::string::npos) << outcome.err;
  }
  EXPECT_NE(chat({}, {.input = "/stats\n"}).out, "") << "which was asked for";
}

TEST(ChatConversation, UnderstandsTheWordsOfOtherPrograms) {
  for (const char* word : {"exit", "quit"}) {
    const Outcome left = chat({}, {.input = std::string(word) + "\nnot asked\n"});
    EXPECT_EQ(left.exit_code, 0) << left.err;
    EXPECT_NE(left.err.find("is taken for /quit"), std::string::npos) << left.err;
  }
  const Outcome helped = chat({}, {.input = "help\n/quit\n"});
  EXPECT_NE(helped.err.find("\"help\" is taken for /help"), std::string::npos) << helped.err;
  EXPECT_NE(helped.out.find("/detach [N]"), std::string::npos);
  const Outcome asked = chat({}, {.input = "help me\n"});
  EXPECT_EQ(asked.out.find("/detach"), std::string::npos) << asked.out;
}

TEST(ChatConversation, LoadsNoMediumOfAConversationWhoseMarksDoNotFit) {
  const std::string file = (scratch_folder() / "marks.json").string();
  std::ofstream(file) << R"({"format": "owl3 conversation", "version": 1, "turns": [
      {"question": "<video>?", "answer": "", "media": [{"type": "image", "path": ")"
                      << broken_image() << "\"}]}]}";
  const Outcome outcome = chat({}, {.input = "/load " + file + "\n"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_NE(outcome.err.find("marks.json: turns[0]: mark 1"), std::string::npos) << outcome.err;
}

TEST(ChatConversation, LoadsAllThatWasSavedOfTheAnswers) {
  const std::string first = (scratch_folder() / "options.json").string();
  const std::string second = (scratch_folder() / "options-again.json").string();
  const Outcome saved =
      chat({"--seed", "18446744073709551615", "--stop", "x\"y", "--stop", "\xE2\x82\xAC"},
           {.input = "/save " + first + "\n"});
  ASSERT_EQ(saved.exit_code, 0) << saved.err;
  const auto load_and_save = [&](const Words& options) {
    Words words = {"chat", tiny_checkpoint(), "-t", "1"};
    words.insert(words.end(), options.begin(), options.end());
    const Outcome outcome =
        run_owl3(words, {.input = "/load " + first + "\n/save " + second + "\n"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(std::ifstream(second)).at("generation");
  };
  const auto generation = nlohmann::json::parse(std::ifstream(first)).at("generation");
  EXPECT_EQ(generation.at("seed"), 18446744073709551615U);
  EXPECT_EQ(generation.at("stop").size(), 2U);
  EXPECT_EQ(load_and_save({}), generation);
  EXPECT_EQ(load_and_save({"--stop", "z"}).at("stop"), nlohmann::json({"z"}));
  for (const char* wrong : {R"({"stop": "x"})", R"({"stop": [""]})", R"({"stop": [7]})",
                            R"({"seed": -1})", R"({"seed": 1.5})", R"({"seed": "1"})"}) {
    std::ofstream(first) << R"({"format": "owl3 conversation", "version": 1, "generation": )"
                         << wrong << "}";
    const Outcome outcome = chat({}, {.input = "/load " + first + "\n"});
    EXPECT_EQ(outcome.exit_code, 1) << wrong;
    EXPECT_NE(outcome.err.find("generation."), std::string::npos) << outcome.err;
  }
}

}  // namespace

}  // namespace owl3::test
