#include "generate/presets.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "generate/sampler.h"

namespace owl3 {
namespace {

TEST(Presets, AreTheOfficialOnes) {
  const GenerationOptions sample = generation_preset("sample");
  EXPECT_TRUE(sample.do_sample);
  EXPECT_EQ(sample.temperature, 0.7);
  EXPECT_EQ(sample.top_p, 0.8);
  EXPECT_EQ(sample.top_k, 100);
  EXPECT_EQ(sample.repetition_penalty, 1.05);
  EXPECT_EQ(sample.max_new_tokens, 2048);

  const GenerationOptions beam = generation_preset("beam");
  EXPECT_FALSE(beam.do_sample);
  EXPECT_EQ(beam.num_beams, 3);
  EXPECT_EQ(beam.repetition_penalty, 1.2);

  const GenerationOptions eval = generation_preset("eval");
  EXPECT_FALSE(eval.do_sample);
  EXPECT_EQ(eval.max_new_tokens, 100);
  EXPECT_EQ(eval.repetition_penalty, 1.0);

  EXPECT_FALSE(generation_preset("greedy").do_sample);
}

TEST(Presets, AllMakeSense) {
  for (const char* name : {"sample", "beam", "eval", "greedy"}) {
    EXPECT_NO_THROW(check_generation_options(generation_preset(name))) << name;
  }
}

TEST(Presets, AnUnknownNameIsToldTheChoice) {
  try {
    generation_preset("warm");
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_STREQ(e.what(), "no preset is called \"warm\": choose sample, beam, eval or greedy");
  }
}

TEST(Presets, TakeTheCheckpointsPenaltyWhereTheyLeaveItOff) {
  GenerationConfig config;
  config.repetition_penalty = 1.3;
  config.top_k = 20;
  config.do_sample = true;
  EXPECT_EQ(generation_preset("eval", config).repetition_penalty, 1.3);
  EXPECT_FALSE(generation_preset("eval", config).do_sample);
  EXPECT_EQ(generation_preset("greedy", config).repetition_penalty, 1.3);
  EXPECT_EQ(generation_preset("beam", config).repetition_penalty, 1.2);
  EXPECT_EQ(generation_preset("sample", config).top_k, 100);
}

TEST(CheckpointDefaults, ReplaceWhatTheyStateAndNothingElse) {
  GenerationConfig config;
  config.temperature = 0.3;
  config.top_k = 20;
  GenerationOptions options;
  options.seed = 9;
  options = with_checkpoint_defaults(options, config);
  EXPECT_EQ(options.temperature, 0.3);
  EXPECT_EQ(options.top_k, 20);
  EXPECT_EQ(options.top_p, 0.8);
  EXPECT_EQ(options.repetition_penalty, 1.05);
  EXPECT_EQ(options.seed, 9u);
  EXPECT_TRUE(options.do_sample);
}

TEST(CheckpointDefaults, AlwaysMakeSense) {
  GenerationConfig config;
  config.do_sample = true;
  config.temperature = 0;
  config.top_p = 0;
  config.num_beams = 4;
  const GenerationOptions options = with_checkpoint_defaults({}, config);
  EXPECT_NO_THROW(check_generation_options(options));
  EXPECT_FALSE(options.do_sample);
  EXPECT_EQ(options.num_beams, 4);
  EXPECT_EQ(options.top_k, 1);
}

}  // namespace
}  // namespace owl3
