// Completions and the manual page: everything that help knows is in them.
#include <gtest/gtest.h>

#include <fstream>

#include "run_program.h"

namespace owl3::test {

namespace {

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

TEST(Documents, HaveEveryCommandAndOption) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Outcome outcome = run_owl3({"completions", shell});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    for (const char* name : {"max-new-tokens", "no-cut", "make-data", "distractors", "repetitions",
                             "numbering", "completions"}) {
      EXPECT_NE(outcome.out.find(name), std::string::npos) << shell << " " << name;
    }
  }
  const Outcome wrong = run_owl3({"completions", "csh"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_TRUE(is_one_line(wrong.err)) << wrong.err;
}

TEST(Documents, ArePagesForMan) {
  const Outcome page = run_owl3({"man"});
  EXPECT_EQ(page.exit_code, 0) << page.err;
  EXPECT_TRUE(page.out.starts_with(".TH OWL3 1 "));
  for (const char* part : {".SH EXIT STATUS", ".SS \"owl3 chat MODEL", "\\-\\-max\\-new\\-tokens",
                           ".SS \"owl3 make\\-data", "\\-\\-numbering", "[from 0 to 1024]"}) {
    EXPECT_NE(page.out.find(part), std::string::npos) << part;
  }
}

}  // namespace

}  // namespace owl3::test
