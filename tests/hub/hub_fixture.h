// A hub, an empty cache, and a model that the hub has.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <mutex>

#include "core/error.h"
#include "core/scratch_folder.h"
#include "hub/checksum.h"
#include "hub/find_model.h"
#include "hub/hub_server.h"
#include "hub/pull.h"
#include "hub/scratch_environment.h"

namespace owl3::test {

class Hub : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new HubServer; }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  Hub() {
    environment_.set("HF_HUB_CACHE", cache_folder().string());
    environment_.set("HF_ENDPOINT", server_->address());
    environment_.set("MODELSCOPE_DOMAIN", server_->address());
    environment_.set("HF_HUB_DOWNLOAD_TIMEOUT", "1");
    options_.piece_bytes = 4096;
    options_.pieces_at_once = 8;
    options_.check_space = [this](const std::filesystem::path&, uint64_t bytes) {
      room_asked_for_ += bytes;
    };
    server_->set(repositories());
  }

  static nlohmann::json model() {
    const nlohmann::json index = {
        {"weight_map",
         {{"a", "model-00001-of-00002.safetensors"}, {"b", "model-00002-of-00002.safetensors"}}}};
    return {{"commit", std::string(40, 'a')},
            {"revisions", {"v1.0"}},
            {"files",
             {{"README.md", {{"text", "# read"}}},
              {".gitattributes", {{"text", "*"}}},
              {"config.json", {{"text", R"({"hyper_layers": [1]})"}}},
              {"tokenizer.json", {{"text", std::string(50000, 't')}}},
              {"modeling_mplugowl3.py", {{"text", "import os"}}},
              {"model.safetensors.index.json", {{"text", index.dump()}}},
              {"model-00001-of-00002.safetensors", {{"size", 300001}, {"seed", 1}}},
              {"model-00002-of-00002.safetensors", {{"size", 100000}, {"seed", 2}}},
              {"assets/picture.png", {{"text", "png"}}}}}};
  }
  static nlohmann::json repositories() {
    nlohmann::json secret = model();
    secret["private"] = true;
    nlohmann::json gated = model();
    gated["gated"] = true;
    nlohmann::json files = {{"a-q4_k.gguf", {{"size", 1000}}}, {"b-q8_0.gguf", {{"size", 2000}}}};
    const nlohmann::json only = {{"a.gguf", {{"size", 1000}}}, {"README.md", {{"text", "x"}}}};
    const nlohmann::json pickled = {{"config.json", {{"text", "{}"}}},
                                    {"pytorch_model.bin", {{"size", 10}}}};
    return {{kModel, model()},
            {"iic/mPLUG-Owl3-2B-241014", model()},
            {"me/secret", secret},
            {"me/gated", gated},
            {"me/files", {{"commit", std::string(40, 'b')}, {"files", files}}},
            {"me/only", {{"commit", std::string(40, 'b')}, {"files", only}}},
            {"me/pickled", {{"commit", std::string(40, 'b')}, {"files", pickled}}}};
  }

  HubAccess access(HubSource source = HubSource::kHuggingFace) {
    HubAccess access = HubAccess::of(source);
    access.first_pause = std::chrono::milliseconds(10);
    access.goes_on = [this] { return goes_on_.load(); };
    access.tell = [this](const std::string& text) {
      const std::lock_guard lock(mutex_);
      told_ += text + "\n";
    };
    return access;
  }
  PulledModel pull_model(const std::string& name = "owl3-2b",
                         HubSource source = HubSource::kHuggingFace) {
    return pull({*parse_model_name(name), "", ""}, access(source), HubCache(), options_);
  }
  std::string failure_of(const std::string& name) {
    try {
      pull_model(name);
    } catch (const InputError& error) {
      return error.what();
    }
    return "none";
  }
  std::filesystem::path cache_folder() const { return folder_ / "hub"; }
  std::filesystem::path blobs() const { return HubCache().folder_of(kModel) / "blobs"; }

  /// That all of the model is there, byte by byte.
  void expect_whole(const std::filesystem::path& snapshot) {
    for (const auto& entry : std::filesystem::directory_iterator(snapshot)) {
      const std::filesystem::path blob = std::filesystem::canonical(entry.path());
      const std::string sum = blob.filename();
      EXPECT_EQ(
          checksum_of(blob, sum, std::filesystem::file_size(blob), [](uint64_t) { return true; }),
          sum)
          << entry.path();
    }
    EXPECT_TRUE(is_complete_snapshot(snapshot));
  }

  static constexpr const char* kModel = "mPLUG/mPLUG-Owl3-2B-241014";
  static inline HubServer* server_ = nullptr;
  ScratchEnvironment environment_;
  ScratchFolder folder_;
  FetchOptions options_;
  std::atomic<bool> goes_on_ = true;
  std::atomic<uint64_t> room_asked_for_ = 0;
  std::mutex mutex_;
  std::string told_;
};

}  // namespace owl3::test
