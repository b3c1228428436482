#include "hub/cache.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "core/scratch_folder.h"
#include "hub/find_model.h"
#include "hub/part_file.h"
#include "hub/remove.h"
#include "hub/scratch_environment.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;

class Cache : public ::testing::Test {
 protected:
  Cache() { environment_.set("HF_HUB_CACHE", folder_.path().string()); }

  fs::path add(const std::string& repository, const std::string& commit, bool is_main = true) {
    const fs::path model = HubCache().folder_of(repository);
    const fs::path snapshot = model / "snapshots" / commit;
    write(snapshot / "config.json", R"({"hyper_layers": [1]})");
    write(snapshot / "model.safetensors", "weights");
    if (is_main) write(model / "refs" / "main", commit);
    return snapshot;
  }
  static void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  static std::string failure_of(const std::string& model) {
    try {
      return find_model(model).string();
    } catch (const ModelNotFetched& error) {
      return error.what();
    }
  }

  ScratchFolder folder_;
  ScratchEnvironment environment_;
};

}  // namespace

TEST_F(Cache, GivesTheSnapshotThatMainNames) {
  add("me/owl", "c1", false);
  const fs::path main = add("me/owl", "c2");
  EXPECT_EQ(find_model("me/owl"), main);
  EXPECT_EQ(find_model("me/owl@c1"), main.parent_path() / "c1");
}

TEST_F(Cache, TakesAModelOfModelScopeUnderTheSameName) {
  const fs::path snapshot = add("iic/mPLUG-Owl3-1B-241014", "c1");
  EXPECT_EQ(find_model("owl3-1b"), snapshot);
  EXPECT_EQ(find_model("mPLUG/mPLUG-Owl3-1B-241014"), snapshot);
}

TEST_F(Cache, LetsAPathThatIsThereWin) {
  add("me/owl", "c1");
  const fs::path before = fs::current_path();
  fs::create_directories(folder_ / "here" / "me" / "owl");
  fs::current_path(folder_ / "here");
  EXPECT_EQ(find_model("me/owl"), "me/owl");
  fs::current_path(before);
  EXPECT_EQ(find_model("no-name"), "no-name");
  EXPECT_EQ(find_model("./no/path"), "./no/path");
}

TEST_F(Cache, SaysHowToFetchWhatIsNotThere) {
  EXPECT_EQ(failure_of("2B"),
            "2B: this model is not on this machine; to fetch it: owl3 pull owl3-2b");
  EXPECT_EQ(failure_of("owl3-7b:q4_k"),
            "owl3-7b:q4_k: this model is not on this machine; to fetch it: owl3 pull owl3-7b "
            "--type q4_k");
  const std::string maybe = failure_of("modles/mine");
  EXPECT_NE(maybe.find("no such model folder or .gguf file"), std::string::npos) << maybe;
  EXPECT_NE(maybe.find("owl3 pull modles/mine"), std::string::npos) << maybe;
}

TEST_F(Cache, DoesNotTakeAPartForTheWhole) {
  const fs::path snapshot = add("mPLUG/mPLUG-Owl3-2B-241014", "c1");
  fs::remove(snapshot / "model.safetensors");
  EXPECT_NE(failure_of("owl3-2b").find("not all of this model"), std::string::npos);
  write(snapshot / "model.safetensors.index.json",
        R"({"weight_map": {"a": "model-1.safetensors"}})");
  EXPECT_NE(failure_of("owl3-2b").find("not all of this model"), std::string::npos);
  write(snapshot / "model-1.safetensors", "w");
  EXPECT_EQ(find_model("owl3-2b"), snapshot);
  fs::remove(snapshot / "model-1.safetensors");
  fs::create_symlink("../../blobs/none", snapshot / "model-1.safetensors");
  EXPECT_NE(failure_of("owl3-2b").find("not all of this model"), std::string::npos);
}

TEST_F(Cache, CountsOfPartsWhatHasArrived) {
  const fs::path snapshot = add("mPLUG/mPLUG-Owl3-2B-241014", "c1");
  const fs::path blobs = snapshot.parent_path().parent_path() / "blobs";
  fs::create_directories(blobs);
  PartFile part(blobs / ("ab" + std::string(kPartExtension)), 10 * kPieceBytes, kPieceBytes);
  const auto model = [] { return *HubCache().model("mPLUG/mPLUG-Owl3-2B-241014"); };
  EXPECT_TRUE(model().has_parts);
  EXPECT_EQ(model().part_bytes, 0u) << "the room that was taken has not arrived";
  part.set_whole(3);
  EXPECT_EQ(model().part_bytes, kPieceBytes);
  write(blobs / "cd.incomplete", "another tool's");
  EXPECT_EQ(model().part_bytes, kPieceBytes + 14);
}

TEST_F(Cache, FindsConversionsByTheirType) {
  const fs::path snapshot = add("mPLUG/mPLUG-Owl3-2B-241014", "c1");
  const fs::path path = HubCache().conversion_path("mPLUG/mPLUG-Owl3-2B-241014", "c1", "q4_k");
  EXPECT_EQ(path.filename(), "mPLUG-Owl3-2B-241014-q4_k.gguf");
  EXPECT_NE(failure_of("2b:q4_k").find("fetched are owl3-2b"), std::string::npos);
  write(path, "GGUF");
  EXPECT_EQ(find_model("2b:q4_k"), path);
  EXPECT_EQ(find_model("2b:original"), snapshot);
  fs::remove_all(snapshot.parent_path());
  EXPECT_EQ(find_model("2b:q4_k"), path);
  EXPECT_NE(failure_of("2b").find("fetched are owl3-2b:q4_k"), std::string::npos);
}

TEST_F(Cache, LetsANameAloneStandForTheConversionOfMain) {
  add("me/owl", "c1", false);
  add("me/owl", "c2");
  const fs::path old = HubCache().conversion_path("me/owl", "c1", "q8_0");
  write(old, "GGUF");
  EXPECT_NE(failure_of("me/owl:q8_0").find("fetched are me/owl@c1, me/owl, me/owl@c1:q8_0"),
            std::string::npos)
      << failure_of("me/owl:q8_0");
  EXPECT_EQ(find_model("me/owl@c1:q8_0"), old);
  const fs::path path = HubCache().conversion_path("me/owl", "c2", "q8_0");
  write(path, "GGUF");
  EXPECT_EQ(find_model("me/owl:q8_0"), path);
  const CachedModel model = *HubCache().model("me/owl");
  EXPECT_EQ(revision_of(model, "c1"), "c1");
  EXPECT_EQ(revision_of(model, "c2"), "");
}

TEST_F(Cache, FindsAConversionByTheRevisionOfFilesThatWereRemoved) {
  add("me/owl", "c1");
  write(HubCache().folder_of("me/owl") / "refs" / "v1.0", "c1");
  write(HubCache().conversion_path("me/owl", "c1", "q8_0"), "GGUF");
  remove_model(HubCache(), *parse_model_name("me/owl:original"));
  for (const char* name : {"me/owl:q8_0", "me/owl@v1.0:q8_0", "me/owl@c1:q8_0"}) {
    EXPECT_EQ(find_model(name), HubCache().conversion_path("me/owl", "c1", "q8_0")) << name;
  }
  remove_model(HubCache(), *parse_model_name("me/owl:q8_0"));
  EXPECT_FALSE(fs::exists(HubCache().folder_of("me/owl"))) << "nothing is left";
}

TEST_F(Cache, RemovesARevisionAloneWithWhatOnlyItHas) {
  const fs::path old = add("me/owl", "c1", false);
  const fs::path main = add("me/owl", "c2");
  const fs::path blobs = HubCache().folder_of("me/owl") / "blobs";
  const auto link = [&](const fs::path& snapshot, const char* file, char blob) {
    write(blobs / std::string(64, blob), "weights");
    fs::remove(snapshot / file);
    fs::create_symlink("../../blobs/" + std::string(64, blob), snapshot / file);
  };
  link(old, "model.safetensors", 'a');
  link(old, "tokenizer.json", 'b');
  link(main, "tokenizer.json", 'b');
  link(main, "model.safetensors", 'c');
  write(HubCache().folder_of("me/owl") / "refs" / "v1.0", "c1");
  write(HubCache().conversion_path("me/owl", "c1", "q8_0"), "GGUF");
  write(HubCache().conversion_path("me/owl", "c2", "q8_0"), "GGUF");
  EXPECT_THROW(remove_model(HubCache(), *parse_model_name("me/owl@v2.0")), InputError);
  remove_model(HubCache(), *parse_model_name("me/owl@v1.0"));
  EXPECT_FALSE(fs::exists(old));
  EXPECT_FALSE(fs::exists(blobs / std::string(64, 'a')));
  EXPECT_TRUE(fs::exists(main / "tokenizer.json")) << "both had it";
  EXPECT_EQ(find_model("me/owl"), main);
  const CachedModel model = *HubCache().model("me/owl");
  EXPECT_EQ(model.snapshots.size(), 1u);
  ASSERT_EQ(model.conversions.size(), 1u);
  EXPECT_EQ(model.conversions[0].commit, "c2");
  EXPECT_EQ(model.refs.count("c1"), 0u);
}

TEST_F(Cache, RemovesTheConversionThatANameStandsForAlone) {
  add("me/owl", "c2");
  write(HubCache().conversion_path("me/owl", "c1", "q8_0"), "GGUF");
  try {
    remove_model(HubCache(), *parse_model_name("me/owl:q8_0"));
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("there is me/owl@c1:q8_0"), std::string::npos)
        << error.what();
  }
  remove_model(HubCache(), *parse_model_name("me/owl@c1:q8_0"));
  EXPECT_TRUE(HubCache().model("me/owl")->conversions.empty());
  EXPECT_NO_THROW(find_model("me/owl"));
}

TEST_F(Cache, ListsGgufFilesOfThisFamily) {
  using std::string_literals::operator""s;
  const auto gguf = [](const std::string& architecture) {
    return "GGUF\3\0\0\0"s + std::string(16, '\0') + "\x14\0\0\0\0\0\0\0general.architecture"s +
           "\x08\0\0\0"s + static_cast<char>(architecture.size()) + std::string(7, '\0') +
           architecture;
  };
  write(HubCache().folder_of("me/owl") / "snapshots" / "c1" / "a.gguf", gguf("mplug-owl3"));
  write(HubCache().folder_of("me/llama") / "snapshots" / "c1" / "a.gguf", gguf("llama"));
  const std::vector<CachedModel> models = HubCache().models();
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(models[0].repository, "me/owl");
}

TEST_F(Cache, SaysWhichTypesThereAreWhereOneIsMistyped) {
  add("me/owl", "c1");
  for (const char* name : {"2b:q5", "me/owl:q5"}) {
    try {
      find_model(name);
      ADD_FAILURE() << name;
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find("there are bf16, q8_0"), std::string::npos)
          << error.what();
    }
  }
  EXPECT_EQ(find_model("no/folder:q5"), "no/folder:q5") << "a path";
}

TEST_F(Cache, ListsModelsOfThisFamilyAlone) {
  add("me/owl", "c1");
  const fs::path other = HubCache().folder_of("openai/whisper");
  write(other / "snapshots" / "c1" / "config.json", R"({"model_type": "whisper"})");
  write(HubCache().conversion_path("me/owl", "c1", "q8_0"), "GGUF");
  write(HubCache().folder_of("me/owl") / "blobs" / std::string(64, 'a'), "blob");
  const std::vector<CachedModel> models = HubCache().models();
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(models[0].repository, "me/owl");
  EXPECT_EQ(models[0].snapshots.at(0).refs, "main");
  EXPECT_TRUE(models[0].snapshots.at(0).complete);
  EXPECT_EQ(models[0].conversions.at(0).type, "q8_0");
  EXPECT_EQ(models[0].bytes, 4u);
}

TEST_F(Cache, LeadsToNoPlaceOutsideByItsRefs) {
  add("me/owl", "c1", false);
  add("me/owl", "c2", false);
  write(HubCache().folder_of("me/owl") / "refs" / "main", "../../../etc");
  EXPECT_THROW(find_model("me/owl"), ModelNotFetched);
}

}  // namespace owl3::test
