// owl3 chat asked for answers with a form.
#include <gtest/gtest.h>

#include <cmath>

#include "chat_runs.h"

namespace owl3::test {

namespace {

const std::string kCrab = OWL3_SOURCE_DIR "/demo/crab.jpg";
const std::string kSchema =
    R"({"type": "object", "properties": {"thing": {"type": "string", "maxLength": 20}, )"
    R"("large": {"type": "boolean"}}, "required": ["thing", "large"], )"
    R"("additionalProperties": false})";

/// What owlet says to "What is this?" of the crab.
Outcome about_the_crab(const Words& more) {
  Words words = {"chat", "owlet", "--image", kCrab, "-t", "1", "-p", "What is this?"};
  words.insert(words.end(), more.begin(), more.end());
  return run_owl3(words);
}

/// A refusal of what is asked for, before the model would be found not to be there.
std::string refusal(Words more) {
  more.insert(more.begin(), {"chat", "no/such/model", "-p", "What is this?"});
  const Outcome outcome = run_owl3(more);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_EQ(outcome.err.find("no/such/model"), std::string::npos) << outcome.err;
  return outcome.err;
}

TEST(ChatForms, AnswersAreValidUnderASchema) {
  const std::string file = (scratch_folder() / "thing.json").string();
  std::ofstream(file) << "\xEF\xBB\xBF" << kSchema;
  const Outcome of_file = about_the_crab({"--schema", file, "--greedy"});
  ASSERT_EQ(of_file.exit_code, 0) << of_file.err;
  const auto json = nlohmann::json::parse(of_file.out);
  EXPECT_EQ(json.size(), 2U);
  EXPECT_TRUE(json.at("thing").is_string());
  EXPECT_TRUE(json.at("large").is_boolean());
  EXPECT_EQ(about_the_crab({"--schema", "  " + kSchema, "--greedy"}).out, of_file.out);
}

TEST(ChatForms, AnswersAreOneOfTheChoices) {
  EXPECT_EQ(about_the_crab(
                {"--choices", "This is a house., This is a crab., This is a crane.", "--greedy"})
                .out,
            "This is a crab.\n");
  for (const char* seed : {"1", "2", "3"}) {
    const auto json = chat_json({"--choices", "yes, no,unclear", "-p", "Well?", "--seed", seed});
    const std::string text = json.at("text");
    EXPECT_TRUE(text == "yes" || text == "no" || text == "unclear") << text;
    EXPECT_EQ(json.at("stop_reason"), "end");
  }
}

TEST(ChatForms, AnswersMatchARegularExpression) {
  for (const Words& how : {Words{"--greedy"}, Words{"--seed", "5"}, Words{"--num-beams", "3"}}) {
    Words words = {"--regex", "[a-c]{2}-\\d", "-p", "Well?"};
    words.insert(words.end(), how.begin(), how.end());
    const std::string text = chat_json(words).at("text");
    ASSERT_EQ(text.size(), 4U) << text;
    EXPECT_EQ(text.find_first_not_of("abc"), 2U) << text;
    EXPECT_EQ(text[2], '-');
    EXPECT_TRUE(text[3] >= '0' && text[3] <= '9') << text;
  }
}

TEST(ChatForms, AnyJsonIsAnObjectOrArrayAndAWarningTellsWhereItIsCut) {
  const Outcome outcome = run_owl3({"chat", tiny_checkpoint(), "-t", "1", "--json-answer", "-p",
                                    "Well?", "--greedy", "--max-new-tokens", "1"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  ASSERT_FALSE(outcome.out.empty());
  EXPECT_TRUE(outcome.out[0] == '{' || outcome.out[0] == '[') << outcome.out;
  EXPECT_TRUE(outcome.err.starts_with("owl3: warning: the answer was cut short")) << outcome.err;
  EXPECT_NE(outcome.err.find("--max-new-tokens"), std::string::npos) << outcome.err;
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
}

TEST(ChatForms, EveryQuestionOfAConversationIsAnsweredInTheForm) {
  const Outcome outcome =
      chat({"--choices", "yes,no"}, {.input = "Well?\nAnd then?\n/clear\nSo?\n"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::istringstream lines(outcome.out);
  size_t answers = 0;
  for (std::string line; std::getline(lines, line); ++answers) {
    EXPECT_TRUE(line == "yes" || line == "no") << line;
  }
  EXPECT_EQ(answers, 3U) << outcome.out;
}

TEST(ChatForms, ChoicesHaveProbabilitiesOfWhichTheRightOneIsTheLargest) {
  const std::string choices = "This is a house., This is a crab., This is a crane.";
  const Words asked = {"--choices", choices, "--choice-probs", "--greedy"};
  const Outcome shown = about_the_crab(asked);
  EXPECT_TRUE(shown.out.starts_with("This is a crab.\nlikely, of 3 choices:\n")) << shown.out;
  const size_t first = shown.out.find(" %  ");
  EXPECT_EQ(shown.out.find(" %  This is a crab.\n"), first) << shown.out;

  Words words = asked;
  words.insert(words.end(), {"--json"});
  const auto json = nlohmann::json::parse(about_the_crab(words).out);
  const auto& probabilities = json.at("choices");
  ASSERT_EQ(probabilities.size(), 3U);
  double sum = 0;
  for (const auto& [choice, probability] : probabilities.items()) {
    sum += probability.get<double>();
    const double logprob = json.at("choice_logprobs").at(choice);
    EXPECT_LE(std::exp(logprob), probability.get<double>() + 1e-9);
  }
  EXPECT_NEAR(sum, 1, 1e-9);
  EXPECT_GT(probabilities.at("This is a crab."), 0.5);
  EXPECT_FALSE(json.contains("logprobs"));
}

TEST(ChatForms, TokensHaveProbabilities) {
  const auto json = chat_json({"--greedy", "--logprobs", "2", "-p", "Well?"});
  ASSERT_EQ(json.at("logprobs").size(), json.at("tokens").at("new"));
  for (const auto& token : json.at("logprobs")) {
    EXPECT_LE(token.at("logprob"), 0);
    EXPECT_FALSE(token.at("bytes").empty());
    ASSERT_EQ(token.at("top_logprobs").size(), 2U);
    EXPECT_GE(token.at("top_logprobs")[0].at("logprob"), token.at("top_logprobs")[1].at("logprob"));
  }
  const Outcome shown = about_the_crab({"--greedy", "--logprobs", "0", "--max-new-tokens", "2"});
  EXPECT_NE(shown.out.find("\nlikely, of 2 tokens:\n"), std::string::npos) << shown.out;
}

TEST(ChatForms, ProbabilitiesThatThereAreNotAreRefused) {
  EXPECT_NE(refusal({"--logprobs", "21"}).find("--logprobs"), std::string::npos);
  EXPECT_NE(refusal({"--logprobs", "-1"}).find("--logprobs"), std::string::npos);
  EXPECT_NE(refusal({"--logprobs", "2", "--num-beams", "3"}).find("beam"), std::string::npos);
  EXPECT_NE(refusal({"--logprobs", "2", "--preset", "beam"}).find("beam"), std::string::npos);
  EXPECT_NE(refusal({"--choice-probs"}).find("--choices"), std::string::npos);
  EXPECT_NE(refusal({"--choice-probs", "--regex", "a|b"}).find("--choices"), std::string::npos);
}

TEST(ChatForms, WhatCannotBeKeptToIsToldBeforeTheModelIsLoaded) {
  EXPECT_NE(refusal({"--schema", R"({"type": "array", "uniqueItems": true})"}).find("uniqueItems"),
            std::string::npos);
  EXPECT_NE(refusal({"--schema", R"({"type": "strin"})"}).find("--schema: "), std::string::npos);
  EXPECT_NE(refusal({"--schema", "{"}).find("no JSON"), std::string::npos);
  EXPECT_NE(refusal({"--schema", "missing.json"}).find("missing.json"), std::string::npos);
  EXPECT_NE(refusal({"--schema", R"({"enum": []})"}).find("--schema: "), std::string::npos);
  EXPECT_NE(refusal({"--regex", "a("}).find("--regex: "), std::string::npos);
  EXPECT_NE(refusal({"--choices", "yes,,no"}).find("--choices: a choice is empty"),
            std::string::npos);
  EXPECT_NE(refusal({"--regex", "a", "--json-answer"}).find("give one of them"), std::string::npos);
}

TEST(ChatForms, WhatIsWrongOnTheCommandLineIsNoBrokenFile) {
  const std::string file = (scratch_folder() / "broken-schema.json").string();
  std::ofstream(file) << "{bad";
  const auto code = [](const char* option, const std::string& value) {
    return run_owl3({"chat", "/nonexistent", "-p", "Who?", option, value}).exit_code;
  };
  EXPECT_EQ(code("--schema", "{bad"), 2);
  EXPECT_EQ(code("--regex", "("), 2);
  EXPECT_EQ(code("--choices", "a,,b"), 2);
  EXPECT_EQ(code("--schema", file), 1);
}

TEST(ChatForms, GoWithASavedConversation) {
  const std::string file = (scratch_folder() / "form.json").string();
  const auto answer = [&](Words more) {
    more.insert(more.begin(), {"chat", "owlet", "-t", "1", "--load", file, "-p", "Who are you?"});
    return run_owl3(more);
  };
  const Outcome saved = run_owl3({"chat", "owlet", "-t", "1", "--choices", "yes,yea"},
                                 {.input = "/save " + file + "\n"});
  ASSERT_EQ(saved.exit_code, 0) << saved.err;
  EXPECT_EQ(answer({"--greedy"}).out.substr(0, 2), "ye");
  EXPECT_EQ(answer({"--preset", "greedy"}).out.substr(0, 2), "ye");
  EXPECT_EQ(answer({"--choices", "no"}).out, "no\n");
  const auto likely = nlohmann::json::parse(answer({"--choice-probs", "--json"}).out);
  EXPECT_EQ(likely.at("choices").size(), 2U);
  // As the page of the server writes it.
  const std::string head =
      R"({"format": "owl3 conversation", "version": 1, "generation": {"form": )";
  std::ofstream(file) << head << R"({"schema": )" << kSchema << "}}}";
  const auto json = nlohmann::json::parse(answer({"--greedy"}).out);
  EXPECT_TRUE(json.at("thing").is_string());
  EXPECT_EQ(answer({"--choice-probs"}).exit_code, 2);
  for (const char* wrong : {R"({})", R"({"json": true, "regex": "x"})", R"(7)",
                            R"({"choices": "x"})", R"({"schema": {"uniqueItems": true}})"}) {
    std::ofstream(file) << head << wrong << "}}";
    const Outcome outcome = answer({});
    EXPECT_NE(outcome.exit_code, 0) << wrong;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find("form.json: generation.form"), std::string::npos) << outcome.err;
  }
}

}  // namespace

}  // namespace owl3::test
