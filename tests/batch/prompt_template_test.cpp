#include "batch/prompt_template.h"

#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "owl3/error.h"

namespace owl3 {
namespace {

using Json = nlohmann::ordered_json;

TEST(PromptTemplate, PutsColumnsInTheirPlaces) {
  const Json row = {{"caption", "a hen"}, {"count", 3}, {"none", nullptr}};
  EXPECT_EQ(PromptTemplate("Is this {caption}? {count}{none}!").fill(row), "Is this a hen? 3!");
}

TEST(PromptTemplate, DoubledBracesAreBraces) {
  EXPECT_EQ(PromptTemplate("{{\"a\": }").fill(Json::object()), "{\"a\": }");
  EXPECT_EQ(PromptTemplate("{{x}}").fill(Json::object()), "{x}");
}

TEST(PromptTemplate, WhatARowSaysPlacesNoImage) {
  EXPECT_EQ(PromptTemplate("<image> {t}").fill({{"t", "an <image>"}}), "<image> an \\<image>");
}

TEST(PromptTemplate, NamesTheColumnThatARowLacks) {
  const PromptTemplate question("Is this {caption}?");
  const std::string message = message_of<InputError>([&] { question.fill({{"text", "x"}}); });
  EXPECT_NE(message.find("\"caption\""), std::string::npos) << message;
}

TEST(PromptTemplate, ABraceThatIsNeverClosedIsRefused) {
  message_of<UsageError>([] { PromptTemplate("Is this {caption?"); });
  message_of<UsageError>([] { PromptTemplate("{}"); });
}

}  // namespace
}  // namespace owl3
