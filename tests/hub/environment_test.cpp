#include "hub/environment.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "core/error.h"
#include "core/scratch_folder.h"
#include "hub/scratch_environment.h"

namespace owl3::test {

TEST(HubEnvironment, NamesTheCacheAsHuggingFacesToolsDo) {
  ScratchEnvironment environment;
  environment.set("HOME", "/home/me");
  EXPECT_EQ(hub_cache_folder(), "/home/me/.cache/huggingface/hub");
  environment.set("XDG_CACHE_HOME", "/cache");
  EXPECT_EQ(hub_cache_folder(), "/cache/huggingface/hub");
  environment.set("HF_HOME", "~/hf");
  EXPECT_EQ(hub_cache_folder(), "/home/me/hf/hub");
  environment.set("HF_HUB_CACHE", "/models");
  EXPECT_EQ(hub_cache_folder(), "/models");
}

TEST(HubEnvironment, HasItsTokenFromAVariableOrAFile) {
  const ScratchFolder folder;
  ScratchEnvironment environment;
  environment.set("HF_HOME", folder.path().string());
  EXPECT_EQ(hub_token(HubSource::kHuggingFace), "");
  std::ofstream(folder / "token") << "hf_file\n";
  EXPECT_EQ(hub_token(HubSource::kHuggingFace), "hf_file");
  std::ofstream(folder / "other") << "hf_other";
  environment.set("HF_TOKEN_PATH", (folder / "other").string());
  EXPECT_EQ(hub_token(HubSource::kHuggingFace), "hf_other");
  environment.set("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
  EXPECT_EQ(hub_token(HubSource::kHuggingFace), "");
  environment.set("HF_TOKEN", "hf_variable\n");
  EXPECT_EQ(hub_token(HubSource::kHuggingFace), "hf_variable");
  EXPECT_EQ(hub_token(HubSource::kModelScope), "");  // another hub's
}

TEST(HubEnvironment, NeverShowsABrokenToken) {
  ScratchEnvironment environment;
  environment.set("HF_TOKEN", "hf_se\ncret");
  try {
    hub_token(HubSource::kHuggingFace);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()).find("cret"), std::string::npos);
  }
}

TEST(HubEnvironment, TakesAddressesOfOtherHubs) {
  ScratchEnvironment environment;
  EXPECT_EQ(hub_endpoint(HubSource::kHuggingFace), "https://huggingface.co");
  EXPECT_EQ(hub_endpoint(HubSource::kModelScope), "https://www.modelscope.cn");
  environment.set("HF_ENDPOINT", "https://hf-mirror.com/");
  environment.set("MODELSCOPE_DOMAIN", "modelscope.ai");
  EXPECT_EQ(hub_endpoint(HubSource::kHuggingFace), "https://hf-mirror.com");
  EXPECT_EQ(hub_endpoint(HubSource::kModelScope), "https://modelscope.ai");
  environment.set("HF_ENDPOINT", "hf-mirror.com");
  EXPECT_THROW(hub_endpoint(HubSource::kHuggingFace), UsageError);
}

}  // namespace owl3::test
