#include <gtest/gtest.h>

#include "constraint/answer_form.h"
#include "core/error.h"

namespace owl3 {
namespace {

AnswerGrammar choices(std::vector<std::string> texts) {
  AnswerForm form;
  form.choices = std::move(texts);
  return AnswerGrammar(form);
}

AnswerGrammar regex(const std::string& pattern) {
  AnswerForm form;
  form.regex = pattern;
  return AnswerGrammar(form);
}

TEST(TextForms, ChoicesAreWhole) {
  AnswerGrammar grammar = choices({"yes", "yes, but", "nein", "für"});
  for (const char* text : {"yes", "yes, but", "nein", "für"}) EXPECT_TRUE(grammar.accepts(text));
  for (const char* text : {"", "ye", "yes,", "no", "yes "}) EXPECT_FALSE(grammar.accepts(text));
}

TEST(TextForms, RegularExpressionsMatchAllOfTheAnswer) {
  AnswerGrammar date = regex(R"(\d{4}-(0[1-9]|1[0-2])|unknown)");
  EXPECT_TRUE(date.accepts("2024-12"));
  EXPECT_TRUE(date.accepts("unknown"));
  EXPECT_FALSE(date.accepts("2024-13"));
  EXPECT_FALSE(date.accepts("in 2024-12"));
  AnswerGrammar not_x = regex("(?!x)[a-z]+(?:\\.[^\\W\\d]+)?");
  EXPECT_TRUE(not_x.accepts("ax.b_"));
  EXPECT_FALSE(not_x.accepts("xa"));
  EXPECT_FALSE(not_x.accepts("a.1"));
  AnswerGrammar word = regex("\\p{Lu}\\p{Ll}+");
  EXPECT_TRUE(word.accepts("Äpfel"));
  EXPECT_FALSE(word.accepts("äpfel"));
}

TEST(TextForms, SurrogatesAreRangesAndPairsOfThemCharacters) {
  EXPECT_THROW(regex("[\\uD800-\\uDFFF]"), InputError);  // in no text
  EXPECT_THROW(regex("[\\uDC00-\\uDFFF]+"), InputError);
  AnswerGrammar no_surrogates = regex("[^\\uD800-\\uDFFF]+");
  for (const char* text : {"-", "a-b", "é😀"}) EXPECT_TRUE(no_surrogates.accepts(text)) << text;
  EXPECT_TRUE(regex("[\\uD800-\\uFFFF]").accepts("\uFF01"));
  EXPECT_FALSE(regex("[\\uD800-\\uFFFF]").accepts("-"));
  EXPECT_TRUE(regex("\\uD83D\\uDE00").accepts("😀"));
  AnswerGrammar few = regex("[\\uD83D\\uDE00-\\uD83D\\uDE0F]");
  EXPECT_TRUE(few.accepts("😀"));
  EXPECT_FALSE(few.accepts("😐"));  // U+1F610
  AnswerGrammar astral = regex("(?:[\\uD800-\\uDBFF][\\uDC00-\\uDFFF]){2}");
  EXPECT_TRUE(astral.accepts("😀\U00010000"));
  for (const char* text : {"😀", "😀é", "--"}) EXPECT_FALSE(astral.accepts(text)) << text;
  AnswerGrammar letters = regex("\\uD83C[\\uDDE6-\\uDDFF]");  // of flags
  EXPECT_TRUE(letters.accepts("🇩"));
  EXPECT_FALSE(letters.accepts("😀"));
}

TEST(TextForms, ErrorsShowTheBeginningOfALongPattern) {
  std::string long_name(10'000, 'a');
  for (const std::string& pattern : {"(" + long_name, "\\p{" + long_name + "}"}) {
    try {
      regex(pattern);
      ADD_FAILURE() << "taken";
    } catch (const InputError& error) {
      EXPECT_LT(std::string(error.what()).size(), 250u);
    }
  }
}

TEST(TextForms, AFormIsOneThing) {
  EXPECT_THROW(AnswerGrammar(AnswerForm{}), UsageError);
  AnswerForm both;
  both.json = true;
  both.regex = "a";
  EXPECT_THROW(AnswerGrammar{both}, UsageError);
  EXPECT_THROW(choices({"a", ""}), UsageError);
  EXPECT_THROW(regex("[b-a]"), InputError);
  EXPECT_THROW(regex("a$b"), InputError);
  for (const char* nothing : {"a*{3}", "{3}", "a|{2,}", "(a){2}{3}", "a??{1}", "*"}) {
    EXPECT_THROW(regex(nothing), InputError) << nothing;
  }
  EXPECT_TRUE(regex("{x}{,3}a{").accepts("{x}{,3}a{"));  // no numbers: text
}

TEST(TextForms, ManyAndRepeatedTextsAreTakenOrRefusedSoon) {
  std::vector<std::string> texts;
  for (int i = 0; i < 4000; ++i) texts.push_back(fmt::format("{}号{}", i * 7919 % 10'007, i % 7));
  AnswerGrammar many = choices(texts);
  EXPECT_TRUE(many.accepts(texts.front()));
  EXPECT_TRUE(many.accepts(texts.back()));
  EXPECT_FALSE(many.accepts(texts.back() + "号"));
  for (int i = 0; i < 25'000; ++i) texts.push_back(fmt::format("{}x{}", i * 7919LL % 99'991, i));
  EXPECT_THROW(choices(texts), InputError);
  EXPECT_TRUE(regex("(a|aa){50}").accepts(std::string(77, 'a')));
  EXPECT_FALSE(regex("(a|aa){50}").accepts(std::string(101, 'a')));
  EXPECT_THROW(regex("a{100000}"), InputError);
  EXPECT_THROW(regex("((a{1,50}){1,50}){1,50}"), InputError);
}

TEST(TextForms, AnyJsonIsAnObjectOrArray) {
  AnswerForm form;
  form.json = true;
  AnswerGrammar grammar(form);
  EXPECT_TRUE(grammar.accepts(R"({"a":[1,-2.5e+3,true,null,{"b":"\u00fc\n"}],"c":{}})"));
  EXPECT_TRUE(grammar.accepts("[]"));
  for (const char* text : {"", "1", "\"a\"", "[1,]", "{\"a\"}", "[01]", "[1] "}) {
    EXPECT_FALSE(grammar.accepts(text)) << text;
  }
}

}  // namespace
}  // namespace owl3
