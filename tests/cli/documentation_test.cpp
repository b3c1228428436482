// What README.md and the other documents show is so: every command in them is run, on small models
// and files, and what stands below it is what it prints; every option that they name exists.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "core/scratch_folder.h"
#include "hub/hub_server.h"
#include "hub/scratch_environment.h"
#include "run_program.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

const fs::path kSource = OWL3_SOURCE_DIR;

/// What stands in a command for something of the reader's, or would take an hour here.
struct Substitution {
  const char* pattern;
  const char* replacement;
};
constexpr std::array kSubstitutions = {
    Substitution{R"(\bMODEL\b)", "owlet"},
    Substitution{R"(--like \S+)", "--like tiny"},
    Substitution{R"(/tmp/)", "./"},
    Substitution{R"(--start 60 --end 90)", "--start 1 --end 2"},
    Substitution{R"(^owl3 train .*$)", "$& --set steps=1"},
    Substitution{R"(^owl3 inspect golden .*$)", "$& --no-splits"},
    Substitution{R"(-r \d+)", "-r 1"},
    Substitution{R"(--decode \d+)", "--decode 2"},
    Substitution{R"(--pictures \d+)", "--pictures 100"},
    Substitution{R"(--clips \d+)", "--clips 4"},
    Substitution{R"(\b([a-z]+\d?)=\d{3,})", "$1=4"},
    Substitution{R"(--questions \d+)", "--questions 1"},
};

/// What is not run here, by how it begins, and why.
struct Exception {
  const char* begin;
  const char* reason;
};
constexpr std::array kNotRun = {
    Exception{"./demo.sh", "builds; what it asks is asked by owlet_test.cpp"},
    Exception{"owl3 chat MODEL --device cuda", "needs a card"},
    Exception{"scripts/gpu_check.sh", "the same, and builds"},
    Exception{"cmake ", "builds"},
    Exception{"scripts/setup.sh", "installs packages"},
    Exception{"ctest ", "is what runs this"},
    Exception{"g++ ", "tests/install/ builds the examples against an installed copy"},
    Exception{"build/fuzz/", "needs Clang's build; test.sh runs it"},
    Exception{"scripts/train_owlet.sh", "an hour"},
    Exception{"owl3 inspect distractors build/interleaved", "needs a model of the hour above"},
    Exception{"torchrun ", "is no part of owl3; tests/train_loop/ starts several processes"},
    Exception{"mpirun ", "the same"},
    Exception{"srun ", "the same"},
    Exception{"ffmpeg ", "makes the film that was measured"},
    Exception{"ROUNDS=", "compares two builds, as root"},
    Exception{"owl3 serve", "runs until it is told to end"},
    Exception{"curl ", "serve_test.cpp runs it against a server"},
    Exception{"(printf ", "the same"},
};

/// Commands whose output depends on the machine, the hub, or a whole training.
constexpr std::array kOutputDiffers = {
    Exception{"owl3 list", "sizes and folders are the reader's"},
    Exception{"owl3 chat --lora build/owlet-friends", "owlet_lora_test.cpp trains it whole"},
    Exception{"owl3 chat MODEL", "the reader's photo"},
};

struct Command {
  std::string where;  // "README.md:12"
  std::string text;
  Lines typed;     // lines behind "> "
  Lines expected;  // what it prints
};

bool begins(const std::string& text, std::string_view begin) {
  return text.starts_with(begin);
}

template <typename Table>
const Exception* find_in(const Table& table, const std::string& command) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const Exception& exception) {
    return begins(command, exception.begin);
  });
  return found == table.end() ? nullptr : &*found;
}

std::vector<fs::path> documents() {
  std::vector<fs::path> files = {kSource / "README.md", kSource / "models" / "README.md"};
  for (const auto& entry : fs::directory_iterator(kSource / "docs")) {
    if (entry.path().extension() == ".md") files.push_back(entry.path());
  }
  std::sort(files.begin() + 2, files.end());
  return files;
}

/// Calls back with the lines of each fenced block, its label and the number of its first line.
template <typename Callback>
void for_each_block(const fs::path& file, Callback&& callback) {
  std::ifstream stream(file);
  Lines block;
  std::optional<std::string> label;
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (!begins(line, "```")) {
      if (label) block.push_back(line);
    } else if (!label) {
      label = line.substr(3);
    } else {
      callback(*label, block, number - static_cast<int>(block.size()));
      label.reset();
      block.clear();
    }
  }
  EXPECT_FALSE(label) << file << ": a block without end";
}

/// The line typed in a conversation: "[40 images] > What?"
std::optional<std::string> typed_in(const std::string& line) {
  static const std::regex kPrompt(R"(^(\[[^\]]*\] )?> (.*)$)");
  std::smatch match;
  if (!std::regex_match(line, match, kPrompt)) return std::nullopt;
  return match[2].str();
}

/// Commands: in blocks of `sh` every line, in those of `console` what follows "$ ".
std::vector<Command> commands_of(const fs::path& file) {
  std::vector<Command> commands;
  for_each_block(file, [&](const std::string& label, const Lines& block, int number) {
    const std::string name = fs::relative(file, kSource).string();
    for (size_t i = 0; i < block.size(); ++i) {
      const std::string where = name + ":" + std::to_string(number + static_cast<int>(i));
      std::string line = block[i];
      if (label == "sh" && !line.empty()) {
        while (line.ends_with("\\") && i + 1 < block.size()) {
          line = line.substr(0, line.size() - 1) + block[++i];
        }
        commands.push_back({where, line, {}, {}});
      } else if (label == "console" && begins(line, "$ ")) {
        commands.push_back({where, line.substr(2), {}, {}});
      } else if (label == "console" && !commands.empty()) {
        const auto typed = typed_in(line);
        (typed ? commands.back().typed : commands.back().expected).push_back(typed.value_or(line));
      } else if (label.empty()) {
        EXPECT_FALSE(begins(line, "owl3 ") || begins(line, "$ "))
            << where << ": a command; its block should begin with ```sh, or ```text for a synopsis";
      }
    }
  });
  return commands;
}

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

/// A folder as the reader might have it: photos, films, rows, and what lies in the repository.
class Desk {
 public:
  explicit Desk(const fs::path& folder) : folder_(folder) {
    for (const char* name : {"photo", "before", "after", "a", "b", "owl", "fox", "momo", "momo2"}) {
      copy("demo/crab.jpg", std::string(name) + ".jpg");
    }
    for (const char* name : {"holiday/1.jpg", "holiday/2.jpg", "photos/1.jpg", "photos/2.jpg"})
      copy("demo/squirrel.jpg", name);
    for (const char* name : {"page.png", "scans/1.png", "scans/2.png"}) {
      copy("demo/friends/new-owl.png", name);
    }
    copy("demo/clip.mp4", "film.mp4");
    for (const char* name : {"demo", "tests", "recipes"}) {
      fs::create_directory_symlink(kSource / name, folder_ / name);
    }
    copy("models/owlet.gguf", "models/owlet.gguf");
    fs::create_directories(folder_ / "build");
    fs::create_directory_symlink(fs::path(OWL3_PROGRAM).parent_path(), folder_ / "build/release");
    fs::create_directories(folder_ / "bin");
    fs::create_symlink(OWL3_PROGRAM, folder_ / "bin/owl3");
    write_texts();
  }

  Outcome run(const std::string& command, const Lines& typed) const {
    std::string input;
    for (const std::string& line : typed) input += line + "\n";
    const std::string script =
        "cd '" + folder_.string() + "' && PATH=\"$PWD/bin:$PATH\" && " + command;
    return run_owl3({"-c", script}, {.input = input, .program = "/bin/sh"});
  }

 private:
  void copy(const std::string& from, const std::string& to) const {
    fs::create_directories((folder_ / to).parent_path());
    fs::copy_file(kSource / from, folder_ / to);
  }

  void write_texts() const {
    write(folder_ / "products.csv", "image,caption\nphotos/1.jpg,a squirrel\n");
    write(folder_ / "question.txt", "What is this?\n");
    write(folder_ / "requests.jsonl",
          R"({"custom_id": "photo-1", "method": "POST", "url": "/v1/chat/completions", )"
          R"("body": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": [)"
          R"({"type": "image_url", "image_url": {"url": "file:photos/1.jpg"}}, )"
          R"({"type": "text", "text": "What is this?"}]}]}})"
          "\n");
    const std::string row =
        R"({"messages": [{"role": "user", "content": "<image>\nWho is this?"}, )"
        R"({"role": "assistant", "content": "This is Momo."}], "images": ["momo.jpg"]})";
    for (const char* name : {"mine.jsonl", "train.jsonl"}) {
      write(folder_ / name, row + "\n" + row + "\n" + row + "\n" + row + "\n");
    }
    write(
        folder_ / "questions.jsonl",
        R"({"messages": [{"role": "user", "content": "<image>\nWhich animal is this?"}], )"
        R"("images": ["owl.jpg"], "options": ["an owl", "a dog", "a hen", "a fox"], "answer": "an owl"})"
        "\n");
    write(folder_ / "rows.jsonl",
          R"({"messages": [{"role": "user", "content": "<image>\nWhat is this?"}, )"
          R"({"role": "assistant", "content": "A crab."}], "images": ["a.jpg"], )"
          R"("answers": ["crab"], "tasks": ["name"]})"
          "\n");
  }

  fs::path folder_;
};

std::string substituted(std::string command) {
  for (const auto& [pattern, replacement] : kSubstitutions) {
    command = std::regex_replace(command, std::regex(pattern), replacement);
  }
  return command;
}

bool needs_trainer(const std::string& command) {
  return begins(command, "owl3 train ") || command.find("--lora ") != command.npos ||
         command.find("--device torch:cpu") != command.npos ||  // LibTorch, as the trainer
         begins(command, "owl3 inspect distractors");
}

constexpr bool kHasTrainer =
#ifdef OWL3_HAS_TRAINER
    true;
#else
    false;
#endif

/// Whether the lines stand in the output, in this order. What tells of the machine, and what only a
/// terminal is shown, may be missing.
void expect_in(const Outcome& outcome, const Lines& expected, const std::string& where) {
  const std::string text = outcome.err + outcome.out;
  size_t at = 0;
  for (const std::string& line : expected) {
    if (line == "..." || begins(line, "owl3 0.") || line == "/help lists the commands.") continue;
    const size_t found = text.find(line + "\n", at);
    EXPECT_NE(found, std::string::npos) << where << ": " << line << "\nis not in\n" << text;
    if (found != std::string::npos) at = found + line.size() + 1;
  }
}

class Documentation : public ::testing::Test {
 protected:
  Documentation() {
    environment_.set("HF_HUB_CACHE", (folder_ / "hub").string());
    environment_.set("HF_ENDPOINT", server_.address());
    nlohmann::json files;
    for (const auto& entry : fs::directory_iterator(tiny_checkpoint())) {
      files[entry.path().filename().string()] = {{"path", entry.path().string()}};
    }
    nlohmann::json hub;
    for (const char* model : {"1B-241014", "2B-241014", "7B-241101", "7B-240728"}) {
      hub[std::string("mPLUG/mPLUG-Owl3-") + model] = {{"commit", std::string(40, 'a')},
                                                       {"files", files}};
    }
    server_.set(hub);
  }

  /// Runs the commands of a document, one after the other, in a folder of its own.
  void run(const fs::path& file) {
    const fs::path folder = folder_ / std::to_string(++folders_);
    fs::create_directories(folder);
    const Desk desk(folder);
    if (!adapter_.empty()) fs::create_directory_symlink(adapter_, folder / "my-adapter");
    for (const Command& command : commands_of(file)) {
      if (const Exception* exception = find_in(kNotRun, command.text)) {
        used_.insert(exception->begin);
        continue;
      }
      if (needs_trainer(command.text) && !kHasTrainer) continue;
      const Outcome outcome = desk.run(substituted(command.text), command.typed);
      EXPECT_EQ(outcome.exit_code, 0) << command.where << ": " << command.text << "\n"
                                      << substituted(command.text) << "\n"
                                      << outcome.err;
      if (const Exception* exception = find_in(kOutputDiffers, command.text)) {
        used_.insert(exception->begin);
      } else {
        expect_in(outcome, command.expected, command.where);
      }
      ++commands_;
    }
    const fs::path adapter = folder / "runs/mine/model";
    if (fs::exists(adapter)) adapter_ = adapter;
  }

  template <typename Table>
  void expect_used(const Table& table) const {
    for (const Exception& exception : table) {
      EXPECT_TRUE(used_.count(exception.begin)) << exception.begin << ": in no document any more";
    }
  }

  ScratchEnvironment environment_;
  ScratchFolder folder_;
  HubServer server_;
  fs::path adapter_;  // what README.md trains
  std::set<std::string> used_;
  int folders_ = 0;
  int commands_ = 0;
};

TEST_F(Documentation, ShowsCommandsThatWork) {
  for (const fs::path& file : documents()) run(file);
  EXPECT_GT(commands_, 30);
  expect_used(kNotRun);
  if (kHasTrainer) expect_used(kOutputDiffers);
}

/// The commands that the text names: in synopses, and as `owl3 ...` between words.
std::vector<Command> named_in(const fs::path& file) {
  std::vector<Command> named;
  const std::string name = fs::relative(file, kSource).string();
  for_each_block(file, [&](const std::string& label, const Lines& block, int number) {
    for (const std::string& line : block) {
      if (label == "text" && begins(line, "owl3 ")) {
        named.push_back({name + ":" + std::to_string(number), line, {}, {}});
      }
    }
  });
  std::ifstream stream(file);
  static const std::regex kSpan("`(owl3 [^`]*)`");
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    for (std::sregex_iterator span(line.begin(), line.end(), kSpan), end; span != end; ++span) {
      named.push_back({name + ":" + std::to_string(number), (*span)[1].str(), {}, {}});
    }
  }
  return named;
}

/// The help of the command that the words begin with, and of its part.
class Helps {
 public:
  const std::string& of(const std::string& command, const std::string& part) {
    const std::string& help = of({"help", command});
    const bool has_parts = help.find(" COMMAND ...") != help.npos;
    return has_parts && !part.empty() ? of({"help", command, part}) : help;
  }

 private:
  const std::string& of(const Lines& words) {
    std::string key;
    for (const std::string& word : words) key += word + " ";
    const auto [help, is_new] = helps_.try_emplace(key);
    if (is_new) {
      const Outcome outcome = run_owl3(words);
      EXPECT_EQ(outcome.exit_code, 0) << key << outcome.err;
      help->second = outcome.out;
    }
    return help->second;
  }

  std::map<std::string, std::string> helps_;
};

TEST(DocumentationText, NamesOptionsThatExist) {
  Helps helps;
  int options = 0;
  for (const fs::path& file : documents()) {
    for (const Command& command : named_in(file)) {
      std::istringstream words(command.text);
      std::string program, name, part;
      words >> program >> name >> part;
      const bool is_name = !name.empty() && std::islower(static_cast<unsigned char>(name[0])) != 0;
      if (!is_name || (!kHasTrainer && needs_trainer(command.text + " "))) continue;
      const std::string& help = helps.of(name, part);
      static const std::regex kOption("--[a-z0-9-]*[a-z0-9]");
      for (std::sregex_iterator option(command.text.begin(), command.text.end(), kOption), end;
           option != end; ++option) {
        const std::string text = option->str();
        if (text == "--help" || text == "--version") continue;
        EXPECT_NE(help.find(text), std::string::npos)
            << command.where << ": " << command.text << " has no " << text;
        ++options;
      }
    }
  }
  EXPECT_GT(options, 20);
}

}  // namespace

}  // namespace owl3::test
