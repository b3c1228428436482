// Completions and the manual page: everything that help knows is in them.
#include <gtest/gtest.h>

#include <fstream>

#include "run_program.h"

namespace owl3::test {

namespace {

using Words = std::vector<std::string>;

/// What bash offers for these words, the last of which is begun, each with a space behind it.
std::string completions_of(const std::string& words, int last) {
  const std::string completions = (scratch_folder() / "completions.bash").string();
  if (!std::filesystem::exists(completions)) {
    std::ofstream(completions) << run_owl3({"completions", "bash"}).out;
  }
  const std::string script = "source \"$0\"; COMP_WORDS=(" + words +
                             "); COMP_CWORD=" + std::to_string(last) +
                             "; _owl3; printf '%s ' \"${COMPREPLY[@]}\"";
  const Outcome outcome = run_owl3({"-c", script, completions}, {.program = "/bin/bash"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  return outcome.out;
}

TEST(Documents, CompleteCommandsOptionsAndValuesInBash) {
  EXPECT_EQ(completions_of("owl3 ch", 1), "chat ");
  EXPECT_EQ(completions_of("owl3 help inf", 2), "info ");
  EXPECT_EQ(completions_of("owl3 help eval di", 3), "distractors ");
  EXPECT_EQ(completions_of("owl3 help ev", 2), "eval ");
  EXPECT_EQ(completions_of("owl3 inspect tok", 2), "tokenize ");
  EXPECT_EQ(completions_of("owl3 chat MODEL --max-n", 3), "--max-new-tokens ");
  EXPECT_EQ(completions_of("owl3 chat --preset ''", 3), "sample beam eval greedy ");
  EXPECT_EQ(completions_of("owl3 chat --seed ''", 3), " ") << "a number is nothing to offer";
  EXPECT_EQ(completions_of("owl3 make-data --spl", 2), "--split ") << "another program's command";
  const auto folder = scratch_folder() / "completed";
  std::filesystem::create_directories(folder / "model");
  EXPECT_EQ(completions_of("owl3 info " + folder.string() + "/mo", 2),
            (folder / "model").string() + " ");
}

/// A folder with "owl3" in it, to be put in front of $PATH, and a cache with one model.
std::string shell_environment(const std::string& set) {
  const auto folder = scratch_folder() / "on-path";
  if (!std::filesystem::exists(folder)) {
    std::filesystem::create_directories(folder / "bin");
    std::filesystem::create_symlink(OWL3_PROGRAM, folder / "bin" / "owl3");
    const auto snapshot =
        folder / "hub" / "models--mPLUG--mPLUG-Owl3-1B-241014" / "snapshots" / "0";
    std::filesystem::create_directories(snapshot);
    for (const char* file : {"config.json", "tokenizer.json", "model.safetensors"}) {
      std::filesystem::copy_file(std::filesystem::path(tiny_checkpoint()) / file, snapshot / file);
    }
  }
  return "PATH=" + (folder / "bin").string() + ":$PATH; " + set +
         "HF_HUB_CACHE=" + (folder / "hub").string() + "; ";
}

TEST(Documents, CompleteNamesOfModelsInBash) {
  const auto script = (scratch_folder() / "models.bash").string();
  std::ofstream(script) << run_owl3({"completions", "bash"}).out;
  const auto offers = [&](const std::string& words) {
    const Outcome outcome =
        run_owl3({"-c", shell_environment("export ") + "source " + script + "; COMP_WORDS=(" +
                            words + "); COMP_CWORD=2; _owl3; printf '%s ' \"${COMPREPLY[@]}\""},
                 {.program = "/bin/bash"});
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  };
  EXPECT_EQ(offers("owl3 info owl"), "owl3-1b owlet ");
  EXPECT_EQ(offers("owl3 remove ''"), "owl3-1b ");
  EXPECT_EQ(offers("owl3 pull owl3-7"), "owl3-7b owl3-7b-240728 ");
}

TEST(Documents, CompleteNamesWithColonsAsBashDividesThem) {
  const auto script = (scratch_folder() / "colons.bash").string();
  std::ofstream(script) << run_owl3({"completions", "bash"}).out;
  const auto offers = [&](const std::string& line, const std::string& words) {
    const Outcome outcome = run_owl3(
        {"-c",
         "owl3() { printf '%s\\n' owl3-2b owl3-2b:q8_0 owl3-2b@v1.0:q4_k; }; source " + script +
             "; COMP_LINE='" + line + "'; COMP_POINT=${#COMP_LINE}; COMP_WORDS=(" + words +
             "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _owl3; printf '%s ' \"${COMPREPLY[@]}\""},
        {.program = "/bin/bash"});
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  };
  EXPECT_EQ(offers("owl3 info owl3-2b:", "owl3 info owl3-2b :"), "q8_0 ");
  EXPECT_EQ(offers("owl3 chat owl3-2b:q", "owl3 chat owl3-2b : q"), "q8_0 ");
  EXPECT_EQ(offers("owl3 remove owl3-2b@v1.0:q", "owl3 remove owl3-2b @ v1.0 : q"), "q4_k ");
  EXPECT_EQ(offers("owl3 remove owl3-2b@", "owl3 remove owl3-2b @"), "v1.0:q4_k ");
  EXPECT_EQ(offers("owl3 info owl3-2b:q", "owl3 info owl3-2b:q"), "owl3-2b:q8_0 ")
      << "where COMP_WORDBREAKS has no colon";
  EXPECT_EQ(offers("owl3 chat owl3-2b:q8_0 --max-n", "owl3 chat owl3-2b : q8_0 --max-n"),
            "--max-new-tokens ");
}

TEST(Documents, CompleteNamesOfModelsInFish) {
  const auto script = (scratch_folder() / "models.fish").string();
  std::ofstream(script) << run_owl3({"completions", "fish"}).out;
  const auto offers = [&](const std::string& line) {
    const Outcome outcome =
        run_owl3({"-c", shell_environment("export ") + "exec fish --no-config -c \"source " +
                            script + "; complete -C '" + line + "'\""},
                 {.program = "/bin/bash"});
    return outcome.out;
  };
  EXPECT_EQ(offers("owl3 info owl3-"), "owl3-1b\n");
  EXPECT_EQ(offers("owl3 remove o"), "owl3-1b\n");
  EXPECT_EQ(offers("owl3 pull owl3-2"), "owl3-2b\n");
}

/// What zsh makes of a line that is begun, when the tabulator is pressed twice: it ends with 0 when
/// its terminal shows `expected`.
constexpr const char* kAskZsh = R"(
zmodload zsh/zpty
shown=
wait_for() {
  local piece i
  for i in {1..200}; do
    while zpty -r -t shell piece; do shown+=$piece; done
    [[ $shown == *$1* ]] && return
    sleep 0.05
  done
  print -r -- "$shown"
  exit 1
}
export TERM=dumb
zpty shell zsh -f -i
zpty -w shell "PS1=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; print re''ady"
wait_for ready
shown=
zpty -w -n shell "$2"$'\t\t'
wait_for "$3"
)";

TEST(Documents, CompleteCommandsOptionsAndValuesInZsh) {
  const auto folder = scratch_folder() / "zsh";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "_owl3") << run_owl3({"completions", "zsh"}).out;
  std::ofstream(folder / "model.gguf") << "x";
  for (const auto& [line, expected] : std::vector<std::pair<std::string, std::string>>{
           {"owl3 ch", "chat"},
           {"owl3 inspect tok", "tokenize"},
           {"owl3 help eval di", "distractors"},
           {"owl3 chat MODEL --max-n", "--max-new-tokens"},
           {"owl3 chat --preset ", "greedy"},
           {"owl3 make-data --spl", "--split"},
           {"owl3 pull owl3-7b-", "240728"},
           {"owl3 info owle", "owlet"},
           {"owl3 info " + folder.string() + "/mo", "model.gguf"}}) {
    const Outcome outcome = run_owl3({"-f", "-c", kAskZsh, "zsh", folder.string(), line, expected},
                                     {.program = "/usr/bin/zsh"});
    EXPECT_EQ(outcome.exit_code, 0) << line << "\n" << outcome.out << outcome.err;
  }
}

TEST(Documents, CompleteCommandsOptionsAndValuesInFish) {
  const auto script = (scratch_folder() / "owl3.fish").string();
  std::ofstream(script) << run_owl3({"completions", "fish"}).out;
  const auto offers = [&](const std::string& line) {
    const Outcome outcome =
        run_owl3({"--no-config", "-c", "source " + script + "; complete -C '" + line + "'"},
                 {.program = "/usr/bin/fish"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  };
  EXPECT_TRUE(offers("owl3 ch").starts_with("chat\t"));
  EXPECT_TRUE(offers("owl3 inspect tok").starts_with("tokenize\t"));
  EXPECT_TRUE(offers("owl3 help ev").starts_with("eval\t"));
  EXPECT_TRUE(offers("owl3 help eval di").starts_with("distractors\t"));
  EXPECT_TRUE(offers("owl3 chat MODEL --max-n").starts_with("--max-new-tokens\t"));
  EXPECT_TRUE(offers("owl3 chat --preset gr").starts_with("greedy\t"));
  EXPECT_EQ(offers("owl3 chat --seed "), "");
  EXPECT_TRUE(offers("owl3 make-data --spl").starts_with("--split\t"));
  EXPECT_EQ(offers("owl3 info " + script.substr(0, script.size() - 3)), script + "\n");
}

TEST(Documents, DoWithoutCompanionsThatAreNotThereOrOfAnotherVersion) {
  const auto folder = scratch_folder() / "without_companions";
  std::filesystem::create_directories(folder);
  const auto program = folder / "owl3";
  std::filesystem::copy_file(OWL3_PROGRAM, program,
                             std::filesystem::copy_options::overwrite_existing);
  std::ofstream(folder / "owl3-draw") << "#!/bin/sh\necho no such option >&2; exit 2\n";
  std::filesystem::permissions(folder / "owl3-draw", std::filesystem::perms::owner_all);
  for (const Words& words : {Words{"man"}, Words{"completions", "fish"}}) {
    const Outcome outcome = run_owl3(words, {.program = program.string()});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("max"), std::string::npos);
    EXPECT_NE(outcome.out.find("train"), std::string::npos) << "its name alone";
    EXPECT_NE(outcome.err.find("without the options of make-data and plot: "), std::string::npos)
        << outcome.err;
    EXPECT_NE(outcome.err.find("owl3-train is not there"), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.err.find("no such option"), std::string::npos) << outcome.err;
  }
}

TEST(Documents, HaveEveryCommandAndOption) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Outcome outcome = run_owl3({"completions", shell});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    for (const char* name : {"max-new-tokens", "no-cut", "make-data", "distractors", "repetitions",
                             "numbering", "completions"}) {
      EXPECT_NE(outcome.out.find(name), std::string::npos) << shell << " " << name;
    }
  }
  const Outcome wrong = run_owl3({"completions", "bsh"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_NE(wrong.err.find("did you mean bash?"), std::string::npos) << wrong.err;
  EXPECT_TRUE(is_one_line(wrong.err)) << wrong.err;
}

TEST(Documents, ArePagesForMan) {
  const Outcome page = run_owl3({"man"});
  EXPECT_EQ(page.exit_code, 0) << page.err;
  EXPECT_TRUE(page.out.starts_with(".TH OWL3 1 "));
  for (const char* part : {".SH EXIT STATUS", ".SS \"owl3 chat [MODEL]", "\\-\\-max\\-new\\-tokens",
                           ".SS \"owl3 make\\-data", "\\-\\-numbering", "[from 0 to 1024]"}) {
    EXPECT_NE(page.out.find(part), std::string::npos) << part;
  }
}

}  // namespace

}  // namespace owl3::test
