#include "formats/hub_cache.h"

#include "core/scratch_folder.h"
#include "formats/checkpoint.h"
#include "formats/checkpoint_source.h"
#include "formats/lora_adapter.h"
#include "formats/random_checkpoint.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

testing::AssertionResult says(const std::string& message, std::string_view part) {
  if (message.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << message;
}

std::string refusal(const fs::path& path) {
  return message_of<InputError>([&] { Checkpoint::open(path); });
}

/// A cache with a model as Hugging Face's tools lay it out: blobs, and links to them.
class HubCache : public testing::Test {
 protected:
  fs::path model() const { return folder_ / "models--me--owlet-2B"; }

  /// A snapshot of a tiny checkpoint.
  fs::path add_snapshot(const std::string& commit) {
    const fs::path blobs = model() / "blobs";
    const fs::path snapshot = model() / "snapshots" / commit;
    fs::create_directories(blobs);
    fs::create_directories(snapshot);
    const ScratchFolder made;
    write_random_checkpoint(made.path(), checkpoint_shape("tiny"), {}, nullptr);
    for (const auto& entry : fs::directory_iterator(made.path())) {
      const std::string name = entry.path().filename().string();
      fs::copy_file(entry.path(), blobs / (commit + name));
      fs::create_symlink("../../blobs/" + commit + name, snapshot / name);
    }
    return snapshot;
  }
  void add_ref(const std::string& name, const std::string& commit) {
    fs::create_directories(model() / "refs");
    std::ofstream(model() / "refs" / name) << commit;
  }

  const ScratchFolder folder_;
};

TEST_F(HubCache, LeadsToItsOnlySnapshot) {
  const fs::path snapshot = add_snapshot("0a1b");
  for (const fs::path& path : {model(), model() / "", model() / "snapshots", snapshot}) {
    EXPECT_TRUE(fs::equivalent(Checkpoint::open(path).path(), snapshot)) << path;
  }
  EXPECT_TRUE(fs::equivalent(Checkpoint::open(model()).file_of("vision2text_model.weight"),
                             snapshot / "model.safetensors"));
}

TEST_F(HubCache, AndFoldersAndGgufFilesLookLikeCheckpointsAndPicturesDoNot) {
  const fs::path snapshot = add_snapshot("0a1b");
  for (const fs::path& path : {model(), model() / "snapshots", snapshot}) {
    EXPECT_TRUE(looks_like_checkpoint(path)) << path;
  }
  EXPECT_TRUE(looks_like_checkpoint(folder_.write("a model", "GGUF and more")));
  EXPECT_TRUE(looks_like_checkpoint(folder_ / "mistyped.gguf"));
  fs::create_directories(folder_ / "album" / "snapshots" / "may");
  fs::create_directories(folder_ / "album" / "snapshots" / "june");
  for (const fs::path& path : {folder_.write("a.jpg", "JPEG"), folder_.write("empty", ""),
                               folder_ / "album", folder_ / "missing"}) {
    EXPECT_FALSE(looks_like_checkpoint(path)) << path;
  }
  add_snapshot("2c3d");  // which of the two is not known, but that it is a model
  EXPECT_TRUE(looks_like_checkpoint(model()));
}

TEST_F(HubCache, LeadsToWhatRefsMainNames) {
  add_snapshot("aaaa");
  const fs::path wanted = add_snapshot("bbbb");
  add_snapshot("cccc");
  add_ref("main", "bbbb\n");
  EXPECT_EQ(Checkpoint::open(model()).path(), wanted);
  EXPECT_TRUE(fs::equivalent(Checkpoint::open(model() / "snapshots").path(), wanted));
}

TEST_F(HubCache, ListsSeveralSnapshotsWithTheirNames) {
  add_snapshot("aaaa");
  add_snapshot("bbbb");
  add_ref("v1.0", "bbbb");
  const std::string message = refusal(model());
  EXPECT_TRUE(says(message, "holds 2 snapshots; give one of them: "));
  EXPECT_TRUE(says(message, "/snapshots/aaaa, "));
  EXPECT_TRUE(says(message, "/snapshots/bbbb (v1.0)"));
}

TEST_F(HubCache, NamesASnapshotThatWasNotDownloaded) {
  add_snapshot("aaaa");
  add_ref("main", "ffff");
  EXPECT_TRUE(says(refusal(model()), "refs/main names snapshot ffff, which is not there"));
  for (const char* ref : {"../../../etc", "/etc", "..", ""}) {
    add_ref("main", ref);
    EXPECT_EQ(Checkpoint::open(model()).path().filename(), "aaaa") << ref;  // names nothing
  }
}

TEST_F(HubCache, WithoutASnapshotIsAnIncompleteDownload) {
  fs::create_directories(model() / "snapshots");
  EXPECT_TRUE(says(refusal(model()), "holds no snapshot"));
}

TEST_F(HubCache, NamesALinkToABlobThatIsNotThere) {
  add_snapshot("aaaa");
  for (const char* file : {"model.safetensors", "generation_config.json", "config.json"}) {
    fs::remove(model() / "blobs" / (std::string("aaaa") + file));
    const std::string message = refusal(model());
    EXPECT_TRUE(says(message, std::string(file) + ": a link to ../../blobs/aaaa" + file +
                                  ", which is not there: the download is incomplete"));
  }
}

TEST_F(HubCache, AWholeCacheIsListed) {
  add_snapshot("aaaa");
  fs::create_directories(folder_ / "models--you--other");
  EXPECT_TRUE(says(refusal(folder_.path()),
                   "holds 2 models of Hugging Face's cache; give one of them: "
                   "models--me--owlet-2B, models--you--other"));
}

TEST_F(HubCache, AnAdapterIsFoundInItsSnapshot) {
  const fs::path snapshot = model() / "snapshots" / "abcd";
  fs::create_directories(snapshot);
  std::ofstream(snapshot / "adapter_config.json") << R"({"peft_type":"OTHER"})";
  EXPECT_TRUE(says(message_of<InputError>([&] { load_lora_adapter(model(), 1); }),
                   "snapshots/abcd/adapter_config.json: peft_type"));
}

TEST(HubCacheNames, AModelIsCalledByItsName) {
  EXPECT_EQ(model_name_of("/hub/models--mPLUG--mPLUG-Owl3-2B-241014"), "mPLUG-Owl3-2B-241014");
  EXPECT_EQ(model_name_of("/hub/models--me--a/snapshots/0123"), "a");
  EXPECT_EQ(model_name_of("/hub/models--me--a/snapshots/"), "a");
  EXPECT_EQ(model_name_of("/x/small.gguf"), "small");
  EXPECT_EQ(model_name_of("/x/folder/"), "folder");
}

TEST(HubCacheNames, AFolderWithAGgufFileSaysSo) {
  const ScratchFolder folder;
  folder.write("small.gguf", "GGUF");
  EXPECT_TRUE(says(refusal(folder.path()), "no config.json in it"));
  EXPECT_TRUE(says(refusal(folder.path()), "it holds small.gguf: give that file"));
}

}  // namespace
}  // namespace owl3
