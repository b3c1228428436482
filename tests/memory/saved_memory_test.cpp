// Photos and films in a file: encoded once, brought up to date, asked about by another process.
#include "owl3/saved_memory.h"

#include <gtest/gtest.h>

#include "api/impl.h"
#include "backend/guarded_backend.h"
#include "backend/make_backend.h"
#include "core/scratch_folder.h"
#include "formats/adapter_files.h"
#include "formats/random_checkpoint.h"
#include "media/date_taken.h"
#include "media/encode_png.h"
#include "memory/budget_folder.h"
#include "owl3/owl3.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

const fs::path kFilm = fs::path(OWL3_SOURCE_DIR) / "demo" / "ball.mp4";

class SavedMemoryTest : public testing::Test {
 protected:
  SavedMemoryTest() {
    fs::create_directory(checkpoint());
    write_random_checkpoint(checkpoint(), checkpoint_shape("tiny"), {}, {});
    fs::create_directory(photos());
    for (int number = 1; number <= 6; ++number) picture(number, number);
  }

  fs::path checkpoint() const { return folder_ / "tiny"; }
  fs::path photos() const { return folder_ / "photos"; }
  Model load(const ModelOptions& options = {}) const { return Model::load(checkpoint(), options); }
  /// A photo of one colour.
  fs::path picture(int number, int colour) const {
    const Image image = {40, 30,
                         std::vector<uint8_t>(40 * 30 * 3, static_cast<uint8_t>(colour * 20))};
    const std::string name = fmt::format("photos/{}.png", number);
    folder_.write(name, encode_png(image, 1));
    return folder_ / name;
  }
  IndexReport index(const std::vector<std::string>& sources, const IndexOptions& options = whole(),
                    const ProgressCallback& progress = {}) const {
    return index_media(load(), "tiny", memory_, find_media_files(sources).files, {}, options,
                       progress);
  }
  IndexReport index() const { return index({photos().string()}); }
  static IndexOptions whole() {
    IndexOptions options;
    options.image.cut = false;
    return options;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const SavedMedium& medium : SavedMemory::open(memory_).media()) {
      names.push_back(medium.path.filename());
    }
    return names;
  }
  void flip(uint64_t offset) const {
    std::string bytes = read_text(memory_);
    bytes[offset] = static_cast<char>(bytes[offset] ^ 4);
    std::ofstream(memory_, std::ios::binary) << bytes;
  }

  ScratchFolder folder_;
  fs::path memory_ = folder_ / "a.owlmem";
};

std::string bytes_of(const ImageMemory& memory) {
  std::string bytes;
  for (const KeyValueBlock& block : memory.layers) {
    for (const Tensor& tensor : {block.keys, block.values, block.key_scales, block.value_scales}) {
      if (!tensor.defined()) continue;
      bytes.append(static_cast<const char*>(tensor.raw()), tensor.size_bytes());
    }
  }
  return bytes;
}

Answer ask(const Model& model, const std::vector<Medium>& media) {
  GenerationOptions greedy = generation_preset("greedy");
  greedy.max_new_tokens = 12;
  return Chat(model).ask("What is this?", media, greedy);
}

TEST_F(SavedMemoryTest, WhatIsRecalledIsWhatWasEncodedBitForBit) {
  for (const bool cut : {false, true}) {
    for (const bool int8 : {false, true}) {
      ModelOptions options;
      options.visual_memory_int8 = int8;
      const Model model = load(options);
      const fs::path memory = folder_ / fmt::format("{}-{}.owlmem", cut, int8);
      IndexOptions how;
      how.image.cut = cut;
      const std::vector<std::string> sources = {photos().string(), kFilm.string()};
      index_media(model, "tiny", memory, find_media_files(sources).files, {}, how);
      const std::vector<Medium> recalled = SavedMemory::open(memory).recall(model);
      VisualMemory encoded(model);
      std::vector<fs::path> paths;
      for (int number = 1; number <= 6; ++number) {
        paths.push_back(photos() / fmt::format("{}.png", number));
      }
      std::vector<Medium> media = encoded.add_images(paths, how.image);
      media.push_back(encoded.add_video(kFilm, how.video));
      ASSERT_EQ(recalled.size(), media.size());
      for (size_t i = 0; i < media.size(); ++i) {
        const auto& images = Internals::of(media[i]).images;
        ASSERT_EQ(recalled[i].images(), media[i].images());
        EXPECT_EQ(recalled[i].frame_seconds(), media[i].frame_seconds());
        for (size_t image = 0; image < images.size(); ++image) {
          EXPECT_TRUE(bytes_of(*Internals::of(recalled[i]).images[image]) ==
                      bytes_of(*images[image]));
        }
      }
      EXPECT_EQ(ask(model, recalled).text, ask(model, media).text);
    }
  }
}

TEST_F(SavedMemoryTest, AnotherDeviceMakesAndAsksTheSameFile) {
  const Model device = Internals::LoadedModel::load(
      CheckpointSource::open(checkpoint()), std::make_unique<GuardedBackend>(make_backend({})), {});
  const std::vector<MediaFile> files = find_media_files({photos().string()}).files;
  const fs::path by_device = folder_ / "device.owlmem";
  index_media(device, "tiny", by_device, files, {}, whole());
  index();
  const Model host = load();
  const std::string here = ask(host, SavedMemory::open(memory_).recall(host)).text;
  for (const fs::path& path : {memory_, by_device}) {
    EXPECT_EQ(ask(device, SavedMemory::open(path).recall(device)).text, here);
  }
}

TEST_F(SavedMemoryTest, AnIndexEncodesOnlyWhatIsNewOrChangedByItsContent) {
  EXPECT_EQ(index().images_encoded, 6);
  const auto before = fs::last_write_time(memory_);
  IndexReport again = index();
  EXPECT_EQ(again.unchanged, 6);
  EXPECT_EQ(again.images_encoded, 0);
  EXPECT_EQ(fs::last_write_time(memory_), before) << "nothing was written";
  fs::last_write_time(photos() / "1.png", fs::file_time_type::clock::now());
  const auto date = fs::last_write_time(photos() / "2.png");
  picture(2, 9);
  fs::last_write_time(photos() / "2.png", date);
  picture(7, 7);
  again = index();
  EXPECT_EQ(again.unchanged, 5);
  EXPECT_EQ(again.changed, 1);
  EXPECT_EQ(again.added, 1);
  EXPECT_EQ(again.images_encoded, 2);
  EXPECT_EQ(SavedMemory::open(memory_).info().images, 7) << "the former 2.png is gone";
}

TEST_F(SavedMemoryTest, WhatIsGoneIsForgottenUnlessItIsToBeKept) {
  const fs::path other = folder_ / "other.png";
  fs::copy_file(photos() / "1.png", other);
  index({photos().string(), other.string()});
  fs::remove(photos() / "3.png");
  fs::rename(photos() / "4.png", photos() / "40.png");
  IndexOptions keep = whole();
  keep.keep_missing = true;
  IndexReport report = index({photos().string()}, keep);
  EXPECT_TRUE(report.forgotten.empty());
  EXPECT_EQ(report.moved, 1);
  EXPECT_EQ(report.images_encoded, 0);
  report = index();
  EXPECT_EQ(report.forgotten.size(), 1U) << "4.png was moved";
  EXPECT_EQ(names(),
            (std::vector<std::string>{"other.png", "1.png", "2.png", "5.png", "6.png", "40.png"}))
      << "what was not spoken of stays, and new ones come where they are in the folder";
  fs::remove(other);
  report = index_media(load(), "tiny", memory_, {}, {other.string()}, whole());
  EXPECT_EQ(report.forgotten.size(), 1U);
  EXPECT_EQ(names().size(), 5U);
}

TEST_F(SavedMemoryTest, AFolderThatWasRenamedIsNotKeptTwice) {
  index();
  fs::rename(photos(), folder_ / "pictures");
  fs::remove(folder_ / "pictures" / "6.png");
  fs::copy_file(folder_ / "pictures" / "1.png", folder_ / "pictures" / "7.png");
  IndexReport report = index({(folder_ / "pictures").string()});
  EXPECT_EQ(report.moved, 5);
  EXPECT_EQ(report.copied, 1);
  EXPECT_EQ(report.images_encoded, 0);
  EXPECT_EQ(report.kept_missing, std::vector<std::string>{(photos() / "6.png").string()})
      << "its folder is gone, too, and may come back";
  EXPECT_EQ(names(), (std::vector<std::string>{"6.png", "1.png", "2.png", "3.png", "4.png", "5.png",
                                               "7.png"}));
  report = index({(folder_ / "pictures").string()});
  EXPECT_EQ(report.unchanged, 6);
}

TEST_F(SavedMemoryTest, WhatIsDamagedIsEncodedAnew) {
  index({photos().string(), kFilm.string()});
  const std::vector<SavedMedium> media = SavedMemory::open(memory_).media();
  flip(media[1].image_offsets[0] + 77);
  flip(media.back().image_offsets[2] + 77);
  const IndexReport report = index({photos().string(), kFilm.string()});
  EXPECT_EQ(report.mended, 2);
  EXPECT_EQ(report.unchanged, 5);
  EXPECT_EQ(report.images_encoded, 2) << "a photo, and one frame of the film";
  EXPECT_TRUE(verify_memory_file(memory_).damage.empty());
  EXPECT_TRUE(SavedMemory::open(memory_).recall(load())[1].damage().empty());
}

TEST_F(SavedMemoryTest, WhatIsNotRightWithAFileIsToldAndKept) {
  std::string film = read_text(kFilm);
  const fs::path cut = folder_ / "cut.mp4";
  std::ofstream(cut, std::ios::binary) << film.substr(0, film.size() / 2);
  IndexReport report = index({photos().string(), cut.string()});
  ASSERT_EQ(report.warnings.size(), 1U);
  EXPECT_TRUE(report.warnings[0].starts_with(cut.string())) << report.warnings[0];
  EXPECT_EQ(SavedMemory::open(memory_).media().back().warning, report.warnings[0]);
  EXPECT_EQ(index({photos().string(), cut.string()}).warnings, report.warnings) << "again";
  const fs::path moved = folder_ / "moved.mp4";
  fs::rename(cut, moved);
  report = index({moved.string()});
  ASSERT_EQ(report.warnings.size(), 1U);
  EXPECT_TRUE(report.warnings[0].starts_with(moved.string())) << report.warnings[0];
}

TEST_F(SavedMemoryTest, WhatWasInterruptedIsGoneOnWith) {
  const std::vector<std::string> sources = {photos().string(), kFilm.string()};
  IndexOptions how = whole();
  how.video.fps = 24;
  const auto stop_at = [&](int64_t at) {
    return [at](std::string_view stage, int64_t done, int64_t) {
      return !stage.starts_with("encoding") || done < at;
    };
  };
  int64_t encoded = 0;
  for (const int64_t at : {4, 9, 66}) {
    EXPECT_NE(message_of<Interrupted>([&] {
                index(sources, how, stop_at(at));
              }).find("goes on from there"),
              std::string::npos);
    const int64_t images = SavedMemory::open(memory_).info().images;
    EXPECT_GE(images, encoded);
    encoded = images;
  }
  EXPECT_GT(encoded, 6) << "a part of the film";
  const IndexReport rest = index(sources, how);
  const SavedMemoryInfo info = SavedMemory::open(memory_).info();
  EXPECT_EQ(rest.images_encoded, info.images - encoded);
  EXPECT_EQ(info.films, 1);
  EXPECT_TRUE(verify_memory_file(memory_).damage.empty());
}

TEST_F(SavedMemoryTest, OtherOptionsAreAnotherReading) {
  index();
  IndexOptions cut = whole();
  cut.image.cut = true;
  const IndexReport report = index({photos().string()}, cut);
  EXPECT_EQ(report.changed, 6);
  EXPECT_GT(SavedMemory::open(memory_).recall(load())[0].images(), 0);
}

TEST_F(SavedMemoryTest, AnotherModelAdapterOrPrecisionIsRefusedByName) {
  index();
  const SavedMemory memory = SavedMemory::open(memory_);
  const auto refusal = [&](const Model& model) {
    return message_of<InputError>([&] { memory.recall(model); });
  };
  // The same content elsewhere is the same model.
  const fs::path copy = folder_ / "copy";
  fs::copy(checkpoint(), copy);
  EXPECT_EQ(memory.recall(Model::load(copy)).size(), 6U);
  // Of weights that no image goes through, others are none.
  const auto change = [&](std::string_view part) {
    const Checkpoint opened = Checkpoint::open(copy);
    std::string bytes = read_text(copy / "model.safetensors");
    for (const auto& [name, tensor] : opened.tensors()) {
      if (name.find(part) == name.npos) continue;
      const std::string_view old(static_cast<const char*>(tensor.raw()), tensor.size_bytes());
      bytes[bytes.find(old)] ^= 1;
      break;
    }
    std::ofstream(copy / "model.safetensors", std::ios::binary) << bytes;
  };
  change("layers.0.mlp.gate_proj");
  EXPECT_EQ(memory.recall(Model::load(copy)).size(), 6U);
  change("v_kv_proj");
  EXPECT_NE(refusal(Model::load(copy)).find("was made by another model (tiny)"), std::string::npos);
  std::vector<AdaptedLayer> layers;
  for (const AdaptedLayer& layer : linear_layers(Checkpoint::open(checkpoint()))) {
    if (layer.name.find("vision2text_model") != std::string::npos) layers.push_back(layer);
  }
  const ScratchFolder adapter;
  write_adapter(adapter.path(), layers);
  ModelOptions adapted;
  adapted.lora.push_back({adapter.path(), 1});
  EXPECT_NE(refusal(load(adapted)).find("without adapters"), std::string::npos);
  ModelOptions int8;
  int8.visual_memory_int8 = true;
  EXPECT_NE(refusal(load(int8)).find("in another precision (bf16)"), std::string::npos);
  EXPECT_EQ(memory.recall(load(memory.options_for(int8))).size(), 6U);
}

TEST_F(SavedMemoryTest, DamageIsNamedAndTheRestStaysUsable) {
  index({photos().string(), kFilm.string()});
  std::vector<SavedMedium> media = SavedMemory::open(memory_).media();
  flip(media[1].image_offsets[0] + 77);
  flip(media.back().image_offsets[2] + 77);
  const Model model = load();
  const SavedMemory memory = SavedMemory::open(memory_);
  const std::vector<Medium> recalled = memory.recall(model);
  EXPECT_TRUE(recalled[0].damage().empty());
  ASSERT_EQ(recalled[1].damage().size(), 1U);
  EXPECT_NE(recalled[1].damage()[0].find("2.png: is damaged"), std::string::npos);
  EXPECT_FALSE(recalled[1].without_damage());
  const Medium film = recalled.back().without_damage().value();
  EXPECT_LT(film.images(), recalled.back().images());
  EXPECT_EQ(static_cast<size_t>(film.images()), film.frame_seconds().size());
  EXPECT_THROW(ask(model, {recalled[1]}), InputError);
  EXPECT_FALSE(ask(model, {recalled[0], film}).text.empty());
  EXPECT_EQ(remove_from_memory(memory_, {"2.png", "ball.mp4"}).size(), 2U);
  EXPECT_TRUE(verify_memory_file(memory_).damage.empty());
  EXPECT_EQ(index({photos().string(), kFilm.string()}).unchanged, 5);
  EXPECT_TRUE(verify_memory_file(memory_).damage.empty());
}

TEST_F(SavedMemoryTest, IsChosenFromByNameAndTime) {
  index({photos().string(), kFilm.string()});
  const SavedMemory memory = SavedMemory::open(memory_);
  const Model model = load();
  MemorySelection which;
  which.only = "[12].png";
  EXPECT_EQ(memory.recall(model, which).size(), 2U);
  which.only = "*.mp4";
  const double last = memory.media(which)[0].frame_seconds.back();
  which.from_seconds = 1;
  which.to_seconds = last - 0.5;
  const std::vector<double> frames = memory.recall(model, which)[0].frame_seconds();
  EXPECT_GE(frames.front(), 1);
  EXPECT_LE(frames.back(), last - 0.5);
  which.from_date = "2024-07";
  EXPECT_THROW(memory.recall(model, which), UsageError);
  which = {};
  which.only = "nothing";
  EXPECT_THROW(memory.recall(model, which), UsageError);
}

TEST_F(SavedMemoryTest, PartsAreMergedToTheWhole) {
  std::vector<MediaFile> files = find_media_files({photos().string(), kFilm.string()}).files;
  std::vector<fs::path> parts;
  for (size_t part = 0; part < 3; ++part) {
    std::vector<MediaFile> own;
    for (size_t i = part; i < files.size(); i += 3) own.push_back(files[i]);
    parts.push_back(folder_ / fmt::format("part{}.owlmem", part));
    index_media(load(), "tiny", parts.back(), own, {}, whole());
  }
  EXPECT_THROW(merge_memories(parts, memory_,
                              [](std::string_view, int64_t done, int64_t) { return done < 2; }),
               Interrupted);
  EXPECT_FALSE(fs::exists(memory_)) << "nothing under the name of what was not made";
  EXPECT_EQ(merge_memories(parts, memory_), 7);
  EXPECT_EQ(names(), (std::vector<std::string>{"1.png", "2.png", "3.png", "4.png", "5.png", "6.png",
                                               "ball.mp4"}))
      << "as one index would have laid them";
  EXPECT_TRUE(verify_memory_file(memory_).damage.empty());
  EXPECT_EQ(merge_memories(parts, memory_), 7) << "again";
  const IndexReport report = index({photos().string(), kFilm.string()});
  EXPECT_EQ(report.unchanged, 7);
  ModelOptions precise;
  precise.precision = Precision::kFloat32;
  const fs::path other = folder_ / "other.owlmem";
  index_media(load(precise), "tiny", other, files, {}, whole());
  EXPECT_THROW(merge_memories({parts[0], other}, memory_), InputError);
}

TEST_F(SavedMemoryTest, ANameIsMeantBeforeAPattern) {
  fs::copy_file(photos() / "2.png", photos() / "[1].png");
  index();
  MemorySelection which;
  which.only = "[1].png";
  EXPECT_EQ(SavedMemory::open(memory_).media(which).size(), 1U);
  EXPECT_EQ(remove_from_memory(memory_, {"[1].png"}),
            std::vector<std::string>{(photos() / "[1].png").string()});
  EXPECT_EQ(remove_from_memory(memory_, {"[1].png"}),
            std::vector<std::string>{(photos() / "1.png").string()})
      << "a pattern where nothing is called so";
}

TEST(BudgetFolder, TellsWhyNothingIsKept) {
  const ScratchFolder scratch;
  BudgetFolder folder(scratch / "kept", ".x", 1000);
  const std::array<std::byte, 3> bytes{};
  const std::array<std::span<const std::byte>, 1> parts = {bytes};
  folder.put("1", parts);
  EXPECT_EQ(folder.failure(), "");
  fs::remove_all(scratch / "kept");
  EXPECT_THROW(folder.put("2", parts), InputError);
  EXPECT_NE(folder.failure().find("cannot be written"), std::string::npos);
}

TEST(DateTaken, IsReadFromExif) {
  // A JPEG's segment: a directory with the EXIF directory, which has DateTimeOriginal.
  const auto exif = [](std::string_view date) {
    std::string tiff("II\x2a\0\x08\0\0\0", 8);
    tiff += std::string("\x01\0\x69\x87\x04\0\x01\0\0\0\x1a\0\0\0\0\0\0\0", 18);
    tiff += std::string("\x01\0\x03\x90\x02\0\x14\0\0\0\x2c\0\0\0\0\0\0\0", 18);
    return "\xff\xd8\xff\xe1" + std::string("\0\x60", 2) + std::string("Exif\0\0", 6) + tiff +
           std::string(date) + std::string(1, '\0');
  };
  const auto taken = [&](std::string_view date) {
    const std::string file = exif(date);
    return date_taken(std::as_bytes(std::span(file)));
  };
  EXPECT_EQ(taken("2024:07:01 12:33:05"), "2024-07-01T12:33:05");
  EXPECT_EQ(taken("0000:00:00 00:00:00"), "");
  EXPECT_EQ(taken("    :  :     :  :  "), "");
  EXPECT_EQ(taken("2024:07"), "");
}

}  // namespace
}  // namespace owl3
