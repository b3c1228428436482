// owl3 index, owl3 memory and owl3 chat --memory, as people use them.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "core/scratch_folder.h"
#include "owl3/saved_memory.h"
#include "run_program.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;

const fs::path kDemo = fs::path(OWL3_SOURCE_DIR) / "demo";

class MemoryCommands : public ::testing::Test {
 protected:
  MemoryCommands() {
    fs::create_directory(folder_ / "album");
    for (const char* name : {"01.jpg", "02.jpg", "03.jpg", "04.jpg"}) {
      fs::copy_file(kDemo / "album" / name, folder_ / "album" / name);
    }
    fs::copy_file(kDemo / "clip.mp4", folder_ / "album" / "clip.mp4");
  }

  Outcome index(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"index", album(), "-o", memory()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_owl3(arguments);
  }
  std::string album() const { return (folder_ / "album").string(); }
  std::string memory() const { return (folder_ / "a.owlmem").string(); }
  std::vector<nlohmann::json> list(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"memory", "list", memory(), "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run_owl3(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    std::vector<nlohmann::json> lines;
    std::istringstream text(outcome.out);
    for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }
  void flip_in_photo(const std::string& name) const {
    for (const SavedMedium& medium : SavedMemory::open(memory()).media()) {
      if (medium.path.filename() != name) continue;
      std::string bytes = read_text(memory());
      bytes[medium.image_offsets[0] + 9] ^= 1;
      std::ofstream(memory(), std::ios::binary) << bytes;
    }
  }
  static std::string answer(const std::vector<std::string>& about, const std::string& question) {
    std::vector<std::string> arguments = {"chat", "--greedy", "-p", question};
    arguments.insert(arguments.end(), about.begin(), about.end());
    const Outcome outcome = run_owl3(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.out;
  }

  ScratchFolder folder_;
};

TEST_F(MemoryCommands, AnswerAsTheFilesThemselvesDo) {
  const Outcome indexed = index();
  EXPECT_EQ(indexed.exit_code, 0) << indexed.err;
  EXPECT_NE(indexed.out.find("4 photos and 1 film"), std::string::npos) << indexed.out;
  EXPECT_NE(indexed.out.find("5 new"), std::string::npos) << indexed.out;
  const std::string question = "Which picture has an animal?";
  EXPECT_EQ(answer({"--memory", memory(), "--only", "*.jpg"}, question),
            answer({"--image", album()}, question));
  const std::string clip = album() + "/clip.mp4";
  EXPECT_EQ(answer({"--memory", memory(), "--only", "clip.mp4"}, "What happens?"),
            answer({"--video", clip}, "What happens?"));
  // The files are not needed any more.
  fs::remove_all(folder_ / "album");
  EXPECT_NE(answer({"--memory", memory()}, "What happens?"), "");
}

TEST_F(MemoryCommands, AreAskedWithTheModelTheyWereMadeWith) {
  const std::string tiny = tiny_checkpoint();
  EXPECT_EQ(run_owl3({"index", tiny, album() + "/01.jpg", "-o", memory()}).exit_code, 0);
  const Outcome asked = run_owl3({"chat", "--memory", memory(), "--greedy", "--max-new-tokens", "4",
                                  "-t", "1", "-p", "What?"});
  EXPECT_EQ(asked.exit_code, 0) << asked.err;
  EXPECT_NE(asked.err.find("was made with " + tiny + ", which answers"), std::string::npos)
      << asked.err;
  EXPECT_EQ(asked.err.find("no model named"), std::string::npos) << asked.err;
  const Outcome more = run_owl3({"index", album() + "/02.jpg", "-o", memory(), "--keep-missing"});
  EXPECT_EQ(more.exit_code, 0) << more.err;
  EXPECT_NE(more.out.find("2 photos"), std::string::npos) << more.out;
}

TEST_F(MemoryCommands, OfTheProgramsOwnModelAdviseNoOther) {
  ASSERT_EQ(index().exit_code, 0);
  const Outcome asked = run_owl3({"chat", "--memory", memory(), "-p", "What is image 2?"});
  EXPECT_EQ(asked.exit_code, 0);
  EXPECT_EQ(asked.err, "owl3: " + memory() + " was made with owlet, which answers\n");
}

TEST_F(MemoryCommands, LeaveNoMemoryWhereNothingCouldBeRead) {
  const std::string text = (folder_ / "notes.txt").string();
  std::ofstream(text) << "no picture\n";
  for (const auto& files : {std::vector<std::string>{text}, std::vector<std::string>{text, text}}) {
    std::vector<std::string> arguments = {"index", "-o", memory()};
    arguments.insert(arguments.end(), files.begin(), files.end());
    EXPECT_EQ(run_owl3(arguments).exit_code, 1);
    EXPECT_FALSE(fs::exists(memory()));
  }
  index();
  const size_t before = list().size();
  EXPECT_EQ(run_owl3({"index", text, "-o", memory(), "--keep-missing"}).exit_code, 1);
  EXPECT_EQ(list().size(), before) << "what was there stays";
}

TEST_F(MemoryCommands, ListWhatThereIs) {
  index();
  const std::vector<nlohmann::json> lines = list();
  ASSERT_GT(lines.size(), 5U);
  EXPECT_EQ(lines[0]["path"], album() + "/01.jpg");
  EXPECT_EQ(lines[0]["bytes"], fs::file_size(kDemo / "album" / "01.jpg"));
  EXPECT_EQ(lines[0]["sha256"].get<std::string>().size(), 64U);
  EXPECT_EQ(lines[4]["type"], "video");
  EXPECT_EQ(lines[4]["seconds"], 0);
  EXPECT_EQ(list({"--only", "clip*", "--from", "0:01", "--to", "2"}).size(), 2U);
  const Outcome table = run_owl3({"memory", "list", memory()});
  EXPECT_NE(table.out.find("01.jpg"), std::string::npos);
  EXPECT_NE(table.out.find("0:00:01"), std::string::npos);
  const Outcome info = run_owl3({"memory", "info", memory(), "--json"});
  const auto json = nlohmann::json::parse(info.out);
  EXPECT_EQ(json["photos"], 4);
  EXPECT_EQ(json["films"], 1);
  EXPECT_EQ(json["model"], "owlet");
  EXPECT_EQ(json["bytes"], fs::file_size(memory()));
}

TEST_F(MemoryCommands, BringItUpToDate) {
  index();
  fs::remove(folder_ / "album" / "02.jpg");
  fs::copy_file(kDemo / "album" / "09.jpg", folder_ / "album" / "09.jpg");
  const auto report = nlohmann::json::parse(index({"--json"}).out);
  EXPECT_EQ(report["added"], 1);
  EXPECT_EQ(report["unchanged"], 4);
  EXPECT_EQ(report["forgotten"], nlohmann::json::array({album() + "/02.jpg"}));
  EXPECT_EQ(report["images_encoded"], 1);
  const Outcome removed = run_owl3({"memory", "remove", memory(), "0[13].jpg"});
  EXPECT_EQ(removed.exit_code, 0) << removed.err;
  EXPECT_EQ(list({"--only", "*.jpg"}).size(), 2U);
  const Outcome nothing = run_owl3({"memory", "remove", memory(), "nothing"});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_TRUE(is_one_line(nothing.err)) << nothing.err;
}

TEST_F(MemoryCommands, IndexInPartsAndMerge) {
  std::vector<std::string> merge = {"memory", "merge"};
  for (const char* shard : {"1/3", "2/3", "3/3"}) {
    const std::string part = (folder_ / (std::string(1, shard[0]) + ".owlmem")).string();
    EXPECT_EQ(run_owl3({"index", album(), "--shard", shard, "-o", part}).exit_code, 0);
    merge.push_back(part);
  }
  merge.insert(merge.end(), {"-o", memory()});
  EXPECT_EQ(run_owl3(merge).exit_code, 0);
  EXPECT_EQ(list({"--only", "*.jpg"}).size(), 4U);
  EXPECT_EQ(nlohmann::json::parse(index({"--json"}).out)["unchanged"], 5);
  EXPECT_EQ(run_owl3({"memory", "verify", memory()}).exit_code, 0);
  EXPECT_EQ(run_owl3({"index", album(), "--shard", "4/3", "-o", memory()}).exit_code, 2);
}

TEST_F(MemoryCommands, NameWhatIsDamagedAndAskTheRest) {
  index();
  std::string bytes = read_text(memory());
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::ofstream(memory(), std::ios::binary) << bytes;
  const Outcome verified = run_owl3({"memory", "verify", memory()});
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_NE(verified.out.find("is damaged"), std::string::npos) << verified.out;
  EXPECT_TRUE(is_one_line(verified.err)) << verified.err;
  const Outcome json = run_owl3({"memory", "verify", memory(), "--json"});
  EXPECT_EQ(nlohmann::json::parse(json.out)["damaged_images"], 1) << json.out;
  const Outcome asked =
      run_owl3({"chat", "--memory", memory(), "--greedy", "-p", "How many pictures?"});
  EXPECT_EQ(asked.exit_code, 0) << asked.err;
  EXPECT_NE(asked.err.find("warning: left out: " + memory()), std::string::npos) << asked.err;
}

TEST_F(MemoryCommands, EndWithAnErrorWhereDamageIsNotToBeGotAround) {
  index();
  flip_in_photo("02.jpg");
  const std::vector<std::string> ask = {"chat",     "--memory",          memory(),
                                        "--greedy", "--max-new-tokens",  "2",
                                        "-p",       "How many pictures?"};
  const Outcome asked = run_owl3(ask);
  EXPECT_EQ(asked.exit_code, 0) << asked.err;
  EXPECT_NE(asked.err.find("images behind it count one less"), std::string::npos) << asked.err;
  std::vector<std::string> strictly = ask;
  strictly.push_back("--strict");
  const Outcome refused = run_owl3(strictly);
  EXPECT_EQ(refused.exit_code, 1) << refused.err;
  EXPECT_NE(refused.err.find("02.jpg: is damaged in it; owl3 index encodes it anew"),
            std::string::npos)
      << refused.err;
  const Outcome mended = index();
  EXPECT_NE(mended.out.find("1 damaged and encoded anew, 4 as before"), std::string::npos)
      << mended.out;
  EXPECT_EQ(run_owl3(strictly).exit_code, 0);
}

TEST_F(MemoryCommands, ShowNoOtherPictureAsProof) {
  index();
  const std::string page = (folder_ / "why.html").string();
  const auto why = [&](const std::string& only) {
    const Outcome outcome =
        run_owl3({"chat", "--memory", memory(), "--only", only, "--greedy", "--max-new-tokens", "3",
                  "--evidence", page, "-p", "What is in the picture?"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const std::string text = read_text(page);
    fs::remove(page);
    return text;
  };
  const auto shows = [](const std::string& text, const char* what) {
    return text.find(what) != std::string::npos;
  };
  EXPECT_TRUE(shows(why("01.jpg"), "<image"));
  EXPECT_TRUE(shows(why("clip.mp4"), "<image"));
  fs::copy_file(kDemo / "album" / "20.jpg", folder_ / "album" / "01.jpg",
                fs::copy_options::overwrite_existing);
  fs::copy_file(kDemo / "ball.mp4", folder_ / "album" / "clip.mp4",
                fs::copy_options::overwrite_existing);
  fs::remove(folder_ / "album" / "02.jpg");
  EXPECT_TRUE(shows(why("01.jpg"), "changed since it was looked at"));
  EXPECT_FALSE(shows(why("01.jpg"), "<image"));
  EXPECT_TRUE(shows(why("clip.mp4"), "changed since it was looked at"));
  EXPECT_TRUE(shows(why("02.jpg"), "cannot be read now"));
}

TEST_F(MemoryCommands, LongNamesStayWithinThePageOfEvidence) {
  const std::string name = std::string(240, 'a') + ".jpg";
  fs::copy_file(kDemo / "crab.jpg", folder_ / "album" / name);
  index();
  const std::string page = (folder_ / "why.html").string();
  answer({"--memory", memory(), "--only", name, "--evidence", page}, "What is in the picture?");
  const std::string text = read_text(page);
  EXPECT_NE(text.find("overflow-wrap:anywhere"), std::string::npos);
  EXPECT_NE(text.find(">1: \u2026aaa"), std::string::npos) << "with its number, cut short";
}

TEST_F(MemoryCommands, KnowTheirModelFromAnyFolder) {
  const std::string tiny = fs::relative(tiny_checkpoint()).string();
  EXPECT_EQ(run_owl3({"index", tiny, album() + "/01.jpg", "-o", memory()}).exit_code, 0);
  const Outcome info = run_owl3({"memory", "info", memory(), "--json"});
  EXPECT_EQ(nlohmann::json::parse(info.out).at("model"),
            fs::absolute(tiny).lexically_normal().string());
}

TEST_F(MemoryCommands, OfTwoThatMakeAFileOneIsRefused) {
  std::vector<Outcome> outcomes(2);
  std::vector<std::thread> both;
  for (Outcome& outcome : outcomes) both.emplace_back([&] { outcome = index(); });
  for (std::thread& one : both) one.join();
  for (const Outcome& outcome : outcomes) {
    EXPECT_TRUE(outcome.exit_code == 0 ||
                outcome.err.find("another process is writing to it") != std::string::npos)
        << outcome.err;
  }
  EXPECT_TRUE(outcomes[0].exit_code == 0 || outcomes[1].exit_code == 0);
  EXPECT_GT(list().size(), 5U);
}

TEST_F(MemoryCommands, TellWhatIsNotRightWithFiles) {
  const std::string film = read_text(kDemo / "clip.mp4");
  std::ofstream(album() + "/clip.mp4", std::ios::binary) << film.substr(0, film.size() * 2 / 3);
  const Outcome indexed = index({"--json"});
  EXPECT_NE(indexed.err.find("warning: " + album() + "/clip.mp4: "), std::string::npos)
      << indexed.err;
  const auto warnings = nlohmann::json::parse(indexed.out).at("warnings");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(list({"--only", "clip.mp4"})[0].at("warning"), warnings[0]);
  const Outcome table = run_owl3({"memory", "list", memory()});
  EXPECT_NE(table.out.find("  ! "), std::string::npos) << table.out;
  const Outcome asked = run_owl3(
      {"chat", "--memory", memory(), "--greedy", "--max-new-tokens", "2", "-p", "What happens?"});
  EXPECT_NE(asked.err.find("warning: " + album() + "/clip.mp4: "), std::string::npos) << asked.err;
}

TEST_F(MemoryCommands, SayWhenNothingIsChosen) {
  index();
  const auto refusal = [&](const std::vector<std::string>& which) {
    std::vector<std::string> words = {"memory", "list", memory()};
    words.insert(words.end(), which.begin(), which.end());
    const Outcome outcome = run_owl3(words);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  EXPECT_NE(refusal({"--only", "nothing"}).find("nothing in it is so"), std::string::npos);
  EXPECT_NE(refusal({"--from", "2024"}).find("nothing in it is so"), std::string::npos)
      << "a year, not seconds";
  for (const char* date : {"2024-13", "2024-99", "2024-02-30", "2024-07-01T24:00"}) {
    EXPECT_NE(refusal({"--from", date}).find("is no date"), std::string::npos) << date;
  }
}

TEST_F(MemoryCommands, TakeOutWhatIsShownUnderAName) {
  fs::copy_file(kDemo / "album" / "09.jpg", folder_ / "album" / "a\rb.jpg");
  index();
  const Outcome removed = run_owl3({"memory", "remove", memory(), album() + "/a b.jpg"});
  EXPECT_EQ(removed.exit_code, 0) << removed.err;
  EXPECT_EQ(list({"--only", "*.jpg"}).size(), 4U);
}

TEST_F(MemoryCommands, HoldWhatASavedConversationHasNoFileOfAnyMore) {
  index();
  const std::string saved = (folder_ / "talk.json").string();
  const std::string photo = album() + "/01.jpg";
  EXPECT_EQ(run_owl3({"chat", "--greedy", "--image", photo},
                     {.input = "What is it?\n/save " + saved + "\n"})
                .exit_code,
            0);
  fs::remove(photo);
  const std::vector<std::string> load = {"chat", "--greedy", "--load", saved, "-p", "Is it red?"};
  EXPECT_EQ(run_owl3(load).exit_code, 1);
  std::vector<std::string> with = load;
  with.insert(with.end(), {"--memory", memory(), "--only", "02.jpg"});
  const Outcome loaded = run_owl3(with);
  EXPECT_EQ(loaded.exit_code, 0) << loaded.err;
}

TEST_F(MemoryCommands, RefuseByOneLine) {
  index();
  const std::string tiny = tiny_checkpoint();
  const auto refusal = [](const std::vector<std::string>& arguments, int code = 1) {
    const Outcome outcome = run_owl3(arguments);
    EXPECT_EQ(outcome.exit_code, code) << outcome.err;
    return outcome.err.substr(outcome.err.rfind("owl3: "));
  };
  EXPECT_NE(
      refusal({"chat", tiny, "--memory", memory(), "-p", "x"}).find("by another model (owlet)"),
      std::string::npos);
  EXPECT_NE(refusal({"index", tiny, album(), "-o", memory()}).find("by another model (owlet)"),
            std::string::npos);
  const std::string photo = album() + "/01.jpg";
  EXPECT_NE(refusal({"chat", "--memory", photo, "-p", "x"}).find("is no visual memory"),
            std::string::npos);
  const std::string before = read_text(photo);
  EXPECT_NE(refusal({"index", album(), "-o", photo}).find("is no visual memory"),
            std::string::npos);
  EXPECT_EQ(read_text(photo), before);
  EXPECT_NE(refusal({"chat", "--memory", memory(), "--from", "x", "-p", "x"}, 2).find("neither"),
            std::string::npos);
  EXPECT_NE(refusal({"chat", "--only", "x", "-p", "x"}, 2).find("--memory"), std::string::npos);
  EXPECT_NE(refusal({"memory", "list", (folder_ / "none").string()}).find("No such file"),
            std::string::npos);
}

TEST_F(MemoryCommands, WhatMadeWayComesBackFromAFolder) {
  const std::string folder = (folder_ / "kept").string();
  const std::string one = "/image " + album() + "/01.jpg\nWhat is it?\n/clear\n";
  const std::string two = "/image " + album() + "/02.jpg\nWhat is it?\n/clear\n";
  const Outcome talk =
      run_owl3({"chat", "--json", "--memory-dir", folder, "--memory-budget", "40k"},
               {.input = one + two + one});
  EXPECT_EQ(talk.exit_code, 0) << talk.err;
  EXPECT_NE(talk.out.find("\"images_restored\":1"), std::string::npos) << talk.out;
}

TEST_F(MemoryCommands, TheNextQuestionAboutManyReadsItsOwnTokensOnly) {
  const std::string drawn = OWL3_SOURCE_DIR "/demo/album";  // forty
  const std::vector<std::string> words = {"chat",
                                          "--json",
                                          "--greedy",
                                          "--no-cut",
                                          "--prompt-cache",
                                          (folder_ / "read").string(),
                                          "--image",
                                          drawn,
                                          drawn,
                                          drawn,
                                          drawn,
                                          "-p"};
  const auto ask = [&](const std::string& question) {
    std::vector<std::string> asked = words;
    asked.push_back(question);
    const Outcome outcome = run_owl3(asked);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out);
  };
  const auto first = ask("What is in image 20?");
  EXPECT_EQ(first.at("tokens").at("prefilled"), first.at("tokens").at("prompt"));
  const auto second = ask("What is in image 16?");
  EXPECT_LT(second.at("tokens").at("prefilled"), 40);
  EXPECT_EQ(second.at("tokens").at("prompt"), first.at("tokens").at("prompt"));
}

TEST_F(MemoryCommands, AreAConversationsToo) {
  index();
  const std::string saved = (folder_ / "talk.json").string();
  const Outcome talk = run_owl3({"chat", "--memory", memory(), "--greedy"},
                                {.input = "How many pictures are there?\n/save " + saved + "\n"});
  EXPECT_EQ(talk.exit_code, 0) << talk.err;
  const Outcome again = run_owl3({"chat", "--greedy"}, {.input = "/load " + saved + "\n"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
}

}  // namespace

}  // namespace owl3::test
