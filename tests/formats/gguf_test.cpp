#include "formats/gguf.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "core/mapped_file.h"
#include "core/scratch_folder.h"
#include "gguf_bytes.h"

namespace owl3 {
namespace {

constexpr uint32_t kF32 = 0;
constexpr uint32_t kQ8_0 = 8;
constexpr uint32_t kBF16 = 30;

/// The file's bytes stay where they are for as long as the result lives.
Gguf parse(const GgufBytes& file) {
  const auto bytes = std::make_shared<const std::vector<std::byte>>(file.bytes());
  return parse_gguf(*bytes, bytes, "x.gguf");
}

std::string refusal(const GgufBytes& file) {
  return message_of<InputError>([&] { parse(file); });
}

testing::AssertionResult says(const std::string& message, std::string_view part) {
  if (message.starts_with("x.gguf: ") && message.find(part) != std::string::npos) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << message;
}

TEST(Gguf, ReadsMetadataAndTensors) {
  for (const uint32_t version : {2u, 3u}) {
    const Gguf gguf = parse(GgufBytes()
                                .header(3, 2, version)
                                .text_value("general.name", "owl")
                                .u32_value("answer", 42)
                                .tensor("b", {3, 2}, kBF16, 32)
                                .tensor("a", {2}, kF32, 0)
                                .tensor("q", {64, 1}, kQ8_0, 64)
                                .data(64 + 68));
    EXPECT_EQ(gguf.text("general.name"), "owl");
    EXPECT_EQ(gguf.text("answer"), std::nullopt);
    EXPECT_EQ(gguf.text("nothing"), std::nullopt);
    EXPECT_EQ(gguf.metadata.at("answer").type, GgufType::kU32);
    ASSERT_EQ(gguf.tensors.size(), 3u);
    EXPECT_EQ(gguf.tensors.at("b").shape(), (Shape{2, 3}));  // the file has the fastest first
    EXPECT_EQ(gguf.tensors.at("b").dtype(), DType::kBF16);
    EXPECT_EQ(*gguf.tensors.at("b").data<uint8_t>(), 32);
    EXPECT_EQ(gguf.tensors.at("q").shape(), (Shape{1, 64}));
    EXPECT_EQ(gguf.tensors.at("q").dtype(), DType::kQ8_0);
    EXPECT_EQ(gguf.tensors.at("q").size_bytes(), 68u);
  }
}

TEST(Gguf, StepsOverValuesOfEveryType) {
  GgufBytes file;
  file.header(0, 15);
  const std::array<size_t, 13> sizes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  for (uint32_t type = 0; type < sizes.size(); ++type) {
    if (sizes[type] == 0) continue;
    file.string("scalar" + std::to_string(type)).put(type).raw(std::string(sizes[type], 'x'));
  }
  file.string("numbers").put(uint32_t{9}).put(uint32_t{2}).put(uint64_t{3}).raw("aabbcc");
  file.string("words").put(uint32_t{9}).put(uint32_t{8}).put(uint64_t{2}).string("one").string("");
  file.string("none").put(uint32_t{9}).put(uint32_t{8}).put(uint64_t{0});
  file.text_value("last", "read");
  EXPECT_EQ(parse(file).text("last"), "read");
}

TEST(Gguf, FollowsTheStatedAlignment) {
  const auto file = [](uint32_t alignment, uint64_t offset) {
    return GgufBytes()
        .header(1, 1)
        .u32_value("general.alignment", alignment)
        .tensor("a", {2}, kF32, offset)
        .data(1024, alignment == 0 ? 8 : alignment);
  };
  for (const uint32_t alignment : {8u, 64u, 512u}) {
    EXPECT_EQ(*parse(file(alignment, alignment)).tensors.at("a").data<uint8_t>(), alignment % 256);
    EXPECT_TRUE(says(refusal(file(alignment, 4)), "not aligned"));
  }
  for (const uint32_t alignment : {0u, 1u, 4u, 48u}) {
    EXPECT_TRUE(says(refusal(file(alignment, 0)), "general.alignment"));
  }
  EXPECT_TRUE(says(refusal(GgufBytes().header(0, 1).text_value("general.alignment", "64")),
                   "general.alignment"));
}

TEST(Gguf, RefusesWhatIsNoGgufFile) {
  EXPECT_TRUE(says(refusal(GgufBytes()), "not a GGUF file"));
  EXPECT_TRUE(says(refusal(GgufBytes().raw("PK\x03\x04 and more")), "not a GGUF file"));
  EXPECT_TRUE(says(refusal(GgufBytes().raw("version https://git-lfs.github.com/spec/v1\n")),
                   "git lfs pull"));
  EXPECT_TRUE(says(refusal(GgufBytes().header(0, 0, 1)), "version 1"));
  EXPECT_TRUE(says(refusal(GgufBytes().header(0, 0, 4)), "version 4"));
  EXPECT_TRUE(says(refusal(GgufBytes().header(0, 0, 3 << 24)), "big-endian"));
}

TEST(Gguf, RefusesAFileThatEndsAnywhereTooEarly) {
  const std::string whole = GgufBytes()
                                .header(1, 3)
                                .text_value("general.name", "owl")
                                .u32_value("answer", 42)
                                .string("words")
                                .put(uint32_t{9})
                                .put(uint32_t{8})
                                .put(uint64_t{2})
                                .string("one")
                                .string("two")
                                .tensor("a", {2, 2}, kF32, 0)
                                .data(16)
                                .text();
  EXPECT_NO_THROW(parse(GgufBytes().raw(whole)));
  for (size_t length = 4; length < whole.size(); ++length) {
    EXPECT_TRUE(says(refusal(GgufBytes().raw(whole.substr(0, length))), "truncated")) << length;
  }
}

TEST(Gguf, RefusesCountsAndLengthsBeyondTheFile) {
  constexpr uint64_t kHuge = ~uint64_t{0};
  EXPECT_TRUE(says(refusal(GgufBytes().header(kHuge, 0)), "tensors"));
  EXPECT_TRUE(says(refusal(GgufBytes().header(0, kHuge)), "metadata values"));
  EXPECT_TRUE(says(refusal(GgufBytes().header(0, 1).put(kHuge).raw("0123456789")), "truncated"));
  for (const uint32_t type : {0u, 5u, 8u, 12u}) {
    const auto file =
        GgufBytes().header(0, 1).string("list").put(uint32_t{9}).put(type).put(kHuge / 2);
    EXPECT_TRUE(says(refusal(file), "truncated"));
  }
  const auto long_name = GgufBytes().header(0, 1).text_value(std::string(2000, 'k'), "v");
  EXPECT_TRUE(says(refusal(long_name), "2000 bytes"));
}

TEST(Gguf, RefusesTypesItDoesNotKnow) {
  const auto value = [](uint32_t type) {
    return GgufBytes().header(0, 1).string("key").put(type).raw(std::string(64, '\0'));
  };
  EXPECT_TRUE(says(refusal(value(13)), "unknown type"));
  EXPECT_TRUE(says(refusal(value(~0u)), "unknown type"));
  const auto nested = GgufBytes().header(0, 1).string("key").put(uint32_t{9}).put(uint32_t{9});
  EXPECT_TRUE(says(refusal(GgufBytes(nested).put(uint64_t{0})), "unknown type"));

  const auto tensor = [](uint32_t type) {
    return GgufBytes().header(1, 0).tensor("w", {256}, type, 0).data(2048);
  };
  EXPECT_TRUE(says(refusal(tensor(13)), "\"w\" is of type q5_k; owl3 reads"));
  EXPECT_TRUE(says(refusal(tensor(39)), "mxfp4"));
  EXPECT_TRUE(says(refusal(tensor(4711)), "number 4711"));
}

TEST(Gguf, RefusesShapesThatCannotBe) {
  const auto tensor = [](const std::vector<uint64_t>& dimensions, uint32_t type) {
    return GgufBytes().header(1, 0).tensor("w", dimensions, type, 0).data(4096);
  };
  EXPECT_TRUE(says(refusal(tensor({1, 1, 1, 1, 1}, kF32)), "too many dimensions"));
  EXPECT_TRUE(says(refusal(tensor({~uint64_t{0}}, kF32)), "too large"));
  EXPECT_TRUE(says(refusal(tensor({1ull << 40, 1ull << 40}, kF32)), "cannot be"));
  EXPECT_TRUE(says(refusal(tensor({0, 1ull << 62, 1ull << 62}, kF32)), "cannot be"));
  EXPECT_TRUE(says(refusal(tensor({33, 2}, kQ8_0)), "[2, 33] cannot be q8_0"));
  EXPECT_NO_THROW(parse(tensor({}, kF32)));
  EXPECT_NO_THROW(parse(tensor({0, 7}, kQ8_0)));
}

TEST(Gguf, RefusesDataThatOverlapOrLieOutside) {
  const auto two = [](uint64_t first, uint64_t second, size_t bytes) {
    return GgufBytes()
        .header(2, 0)
        .tensor("a", {16}, kF32, first)
        .tensor("b", {16}, kF32, second)
        .data(bytes);
  };
  EXPECT_NO_THROW(parse(two(64, 0, 128)));
  EXPECT_TRUE(says(refusal(two(0, 32, 128)), "\"b\" overlaps another"));
  EXPECT_TRUE(says(refusal(two(0, 0, 128)), "overlaps another"));
  EXPECT_TRUE(says(refusal(two(0, 64, 127)), "truncated"));
  EXPECT_TRUE(says(refusal(two(0, ~uint64_t{31}, 128)), "beyond any file"));
  EXPECT_TRUE(says(refusal(two(0, 8, 128)), "not aligned"));
}

TEST(Gguf, RefusesNamesThatStandTwiceOrCannotBePrinted) {
  EXPECT_TRUE(
      says(refusal(GgufBytes().header(0, 2).u32_value("k", 1).u32_value("k", 2)), "stands twice"));
  EXPECT_TRUE(says(
      refusal(
          GgufBytes().header(2, 0).tensor("a", {1}, kF32, 0).tensor("a", {1}, kF32, 32).data(64)),
      "listed twice"));
  EXPECT_TRUE(says(refusal(GgufBytes().header(1, 0).tensor("a\nb", {1}, kF32, 0).data(4)),
                   "control characters"));
  EXPECT_TRUE(says(refusal(GgufBytes().header(1, 0).tensor("", {1}, kF32, 0).data(4)), "0 bytes"));
}

TEST(Gguf, RefusesAPartOfASplitFile) {
  const auto part =
      GgufBytes().header(0, 1).string("split.count").put(uint32_t{2}).put(uint16_t{3});
  EXPECT_TRUE(says(refusal(part), "one of 3 parts"));
}

TEST(GgufWriter, WritesWhatTheReaderReads) {
  const ScratchFolder folder;
  const std::vector<TensorSpec> specs = {{"vector", DType::kF32, {3}},
                                         {"empty", DType::kF32, {0}},
                                         {"blocks", DType::kQ8_0, {2, 64}},
                                         {"cube", DType::kBF16, {2, 3, 5}}};
  GgufMetadata metadata;
  metadata.put_text("general.architecture", "owl");
  metadata.put_u32("a", 7);
  metadata.put_f32("b", 0.5f);
  metadata.put_bool("c", true);
  metadata.put_i32s("d", std::array<int32_t, 2>{1, -1});
  metadata.put_texts("e", std::array<std::string, 2>{"x", "yy"});
  GgufWriter writer(folder / "x.gguf", metadata, specs);
  std::string data(12 + 136 + 60, '\0');
  std::iota(data.begin(), data.end(), '\1');
  for (size_t at = 0, size = 0; at < data.size(); at += size) {  // pieces end where tensors do
    size = at == 0 ? 12 : at < 148 ? 34 : 60;
    EXPECT_EQ(folder.file_count(), 1u) << "the temporary one";
    EXPECT_FALSE(std::filesystem::exists(folder / "x.gguf"));
    writer.write(data.data() + at, size);
  }
  const uint64_t promised = writer.file_bytes();
  writer.commit();

  const auto file = MappedFile::open(folder / "x.gguf");
  EXPECT_EQ(file->bytes().size(), promised);
  const Gguf gguf = parse_gguf(file->bytes(), file, "x.gguf");
  EXPECT_EQ(gguf.text("general.architecture"), "owl");
  EXPECT_EQ(gguf.metadata.size(), 7u);
  ASSERT_EQ(gguf.tensors.size(), 4u);
  size_t at = 0;
  for (const TensorSpec& spec : specs) {
    const Tensor& tensor = gguf.tensors.at(spec.name);
    EXPECT_EQ(tensor.dtype(), spec.dtype);
    EXPECT_EQ(tensor.shape(), spec.shape);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.raw()) % 64, 0u);
    EXPECT_EQ(std::string_view(tensor.data<char>(), tensor.size_bytes()),
              std::string_view(data).substr(at, tensor.size_bytes()));
    at += tensor.size_bytes();
  }
}

TEST(GgufWriter, LeavesNothingWhenItIsNotCommitted) {
  const ScratchFolder folder;
  {
    GgufWriter writer(folder / "x.gguf", {}, {{"a", DType::kF32, {4}}});
    EXPECT_THROW(writer.commit(), InternalError);
  }
  EXPECT_EQ(folder.file_count(), 0u);
}

}  // namespace
}  // namespace owl3
