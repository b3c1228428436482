// owl3 chat as a user runs it: questions, with their images and films, one at a time.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <set>

#include "chat_runs.h"
#include "core/byte_text.h"
#include "text/utf8.h"

namespace owl3::test {

namespace {

TEST(Chat, AnswersAboutAnImageTheSameWayForTheSameSeed) {
  const Outcome first = chat({"--image", kPhoto, "-p", "What is this?", "--seed", "7"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_TRUE(first.out.ends_with('\n')) << first.out;  // even where random weights say nothing
  EXPECT_EQ(first.err, "");                             // no progress bars into a pipe
  EXPECT_EQ(chat({"--image", kPhoto, "-p", "What is this?", "--seed", "7"}).out, first.out);
  // Random weights may end an answer at its first token, and two seeds may agree: some answer must
  // have words, and some must differ.
  std::set<std::string> answers;
  for (const char* seed : {"8", "9", "10", "11"}) {
    answers.insert(chat({"--image", kPhoto, "-p", "What is this?", "--seed", seed}).out);
  }
  EXPECT_GT(answers.size(), 1u);
}

/// A photo without its last two bytes, the JPEG's end marker.
std::string photo_without_end() {
  std::ifstream photo(kPhoto, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(photo), {}};
  bytes.resize(bytes.size() - 2);
  const std::string path = (scratch_folder() / "camera.jpg").string();
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

TEST(Chat, WarnsOfAPictureThatSomethingIsNotRightWith) {
  const std::string photo = photo_without_end();
  const Outcome outcome = chat({"--image", photo, "-p", "What is this?", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  const std::string warning = photo + ": the JPEG lacks its end marker; its pixels are all there";
  EXPECT_EQ(outcome.err, "owl3: warning: " + warning + "\n");
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["media"][0]["warning"], warning);
}

/// A GIF of a picture element on nothing, whose canvas has these sides.
std::string gif_of(const std::string& name, int width, int height) {
  std::string bytes(
      "GIF89a\0\0\0\0\x80\0\0\0\0\0\0\0\0!\xf9\4\1\0\0\1\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;", 43);
  for (int i = 0; i < 2; ++i) {
    bytes[static_cast<size_t>(6 + i)] = static_cast<char>(width >> 8 * i);
    bytes[static_cast<size_t>(8 + i)] = static_cast<char>(height >> 8 * i);
  }
  const std::string path = (scratch_folder() / name).string();
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

TEST(Chat, LaysWhatIsTransparentOverABackground) {
  const std::string logo = gif_of("logo.gif", 16, 16);
  const Outcome dropped = chat({"--image", logo, "-p", "What is this?"});
  EXPECT_EQ(dropped.exit_code, 0) << dropped.err;
  EXPECT_NE(dropped.err.find("logo.gif: 99 % of the picture is transparent"), std::string::npos)
      << dropped.err;
  const Outcome laid = chat({"--image", logo, "-p", "What is this?", "--background", "#fff"});
  EXPECT_EQ(laid.exit_code, 0) << laid.err;
  EXPECT_EQ(laid.err, "");
  // Two backgrounds are two pictures.
  const std::string file = (scratch_folder() / "logo.json").string();
  const Outcome saved = chat({"--background", "NAVY", "--no-cut", "--json"},
                             {.input = "/image " + logo + "\nWhat?\n/save " + file + "\n"});
  EXPECT_EQ(saved.err, "");
  EXPECT_EQ(nlohmann::json::parse(std::ifstream(file))["turns"][0]["media"][0]["background"],
            "#000080");
  const Outcome loaded = chat({}, {.input = "/load " + file + "\nAnd?\n"});
  EXPECT_EQ(loaded.exit_code, 0);
  EXPECT_EQ(loaded.err, "  loaded 1 question and answers\n");
  const Outcome wrong = chat({"--image", logo, "-p", "What?", "--background", "#12"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_NE(wrong.err.find("--background: must be a colour"), std::string::npos) << wrong.err;
}

TEST(Chat, RefusesPicturesThatClaimTooMuch) {
  const std::string canvas = gif_of("canvas.gif", 14000, 14000);
  const Outcome refused =
      chat({"--image", canvas, "-p", "What is this?", "--max-pixels", "1000000"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_TRUE(is_one_line(refused.err)) << refused.err;
  EXPECT_NE(refused.err.find("canvas.gif: it claims 14000 x 14000 pixels; the limit is "
                             "1000000 pixels"),
            std::string::npos)
      << refused.err;
  const Outcome film = chat({"--video", kFilm, "-p", "What is this?", "--max-pixels", "1000"});
  EXPECT_EQ(film.exit_code, 1);
  EXPECT_NE(film.err.find("the limit is 1000 pixels"), std::string::npos) << film.err;
  EXPECT_EQ(chat({"--image", kPhoto, "-p", "What?", "--max-pixels", "0"}).exit_code, 2);
}

TEST(Chat, RefusesPicturesThatTakeMoreMemoryThanItMayHave) {
  const std::string canvas = gif_of("canvas.gif", 14000, 14000);
  const std::string command = "ulimit -v 700000 && exec \"$0\" \"$@\"";
  const Outcome refused = run_owl3({"-c", command, OWL3_PROGRAM, "chat", tiny_checkpoint(), "-t",
                                    "1", "--image", canvas, "-p", "What is this?"},
                                   {.program = "/bin/sh"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_TRUE(is_one_line(refused.err)) << refused.err;
  EXPECT_NE(refused.err.find("decoding them takes"), std::string::npos) << refused.err;
}

TEST(Chat, ReadsTheQuestionFromStandardInput) {
  const Outcome given = chat({"-p", "Two\nlines", "--greedy"});
  const Outcome read = chat({"-p", "-", "--greedy"}, {.input = "Two\nlines\n"});
  EXPECT_EQ(read.exit_code, 0) << read.err;
  EXPECT_EQ(read.out, given.out);
}

TEST(Chat, PrintsOneJsonObject) {
  const auto json = chat_json({"--image", kPhoto, "--no-cut", "--video", kFilm, "--max-frames", "3",
                               "-p", "What happens?"});
  EXPECT_TRUE(json.at("text").is_string());
  EXPECT_EQ(json.at("stop_reason"), "length");
  EXPECT_EQ(json.at("tokens").at("new"), 12);
  EXPECT_GT(json.at("seconds").at("first_token").get<double>(), 0);
  ASSERT_EQ(json.at("media").size(), 2U);
  EXPECT_EQ(json.at("media")[0].at("images"), 1);
  EXPECT_GT(json.at("media")[0].at("bytes").get<int64_t>(), 0);
  EXPECT_EQ(json.at("media")[1].at("type"), "video");
  EXPECT_FALSE(json.at("media")[0].contains("frame_seconds"));
  EXPECT_EQ(json.at("media")[1].at("frame_seconds").size(), 3U);
}

TEST(Chat, TellsTheTimesOfTheFramesLookedAt) {
  const std::string folder = OWL3_TEST_DATA "/media/";
  const auto film = chat_json({"--video", folder + "h264-bframes.mp4", "--start", "2", "--end", "5",
                               "-p", "What happens?"});
  EXPECT_EQ(film.at("media")[0].at("frame_seconds"), nlohmann::json({2.0, 3.0, 4.0}));
  for (const char* name : {"animation.gif", "animation.webp"}) {
    const auto animation = chat_json({"--video", folder + name, "--fps", "1000", "-p", "What?"});
    EXPECT_EQ(animation.at("media")[0].at("frame_seconds"),
              nlohmann::json({0.0, 1.0, 1.5, 3.5, 3.6}))
        << name;
  }
}

TEST(Chat, KeepsTheOrderOfImagesAndFilms) {
  const auto json = chat_json({"--no-cut", "--video", kFilm, "--max-frames", "2", "--image", kPhoto,
                               kDrawing, "--video", kFilm, "-p", "<video><image><image><video>?"});
  std::string types;
  for (const auto& medium : json.at("media")) types += medium.at("type").get<std::string>() + " ";
  EXPECT_EQ(types, "video image image video ");
  EXPECT_EQ(json.at("media")[2].at("path"), kDrawing);
}

TEST(Chat, EncodesTheSameImageOnce) {
  const auto json =
      chat_json({"--no-cut", "--image", kPhoto, "--image", kPhoto, "-p", "Do they differ?"});
  EXPECT_EQ(json.at("images_encoded"), 1);
  EXPECT_EQ(json.at("images_reused"), 1);
}

TEST(Chat, KeepsImagesWithinTheMemoryBudget) {
  const auto one = chat_json({"--no-cut", "--image", kPhoto, "-p", "What is it?"});
  const auto bytes = one.at("visual_memory").at("bytes").get<int64_t>();
  EXPECT_EQ(one.at("media")[0].at("bytes"), bytes);
  const std::string budget = std::to_string(bytes * 3 / 2);
  const Outcome outcome =
      chat({"--no-cut", "--json", "--memory-budget", budget},
           {.input = "/image " + kPhoto + "\nWhat is it?\n/clear\n/image " + kDrawing +
                     "\nAnd this?\n/image " + kPhoto + "\n/stats\n"});
  EXPECT_EQ(outcome.exit_code, 1) << "the second has no room beside the first";
  EXPECT_NE(outcome.err.find("of which " + byte_text(bytes) + " are in use"), std::string::npos)
      << outcome.err;
  EXPECT_NE(outcome.out.find("; 1 image made way"), std::string::npos) << outcome.out;
  nlohmann::json last;
  for (const auto& line : json_lines(outcome.out)) {
    if (line.contains("visual_memory")) last = line.at("visual_memory");
  }
  EXPECT_EQ(last, nlohmann::json({{"images", 1},
                                  {"bytes", bytes},
                                  {"held_bytes", bytes},
                                  {"images_evicted", 1},
                                  {"budget_bytes", bytes * 3 / 2}}));
}

TEST(Chat, TakesAmountsOfMemoryAsPeopleWriteThem) {
  for (const auto& [text, bytes] : std::map<std::string, int64_t>{{"4G", 4'000'000'000},
                                                                  {"1.5gb", 1'500'000'000},
                                                                  {"512MiB", 536'870'912},
                                                                  {"2Ti", 2'199'023'255'552},
                                                                  {"70000k", 70'000'000}}) {
    const auto json = chat_json({"-p", "Well?", "--memory-budget", text});
    EXPECT_EQ(json.at("visual_memory").at("budget_bytes"), bytes) << text;
  }
  for (const std::string text : {"0", "4X", "-1", "G", "1e9", "4 GB", "99999999999G", "1.2.3M"}) {
    const Outcome outcome = chat({"-p", "Well?", "--memory-budget", text});
    EXPECT_EQ(outcome.exit_code, 2) << text;
    EXPECT_NE(outcome.err.find("--memory-budget: must be an amount such as 500M"),
              std::string::npos)
        << outcome.err;
  }
}

TEST(Chat, TakesTheModelAfterTheImages) {
  const Outcome outcome = run_owl3({"chat", "--image", kPhoto, tiny_checkpoint(), "-t", "1", "-p",
                                    "What?", "--max-new-tokens", "2"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST(Chat, StopsBeforeAStopString) {
  const auto whole = chat_json({"-p", "Say something", "--greedy"});
  const std::string text = whole.at("text");
  ASSERT_GT(text.size(), 4U);
  const std::string stop = text.substr(text.size() / 2, 2);
  const auto cut = chat_json({"-p", "Say something", "--greedy", "--stop", stop});
  EXPECT_EQ(cut.at("stop_reason"), "stop_string");
  EXPECT_EQ(cut.at("text"), text.substr(0, text.find(stop)));
}

TEST(Chat, TellsMarksThatDoNotFitBeforeAnyMediumIsRead) {
  const auto refusal = [](const std::string& question, const Words& media) {
    Words words = media;
    words.insert(words.end(), {"-p", question});
    const Outcome outcome = chat(words);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    return outcome.err;
  };
  const std::string broken = broken_image();
  EXPECT_NE(refusal("<image> or <image>", {"--image", broken}).find("2 image"), std::string::npos);
  EXPECT_NE(refusal("<video>?", {"--image", broken}).find("<video>"), std::string::npos);
  EXPECT_NE(refusal("<image>?", {"--video", broken}).find("a video"), std::string::npos);
  EXPECT_NE(refusal("<image>?", {}).find("0 media"), std::string::npos);
  EXPECT_NE(refusal("<|image|>?", {"--image", broken}).find("write <image>"), std::string::npos);
  const Outcome latin = chat({"-p", "-", "--image", broken}, {.input = "caf\xE9"});
  EXPECT_EQ(latin.exit_code, 2);
  EXPECT_NE(latin.err.find("UTF-8"), std::string::npos) << latin.err;
}

TEST(Chat, ReadsWhatWindowsProgramsWrite) {
  const auto tokens = [](const std::string& input, const Words& more) {
    Words words = {"--json", "--greedy"};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<int64_t> counts;
    for (const auto& line : json_lines(chat(words, {.input = input}).out)) {
      counts.push_back(line.at("tokens").at("prompt"));
    }
    return counts;
  };
  EXPECT_EQ(tokens("\xEF\xBB\xBFWhat?\r\nWhy \\\r\nso?\r\n", {}),
            tokens("What?\nWhy \\\nso?\n", {}));
  EXPECT_EQ(tokens("\xEF\xBB\xBFWhat\r\nis it?\r\n", {"-p", "-"}),
            tokens("What\nis it?", {"-p", "-"}));
  const Outcome utf16 = chat({"-p", "-"}, {.input = "\xFF\xFEh"});
  EXPECT_EQ(utf16.exit_code, 1);
  EXPECT_NE(utf16.err.find("UTF-16"), std::string::npos) << utf16.err;
}

TEST(Chat, LeavesOutABrokenImageAmongOthers) {
  const std::filesystem::path folder = scratch_folder() / "mixed";
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(kPhoto, folder / "1.jpg",
                             std::filesystem::copy_options::overwrite_existing);
  std::ofstream(folder / "2.jpg") << "broken";
  std::ofstream(folder / "._1.jpg") << "hidden";
  std::ofstream(folder / "a.xyz") << "x";
  const std::string broken = (folder / "2.jpg").string();
  const Outcome outcome = chat({"--image", folder.string(), "-p", "What?", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("1 .xyz file is not an image; 1 file is hidden"), std::string::npos);
  EXPECT_NE(outcome.err.find("warning: left out: " + broken), std::string::npos) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json.at("media").size(), 1U);
  EXPECT_EQ(json.at("left_out").size(), 3U);
  EXPECT_EQ(chat({"--image", folder.string(), "--strict", "-p", "What?"}).exit_code, 1);
  EXPECT_EQ(chat({"--image", folder.string(), "-p", "<image>, <image>?"}).exit_code, 1);
  EXPECT_EQ(chat({"--image", broken, "-p", "What?"}).exit_code, 1);
  EXPECT_EQ(chat({"--image", broken, broken, "-p", "What?"}).exit_code, 1);
}

/// The tiny checkpoint with a context of so many tokens.
std::string checkpoint_of_context(int64_t tokens) {
  namespace fs = std::filesystem;
  const fs::path folder = scratch_folder() / fmt::format("context-{}", tokens);
  fs::create_directories(folder);
  fs::copy(tiny_checkpoint(), folder,
           fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  std::ifstream file(folder / "config.json");
  auto config = nlohmann::json::parse(file);
  config["max_position_embeddings"] = tokens;
  std::ofstream(folder / "config.json") << config.dump();
  return folder;
}

TEST(Chat, RefusesMoreImagesThanTheContextHoldsBeforeAnyIsOpened) {
  const std::string model = checkpoint_of_context(4096);
  const std::filesystem::path folder = scratch_folder() / "many";
  std::filesystem::create_directories(folder);
  for (int i = 0; i < 4200; ++i) std::ofstream(folder / fmt::format("{}.jpg", i)) << "broken";
  const Words words = {"chat", model, "-t", "1", "--no-cut", "--image", folder.string()};
  const Outcome attached = run_owl3(words, {.input = ""});
  EXPECT_EQ(attached.exit_code, 2);
  EXPECT_NE(attached.err.find("context holds 4096"), std::string::npos) << attached.err;
  Words asked = words;
  asked.insert(asked.end(), {"-p", "What?"});
  EXPECT_NE(run_owl3(asked).err.find("context holds 4096"), std::string::npos);
}

TEST(Chat, RefusesTilesFramesAndWhatIsThereAlreadyBeforeEncoding) {
  const std::string model = checkpoint_of_context(100);
  const std::string photo = kPhoto;
  const Outcome outcome =
      run_owl3({"chat", model, "-t", "1", "--json", "--max-new-tokens", "2"},
               {.input = "/image " + photo + "\nWhat?\n/image " + photo + " " + photo + " " +
                         photo + " " + photo + " " + photo + " " + photo + "\nWhy?\n"});
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 4U) << outcome.out << outcome.err;
  const int64_t encoded = lines[1].at("images_encoded");
  EXPECT_EQ(lines[3].at("images_encoded"), encoded);
  ASSERT_EQ(lines[3].at("failed_commands").size(), 1U) << outcome.err;
  EXPECT_NE(outcome.err.find("context holds 100"), std::string::npos) << outcome.err;

  const Outcome frames = run_owl3({"chat", checkpoint_of_context(25), "-t", "1", "--video", kFilm,
                                   "--fps", "25", "-p", "What?"});
  EXPECT_EQ(frames.exit_code, 2);
  EXPECT_NE(frames.err.find("context holds 25"), std::string::npos) << frames.err;
}

/// A PNG of a few bytes that claims rows of 2147483647 pixels.
std::string wide_png() {
  constexpr std::string_view kDigits =
      "89504e470d0a1a0a0000000d494844527fffffff000000010806000000a03633dd0000000c494441"
      "54789c6360a03d00000064000186643c350000000049454e44ae426082";
  std::string bytes;
  for (size_t i = 0; i < kDigits.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(kDigits.substr(i, 2)), nullptr, 16)));
  }
  const std::string path = (scratch_folder() / "wide.png").string();
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

TEST(Chat, RefusesASizeThatAHeaderClaimsBeforeAnythingIsAllocated) {
  const std::string command = std::string("ulimit -v 1500000; exec ") + OWL3_PROGRAM + " chat " +
                              tiny_checkpoint() + " -t 1 -p x --image " + wide_png();
  const Outcome outcome = run_owl3({"-c", command}, {.program = "/bin/sh"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("it claims 2147483647 x 1 pixels"), std::string::npos) << outcome.err;
}

TEST(Chat, EndsAtATerminationSignal) {
  for (const int signal : {SIGTERM, SIGHUP}) {
    const Outcome asked =
        run_owl3({"chat", tiny_checkpoint(), "-t", "1", "-p", "Go on", "--max-new-tokens", "30000"},
                 {.signal_when = [] { return true; }, .signals = {signal}});
    EXPECT_EQ(asked.exit_code, 128 + signal) << asked.err;
  }
  const std::string file = (scratch_folder() / "saved-before-the-end.json").string();
  const std::string input = "/save " + file + "\nA long story\nAnd another\n";
  const Outcome conversation =
      run_owl3({"chat", tiny_checkpoint(), "-t", "1", "--max-new-tokens", "30000", "--json"},
               {.input = input,
                .signal_when = [&] { return std::filesystem::exists(file); },
                .signals = {SIGTERM}});
  EXPECT_EQ(conversation.exit_code, 128 + SIGTERM) << conversation.err;
}

TEST(Chat, StopsWhenStandardOutputIsFull) {
  for (const Words& more : {Words{"-p", "Go on"}, Words{}, Words{"--json"}}) {
    Words words = {"chat", tiny_checkpoint(), "-t", "1", "--max-new-tokens", "100"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = run_owl3(words, {.input = "One\nTwo\n", .out_file = "/dev/full"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.err, "owl3: standard output: No space left on device\n");
  }
}

TEST(Chat, NamesAStandardInputThatCannotBeRead) {
  for (const Words& more : {Words{"-p", "-"}, Words{}}) {
    const Outcome outcome = chat(more, {.closed = {0}});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.err, "owl3: standard input: Bad file descriptor\n");
  }
}

TEST(Chat, ShowsStatsOnRequest) {
  const Outcome outcome = chat({"--image", kPhoto, "-p", "What is it?", "--stats"});
  EXPECT_EQ(outcome.exit_code, 0);
  for (const char* word : {"images/s", "prefill", "decode", "first token", "peak memory"}) {
    EXPECT_NE(outcome.err.find(word), std::string::npos) << outcome.err;
  }
}

TEST(Chat, EndsAnAnswerCleanlyAtCtrlC) {
  // Of so many tokens, one that ends an answer is not chosen soon.
  const Outcome outcome =
      run_owl3({"chat", tiny_checkpoint(), "-t", "1", "-p", "What?", "--max-new-tokens", "30000",
                "--greedy", "--repetition-penalty", "1"},
               {.input = "", .interrupt_after_output = true});
  EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
  EXPECT_EQ(find_invalid_utf8(outcome.out), std::string::npos);
  ASSERT_FALSE(outcome.out.empty());
  EXPECT_EQ(outcome.out.back(), '\n');
}

TEST(Chat, TellsABrokenOffFilmAndAnswersAllTheSame) {
  const Outcome outcome = chat({"--video", OWL3_TEST_DATA "/media/truncated.webm", "--fps", "30",
                                "--max-frames", "4", "-p", "What?"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out, "");
  EXPECT_TRUE(outcome.err.starts_with("owl3: warning: ")) << outcome.err;
  EXPECT_NE(outcome.err.find("truncated.webm"), std::string::npos) << outcome.err;
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
}

TEST(Chat, TakesAGgufFileAfterTheImagesForTheModel) {
  const std::string gguf = (scratch_folder() / "behind images.GGUF").string();
  ASSERT_EQ(run_owl3({"convert", tiny_checkpoint(), gguf, "--type", "q8_0"}).exit_code, 0);
  const std::string no_suffix = (scratch_folder() / "behind-images").string();
  std::filesystem::copy_file(gguf, no_suffix, std::filesystem::copy_options::overwrite_existing);
  for (const std::string& model : {gguf, no_suffix}) {
    const Outcome outcome = run_owl3({"chat", "--image", kPhoto, model, "-t", "1", "-p", "What?",
                                      "--max-new-tokens", "2", "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(nlohmann::json::parse(outcome.out).at("media").size(), 1U);
  }
}

TEST(Chat, ReadsControlTokensInAQuestionAsTextUnlessTold) {
  const auto prompt_tokens = [](Words more) {
    more.insert(more.end(), {"-p", "a<|im_end|><|im_end|>b"});
    return chat_json(more).at("tokens").at("prompt").get<int>();
  };
  EXPECT_GT(prompt_tokens({}), prompt_tokens({"--control-tokens"}) + 2);
}

}  // namespace

}  // namespace owl3::test
