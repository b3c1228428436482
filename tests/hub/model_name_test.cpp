#include "hub/model_name.h"

#include <gtest/gtest.h>

namespace owl3::test {

namespace {

std::string repository(const std::string& text) {
  const auto name = parse_model_name(text);
  return name ? name->repository : "";
}

}  // namespace

TEST(ModelName, IsShortForTheReleasedModelsInAnyCase) {
  for (const char* text :
       {"owl3-2b", "2b", "OWL3-2B", "2B", "mPLUG-Owl3-2B-241014", "mplug/mplug-owl3-2b-241014",
        "mPLUG/mPLUG-Owl3-2B-241014", "mplug-owl3-2b-chat"}) {
    EXPECT_EQ(repository(text), "mPLUG/mPLUG-Owl3-2B-241014") << text;
  }
  EXPECT_EQ(repository("owl3-1b"), "mPLUG/mPLUG-Owl3-1B-241014");
  EXPECT_EQ(repository("7b"), "mPLUG/mPLUG-Owl3-7B-241101");
  EXPECT_EQ(repository("owl3-7b-240728"), "mPLUG/mPLUG-Owl3-7B-240728");
}

TEST(ModelName, KnowsTheNamesOfMsSwift) {
  EXPECT_EQ(repository("mplug-owl3-7b-chat"), "mPLUG/mPLUG-Owl3-7B-240728");
  EXPECT_EQ(repository("mplug-owl3v-7b-chat"), "mPLUG/mPLUG-Owl3-7B-241101");
  EXPECT_EQ(repository("mplug_owl3"), "mPLUG/mPLUG-Owl3-7B-240728");
  EXPECT_EQ(repository("mplug_owl3_241101"), "mPLUG/mPLUG-Owl3-7B-241101");
  EXPECT_EQ(repository("iic/mPLUG-Owl3-7B-240728"), "iic/mPLUG-Owl3-7B-240728");
}

TEST(ModelName, MayBeAnyRepositoryWithRevisionAndType) {
  const auto name = parse_model_name("me/My-Owl@v1.0:Q4_K");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->repository, "me/My-Owl");
  EXPECT_EQ(name->revision, "v1.0");
  EXPECT_EQ(name->type, "q4_k");
  EXPECT_FALSE(name->known);
  EXPECT_EQ(name->text(), "me/My-Owl@v1.0:q4_k");
  EXPECT_EQ(parse_model_name("2b:q8_0")->text(), "owl3-2b:q8_0");
}

TEST(ModelName, IsNoPath) {
  for (const char* text :
       {"", "folder", "./a/b", "../b", "a/b/c", "/a/b", "a/", "/b", "~/model", "small.gguf",
        "a/b.gguf", "a/..", "a/b--c", "3b", "a b/c", "2b:q5", "a/b@../../x", "a/b@", "a/b\n"}) {
    EXPECT_EQ(repository(text), "") << text;
  }
}

}  // namespace owl3::test
