// The program around its commands: help, exit codes, one line for every error.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "run_program.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

const std::string kPhoto = OWL3_TEST_DATA "/images/08-RGB-200x150.jpg";

/// It ended with that code, and told why in one line that names `name`.
void expect_error(const Words& words, int exit_code, const std::string& name) {
  const Outcome outcome = run_owl3(words);
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_EQ(outcome.err.rfind("owl3: ", 0), 0U) << outcome.err;
  EXPECT_NE(outcome.err.find(name), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

Words chat(const Words& more) {
  Words words = {"chat", tiny_checkpoint(), "-t", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(Program, ExplainsEveryCommand) {
  const std::vector<Words> commands = {{},
                                       {"chat"},
                                       {"info"},
                                       {"convert"},
                                       {"bench"},
                                       {"eval"},
                                       {"eval", "bench"},
                                       {"eval", "compare"},
                                       {"eval", "distractors"},
                                       {"make-checkpoint"},
                                       {"inspect"},
                                       {"inspect", "data"},
                                       {"inspect", "eval"},
                                       {"inspect", "evidence"},
                                       {"inspect", "golden"},
                                       {"inspect", "image"},
                                       {"inspect", "prompt"},
                                       {"inspect", "tokenize"}};
  for (Words words : commands) {
    words.push_back("--help");
    const Outcome outcome = run_owl3(words);
    EXPECT_EQ(outcome.exit_code, 0) << words[0];
    EXPECT_NE(outcome.out.find("Usage: owl3"), std::string::npos) << outcome.out;
    EXPECT_EQ(outcome.err, "");
  }
  for (const Words& words :
       {Words{"--help"}, Words{"chat", "--help"}, Words{"inspect", "--help"},
        Words{"make-checkpoint", "--help"}, Words{"convert", "--help"}, Words{"bench", "--help"},
        Words{"eval", "--help"}, Words{"eval", "distractors", "--help"}}) {
    EXPECT_NE(run_owl3(words).out.find("Examples:\n  owl3 "), std::string::npos) << words[0];
  }
}

TEST(Program, TellsItsVersion) {
  const Outcome outcome = run_owl3({"--version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out.rfind("owl3 ", 0), 0U);
}

TEST(Program, RefusesWrongUsageInOneLine) {
  expect_error({}, 2, "no command");
  expect_error({"paint"}, 2, "unknown command \"paint\"");
  expect_error({"-v"}, 2, "did you mean owl3 --version?");
  expect_error({"--verson"}, 2, "unknown option \"--verson\"; did you mean --version?");
  expect_error({"inspect", "--foo"}, 2, "unknown option \"--foo\" (owl3 inspect --help");
  expect_error(chat({"-p", "a", "-p", "b"}), 2, "--prompt: is given 2 times; give it once");
  expect_error({"inspect", "soul"}, 2, "unknown command \"soul\"");
  expect_error(chat({"--shout"}), 2, "--shout");
  expect_error(chat({"-p", ""}), 2, "empty");
  expect_error(chat({"-p", " \n "}), 2, "empty");
  expect_error(chat({"-p", "caf\xE9"}), 2, "UTF-8");
  expect_error(chat({"-p", "x", "--system", "\xFF"}), 2, "UTF-8");
}

TEST(Program, RefusesWrongOptionValuesInOneLine) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"--temperature", "hot"}, {"--temperature", "nan"},  {"--top-k", "-1"},
      {"--top-p", "3"},         {"--min-p", "-1"},         {"--repetition-penalty", "0"},
      {"--seed", "-4"},         {"--max-new-tokens", "0"}, {"--num-beams", "0"},
      {"--preset", "wild"},     {"--precision", "int3"},   {"--threads", "-1"},
      {"--fps", "0"},           {"--fps", "inf"},          {"--max-frames", "0"},
      {"--start", "-1"},        {"--end", "nan"},          {"--stop", ""}};
  for (const auto& [option, value] : wrong) {
    const Outcome outcome = run_owl3(chat({"-p", "x", option, value}));
    EXPECT_EQ(outcome.exit_code, 2) << option << " " << value << ": " << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  }
  expect_error(chat({"-p", "x", "--greedy", "--top-p", "0.5"}), 2, "--greedy");
  expect_error(chat({"-p", "x", "--start", "9", "--end", "3"}), 2, "--end");
}

TEST(Program, TakesNumbersForDecimalOnesInTheirRange) {
  const auto stderr_of = [](const std::vector<std::string>& words) { return run_owl3(words).err; };
  for (const char* wrong : {"0x10", "1e3", "99999999999999999999", "5.5", "", "7 "}) {
    const Outcome outcome = run_owl3(chat({"-p", "x", "--max-new-tokens", wrong}));
    EXPECT_EQ(outcome.exit_code, 2) << wrong;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find("--max-new-tokens"), std::string::npos) << outcome.err;
  }
  EXPECT_NE(stderr_of(chat({"-p", "x", "--threads", "2000"})).find("from 0 to 1024, not \"2000\""),
            std::string::npos);
  EXPECT_NE(stderr_of({"bench", "m", "--images", "1,30001"}).find("from 1 to 30000"),
            std::string::npos);
  EXPECT_NE(stderr_of(chat({"-p", "x", "--top-p", "0x1p-1"})).find("from 0 to 1"),
            std::string::npos);
  const Outcome ten = run_owl3(chat({"-p", "Hi", "--json", "--greedy", "--max-new-tokens", "010"}));
  EXPECT_EQ(ten.exit_code, 0) << ten.err;
  EXPECT_EQ(nlohmann::json::parse(ten.out).at("tokens").at("new"), 10);
}

TEST(Program, SaysTheRangesOfItsHelp) {
  const std::string help = run_owl3({"chat", "--help"}).out;
  EXPECT_NE(help.find("[from 0 to 1024]"), std::string::npos) << help;
  EXPECT_NE(help.find("[1 or more]"), std::string::npos);
  EXPECT_NE(help.find("[above 0, up to 1000]"), std::string::npos);
  expect_error(chat({"-p", "x", "--max-frames", "0"}), 2, "of 1 or more, not \"0\"");
  expect_error(chat({"-p", "x", "--fps", "0"}), 2, "above 0, up to 1000, not \"0\"");
  expect_error(chat({"-p", "x", "--max-frames", "99999999999999999999"}), 2,
               "of 1 or more, up to 9");
}

TEST(Program, TellsWhatMayHaveBeenMeant) {
  expect_error({"caht"}, 2, "unknown command \"caht\"; did you mean chat?");
  expect_error({"run", "owlet"}, 2, "did you mean chat?");
  expect_error({"ls"}, 2, "did you mean list?");
  expect_error({"version"}, 2, "did you mean owl3 --version?");
  expect_error({"make-dta"}, 2, "did you mean make-data?");
  expect_error({"inspect", "tokenise"}, 2, "did you mean tokenize?");
  expect_error({"help", "conver"}, 2, "did you mean convert?");
  expect_error({"help", "pull", "extra"}, 2, "not expected: extra");
  expect_error(chat({"--max-new-token", "3"}), 2, "did you mean --max-new-tokens?");
  expect_error(chat({"--no-cuts"}), 2, "did you mean --no-cut?");
  expect_error(chat({"--img", "a.jpg"}), 2, "did you mean --image?");
  expect_error(chat({"--question", "Who?"}), 2, "did you mean --prompt?");
  expect_error(chat({"--tokens=3"}), 2, "did you mean --max-new-tokens?");
  expect_error({"plot", "--smoth", "3"}, 2, "did you mean --smooth?");
  const fs::path folder = scratch_folder() / "meant";
  fs::create_directories(folder);
  std::ofstream(folder / "holiday.jpg") << "x";
  const std::string meant = "did you mean " + (folder / "holiday.jpg").string() + "?";
  expect_error(chat({"-p", "x", "--image", (folder / "holidya.jpg").string()}), 1, meant);
  expect_error(chat({"-p", "x", "--video", (folder / "Holiday.JPG").string()}), 1, meant);
  const Outcome far = run_owl3(chat({"-p", "x", "--image", (folder / "quite-other.png").string()}));
  EXPECT_EQ(far.err.find("did you mean"), std::string::npos) << far.err;
}

TEST(Program, TellsWhichFileOrModelMayHaveBeenMeant) {
  const fs::path folder = scratch_folder() / "meant";
  fs::create_directories(folder / "adapter");
  std::ofstream(folder / "questions.jsonl") << "{}\n";
  std::ofstream(folder / "adapter" / "adapter_config.json") << "{}";
  const std::string mistyped = (folder / "question.jsonl").string();
  const std::string meant = "did you mean " + (folder / "questions.jsonl").string() + "?";
  expect_error({"eval", "conversations", tiny_checkpoint(), "--data", mistyped}, 1, meant);
  expect_error({"eval", "distractors", tiny_checkpoint(), "--data", mistyped}, 1, meant);
  expect_error(chat({"-p", "x", "--lora", (folder / "adaptor").string()}), 1,
               "did you mean " + (folder / "adapter").string());
  expect_error({"info", tiny_checkpoint() + "y"}, 1, "did you mean " + tiny_checkpoint() + "?");
  expect_error({"bench", "owl3-2d"}, 1, "did you mean owl3-2b?");
  expect_error({"chat", "owlett", "-p", "x"}, 1, "did you mean owlet?");
  expect_error({"convert", "owl3-7b:q4k", "x.gguf", "--type", "bf16"}, 1, "mean owl3-7b:q4_k?");
  expect_error({"info", "mPLUG/mPLUG-Owl3-2B-241015"}, 1, "mean mPLUG/mPLUG-Owl3-2B-241014?");
  expect_error({"pull", "owl-2b"}, 2, "did you mean owl3-2b?");
  // A folder of nearly that name, such as a clone, is meant less often than a model.
  const fs::path before = fs::current_path();
  fs::create_directories(folder / "owl3");
  fs::current_path(folder);
  expect_error({"chat", "owl3-2", "-p", "x"}, 1, "did you mean owl3-2b?");
  fs::current_path(before);
}

TEST(Program, SaysHowAFileThatIsNamedInAConversationIsAttached) {
  const fs::path spaced = scratch_folder() / "a picture.jpg";
  fs::copy_file(kPhoto, spaced, fs::copy_options::overwrite_existing);
  std::string escaped = spaced.string();
  escaped.replace(escaped.find(' '), 1, "\\ ");
  for (const std::string& line : {kPhoto, "'" + kPhoto + "'", escaped, "'" + spaced.string() + "'",
                                  "image " + kPhoto, "open " + kPhoto}) {
    const Outcome outcome = run_owl3({"chat", "owlet", "-t", "1"}, {.input = line + "\n"});
    EXPECT_EQ(outcome.exit_code, 1) << line;
    EXPECT_EQ(outcome.out, "") << line;
    EXPECT_NE(outcome.err.find(": /image /"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("attaches it"), std::string::npos) << outcome.err;
  }
  const Outcome within =
      run_owl3({"chat", "owlet", "-t", "1"}, {.input = "What is it? /image " + kPhoto + "\n"});
  EXPECT_NE(within.err.find("/image is a line of its own"), std::string::npos) << within.err;
  // What only looks like a file is a question.
  EXPECT_EQ(run_owl3({"chat", "owlet", "-t", "1"}, {.input = "image of what?\n"}).exit_code, 0);
}

TEST(Program, TellsWhereAPictureOrAQuestionGoes) {
  const std::string film = OWL3_SOURCE_DIR "/demo/ball.mp4";
  const std::string folder = OWL3_SOURCE_DIR "/demo/album";
  const std::string image = "images go with --image: --image " + kPhoto;
  const std::string question = "a question goes with -p: -p 'What is this?'";
  expect_error({"chat", "owlet", kPhoto, "-p", "hi"}, 2, image);
  expect_error({"chat", "owlet", "missing.jpg", "-p", "hi"}, 2, "--image missing.jpg");
  expect_error({"chat", "owlet", film}, 2, "films go with --video: --video " + film);
  expect_error({"chat", "owlet", "What is this?", "--image", kPhoto}, 2, question);
  expect_error({"chat", "owlet", "What", "is", "this?"}, 2, question);
  expect_error({"chat", kPhoto}, 2, image);
  expect_error({"chat", kPhoto, "-p", "hi"}, 2, "behind MODEL");
  expect_error({"chat", film}, 2, "--video " + film);
  expect_error({"chat", folder}, 2, "--image " + folder);
  expect_error({"chat", "What is this?", "--image", kPhoto}, 2, question);
  expect_error({"chat", "owlet", "--image", kPhoto, "What is this?"}, 2, question);
  expect_error({"chat", "owlet", "--image", kPhoto, "What", "is", "this"}, 2, "-p 'What is this'");
  const std::string memory = "memories go with --memory: --memory holiday.owlmem";
  expect_error({"chat", "holiday.owlmem", "-p", "x"}, 2, memory);
  expect_error({"chat", "owlet", "holiday.owlmem", "-p", "x"}, 2, memory);
  expect_error({"chat", "owlet", "--image", "holiday.owlmem", "-p", "x"}, 2, memory);
  // A name with a slip in it is no question.
  const Outcome missing = run_owl3({"chat", "owlet", "--image", "my photo.jpg"});
  EXPECT_EQ(missing.err.find("question"), std::string::npos) << missing.err;
}

TEST(Program, NamesAnOptionThatLacksItsValue) {
  expect_error({"chat", "owlet", "--image", "-p", "hi"}, 2, "--image: its value is missing: -p");
  expect_error({"chat", "owlet", "--system", "--seed"}, 2, "--system: its value is missing");
  expect_error({"convert", "owlet", "x.gguf", "--type", "--lora"}, 2, "--type");
  expect_error({"serve", "--port"}, 2, "--port: its value is missing (owl3 serve --help");
  expect_error({"inspect", "data", "x", "--media-root", "--quick"}, 2, "owl3 inspect data --help");
  EXPECT_EQ(run_owl3({"chat", "owlet", "--system", "-x", "-p", "hi"}).exit_code, 0);
}

TEST(Program, EchoesWhatItDoesNotExpectInItsOrder) {
  expect_error({"info", "owlet", "a", "b", "--c", "d"}, 2, "not expected: a b --c d (");
}

TEST(Program, TellsWhereARunsModelLies) {
  const fs::path adapted = scratch_folder() / "runs" / "adapted";
  const fs::path whole = scratch_folder() / "runs" / "whole";
  for (const fs::path& run : {adapted, whole}) fs::create_directories(run / "model");
  std::ofstream(adapted / "model" / "adapter_config.json") << "{}";
  std::ofstream(whole / "model" / "config.json") << "{}";
  const std::string adapter = (adapted / "model").string();
  const std::string model = (whole / "model").string();
  expect_error(chat({"-p", "x", "--lora", adapted.string()}), 1, "did you mean " + adapter + "?");
  expect_error(chat({"-p", "x", "--lora", whole.string()}), 1, model + " is a whole model");
  expect_error(chat({"-p", "x", "--lora", model}), 1, "give it as MODEL");
  expect_error({"chat", adapter, "-p", "x"}, 1, "a LoRA adapter: give the model it was made for");
  expect_error({"info", adapted.string()}, 1, "--lora " + adapter);
  expect_error({"info", whole.string()}, 1, "did you mean " + model + "?");
}

TEST(Program, GivesOneObjectForEachFailureInJson) {
  const std::vector<std::pair<Words, std::string>> failures = {
      {{"info", "/no/model", "--json"}, "input"},
      {{"info", "--json"}, "usage"},
      {{"info", tiny_checkpoint(), "--json", "--threads", "x"}, "usage"},
      {{"bench", "/no/model", "--json"}, "input"},
      {{"bench", tiny_checkpoint(), "--json", "--markdown"}, "usage"},
      {{"bench", tiny_checkpoint(), "--json", "--images", "30000", "--decode", "10000"}, "usage"},
      {{"eval", "distractors", tiny_checkpoint(), "--data", "/no", "--json"}, "input"},
      {{"eval", "bench", "mmvet", tiny_checkpoint(), "--data", "/no", "--json"}, "input"},
      {{"eval", "compare", "/no", "/no", "--json"}, "input"},
      {{"eval", "conversations", tiny_checkpoint(), "--data", "/no", "--json"}, "input"},
      {{"eval", "--json"}, "usage"},
      {{"inspect", "golden", "/no", "--json"}, "input"},
      {{"inspect", "eval", "/no", "--json"}, "input"},
      {{"inspect", "evidence", "/no", "--json"}, "input"},
      {{"chta", "--json"}, "usage"},
      {chat({"--json", "-p", "x", "--image", "missing.jpg"}), "input"}};
  for (const auto& [words, kind] : failures) {
    const Outcome outcome = run_owl3(words);
    EXPECT_EQ(outcome.exit_code, kind == "usage" ? 2 : 1) << words[0] << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    ASSERT_TRUE(is_one_line(outcome.out)) << words[0] << outcome.out;
    const auto object = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(object.at("kind"), kind) << outcome.out;
    EXPECT_NE(outcome.err.find(object.at("error").get<std::string>()), std::string::npos);
  }
  EXPECT_EQ(run_owl3({"info", "/no/model"}).out, "");
}

TEST(Program, ExplainsACommandByHelpToo) {
  EXPECT_EQ(run_owl3({"help"}).out, run_owl3({"--help"}).out);
  for (const Words& command : {Words{"chat"}, Words{"inspect", "image"}, Words{"make-data"}}) {
    Words by_word = {"help"};
    by_word.insert(by_word.end(), command.begin(), command.end());
    Words by_option = command;
    by_option.push_back("--help");
    EXPECT_EQ(run_owl3(by_word).out, run_owl3(by_option).out);
    EXPECT_EQ(run_owl3(by_word).exit_code, 0);
  }
}

TEST(Program, ShortensWhatIsNoName) {
  const std::string data(50'000, 'A');
  const Outcome question = run_owl3(chat({"-p", "What is data:image/png;base64," + data + "?"}));
  EXPECT_EQ(question.exit_code, 2);
  EXPECT_LT(question.err.size(), 400U) << question.err;
  EXPECT_NE(question.err.find("base64 at byte 9 (image/png, 50.0 kB)"), std::string::npos)
      << question.err;
  const Outcome number = run_owl3(chat({"-p", "x", "--max-new-tokens", data}));
  EXPECT_EQ(number.exit_code, 2);
  EXPECT_LT(number.err.size(), 400U) << number.err;
  for (const auto& words : {chat({"-p", "x", "--image", "data:image/png;base64," + data}),
                            chat({"-p", "x", "--video", data}),
                            chat({"-p", "x", "--lora", data}),
                            {"info", data}}) {
    const Outcome outcome = run_owl3(words);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_TRUE(is_one_line(outcome.err));
    EXPECT_LT(outcome.err.size(), 400U) << outcome.err;
  }
}

TEST(Program, NamesAModelThatCannotBeRead) {
  expect_error({"chat", "/no/such/model", "-p", "x"}, 1, "/no/such/model");
  expect_error({"chat", kPhoto, "-p", "x"}, 2, "08-RGB-200x150.jpg");
  const fs::path folder = scratch_folder() / "empty";
  fs::create_directories(folder);
  expect_error({"chat", folder.string(), "-p", "x"}, 1, "config.json");
}

TEST(Program, NamesAnImageThatCannotBeRead) {
  expect_error(chat({"-p", "x", "--image", "missing.jpg"}), 1, "missing.jpg");
  expect_error(chat({"-p", "x", "--image", scratch_folder().string() + "/no-*.gif"}), 1,
               "no-*.gif");
  const std::string text = (scratch_folder() / "letter.jpg").string();
  std::ofstream(text) << "Dear picture,\n";
  expect_error(chat({"-p", "x", "--image", text}), 1, "letter.jpg");

  std::ifstream photo(kPhoto, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(photo)), std::istreambuf_iterator<char>());
  bytes.resize(200);
  const std::string truncated = (scratch_folder() / "truncated.jpg").string();
  std::ofstream(truncated, std::ios::binary) << bytes;
  expect_error(chat({"-p", "x", "--image", truncated}), 1, "truncated.jpg");
  std::ofstream(truncated, std::ios::binary | std::ios::trunc).close();
  expect_error(chat({"-p", "x", "--image", truncated}), 1, "truncated.jpg");
}

TEST(Program, NamesAFilmThatCannotBeRead) {
  expect_error(chat({"-p", "x", "--video", "missing.mp4"}), 1, "missing.mp4");
  expect_error(chat({"-p", "x", "--video", OWL3_TEST_DATA "/media/no-video.m4a"}), 1, "no-video");
}

TEST(Program, RefusesMarksThatDoNotFitTheMedia) {
  expect_error(chat({"-p", "<image> and <image>", "--image", kPhoto}), 2, "2 image");
  expect_error(chat({"-p", "<video>?", "--image", kPhoto}), 2, "<video>");
}

/// tiny's, with ids beyond tiny's vocabulary.
nlohmann::json other_tokenizer() {
  std::ifstream file(fs::path(tiny_checkpoint()) / "tokenizer.json");
  nlohmann::json tokenizer = nlohmann::json::parse(file);
  for (auto& token : tokenizer.at("added_tokens")) token.at("id") = token.at("id").get<int>() + 9;
  return tokenizer;
}

TEST(Program, RefusesATokenizerOfAnotherModel) {
  const fs::path folder = scratch_folder() / "other-tokenizer";
  fs::copy(tiny_checkpoint(), folder);
  std::ofstream(folder / "tokenizer.json") << other_tokenizer();
  expect_error({"chat", folder.string(), "-p", "x"}, 1, "other-tokenizer/tokenizer.json");
  std::ofstream(folder / "tokenizer.json", std::ios::trunc).close();
  expect_error({"chat", folder.string(), "-p", "x"}, 1, "tokenizer.json: the file is empty");
}

TEST(Program, EndsWithoutACrashWhereDescriptorsAreClosed) {
  const Outcome no_output = run_owl3({"info", tiny_checkpoint()}, {.closed = {1}});
  EXPECT_EQ(no_output.exit_code, 1);
  EXPECT_EQ(no_output.err, "owl3: standard output: Bad file descriptor\n");
  EXPECT_EQ(run_owl3({"info", "/no/such/model"}, {.closed = {2}}).exit_code, 1);
  EXPECT_EQ(run_owl3({"info", tiny_checkpoint()}, {.closed = {0, 1, 2}}).exit_code, 1);
  EXPECT_EQ(run_owl3({"--help"}, {.out_file = "/dev/full"}).exit_code, 1);
}

TEST(Info, TellsWhatACheckpointIs) {
  const Outcome text = run_owl3({"info", tiny_checkpoint()});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("gated"), std::string::npos) << text.out;

  const Outcome outcome = run_owl3({"info", tiny_checkpoint(), "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json.at("variant"), "gated");
  EXPECT_EQ(json.at("config").at("vision_config").at("image_size"), 56);
  EXPECT_GT(json.at("memory").at("bytes_per_image"), 0);
  EXPECT_EQ(json.at("machine").at("fits"), true);
}

TEST(Info, NamesACheckpointThatCannotBeRead) {
  expect_error({"info", "/no/such/model"}, 1, "/no/such/model");
  expect_error({"info"}, 2, "MODEL");
  const fs::path folder = scratch_folder() / "broken-config";
  fs::copy(tiny_checkpoint(), folder);
  std::ofstream(folder / "config.json", std::ios::trunc) << "{\"hidden_size\": ";
  expect_error({"info", folder.string()}, 1, "broken-config/config.json");
  fs::remove(folder / "config.json");
  expect_error({"info", folder.string()}, 1, "no config.json");
}

TEST(MakeCheckpoint, RefusesWhatItWouldHarmOrDoesNotKnow) {
  const std::string out = (scratch_folder() / "refused").string();
  expect_error({"make-checkpoint", out}, 2, "--like");
  expect_error({"make-checkpoint", "--like", "9b", out}, 2, "9b");
  expect_error({"make-checkpoint", "--like", "tiny", "--dtype", "int3", out}, 2, "int3");
  expect_error({"make-checkpoint", "--like", "tiny", "--shard-size", "much", out}, 2, "much");
  expect_error({"make-checkpoint", "--like", "1b", "--variant", "unified", out}, 2, "--variant");
  expect_error({"make-checkpoint", "--like", "tiny", "--tokenizer", "none.json", out}, 1,
               "none.json");
  const std::string no_tokenizer = tiny_checkpoint() + "/config.json";
  expect_error({"make-checkpoint", "--like", "tiny", "--tokenizer", no_tokenizer, out}, 1,
               "config.json");
  const fs::path larger = scratch_folder() / "larger-tokenizer.json";
  std::ofstream(larger) << other_tokenizer();
  expect_error({"make-checkpoint", "--like", "tiny", "--tokenizer", larger.string(), out}, 1,
               "larger-tokenizer.json: has token ids up to");
  expect_error({"make-checkpoint", "--like", "tiny", "--seed", "-1", out}, 2, "-1");
  expect_error({"make-checkpoint", "--like", "tiny", ""}, 2, "OUT");
  EXPECT_FALSE(fs::exists(out));
  expect_error({"make-checkpoint", "--like", "tiny", tiny_checkpoint()}, 1, "--force");
  expect_error({"make-checkpoint", "--like", "tiny", kPhoto}, 1, "not a folder");
  // Nobody, root included, makes folders there.
  expect_error({"make-checkpoint", "--like", "tiny", "/proc/owl3-test"}, 1, "/proc/owl3-test");

  const fs::path other = scratch_folder() / "letters";
  fs::create_directories(other);
  std::ofstream(other / "letter.txt") << "Dear checkpoint,\n";
  expect_error({"make-checkpoint", "--like", "tiny", "--force", other.string()}, 1, "config.json");
  EXPECT_TRUE(fs::exists(other / "letter.txt"));
}

TEST(MakeCheckpoint, LeavesNothingWhenItIsInterrupted) {
  const fs::path folder = scratch_folder() / "interrupted";
  fs::create_directories(folder);
  if (fs::space(folder).available < 4'000'000'000) GTEST_SKIP() << "a large disk is needed";
  const std::vector<std::vector<int>> endings = {
      {SIGINT}, {SIGTERM}, {SIGHUP}, {SIGINT, SIGTERM}, {SIGTERM, SIGTERM}};
  for (const std::vector<int>& signals : endings) {
    const Outcome outcome =
        run_owl3({"make-checkpoint", "--like", "1b", (folder / "new" / "out").string()},
                 {.signal_when = [&] { return !fs::is_empty(folder); }, .signals = signals});
    EXPECT_GT(outcome.exit_code, 128) << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_TRUE(fs::is_empty(folder)) << fs::directory_iterator(folder)->path();
  }
}

TEST(Program, HoldsTheGoldensAndTellsADamagedOne) {
  for (const char* name : {"gated-tied", "gated-untied", "unified"}) {
    const fs::path golden = fs::path(OWL3_TEST_DATA) / "model" / name;
    const Words words = {"inspect", "golden", "--no-splits", "-t", "1"};
    Words whole = words;
    whole.push_back(golden.string());
    const Outcome outcome = run_owl3(whole);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err << outcome.out;

    const fs::path copy = scratch_folder() / name;
    fs::copy(golden, copy, fs::copy_options::recursive);
    for (const auto& file : fs::directory_iterator(copy)) {
      if (file.path().string().find(".logits.f32") == std::string::npos) continue;
      const std::string zeros(fs::file_size(file), '\0');
      std::ofstream(file.path(), std::ios::binary) << zeros;
    }
    Words damaged = words;
    damaged.push_back(copy.string());
    const Outcome refused = run_owl3(damaged);
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_TRUE(is_one_line(refused.err)) << refused.err;
  }
}

}  // namespace

}  // namespace owl3::test
