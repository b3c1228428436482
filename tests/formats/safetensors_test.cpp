#include "formats/safetensors.h"

#include <chrono>
#include <cstring>

#include "core/scratch_folder.h"

namespace owl3 {
namespace {

/// The bytes of a safetensors file with this header and `data_bytes` bytes of data, 8-aligned.
class FileBytes {
 public:
  FileBytes(std::string_view header, size_t data_bytes, bool pad = true)
      : FileBytes(header, data_bytes, pad ? (header.size() + 7) / 8 * 8 : header.size()) {}

  static FileBytes with_stated_length(std::string_view header, size_t data_bytes, uint64_t length) {
    FileBytes file(header, data_bytes, header.size());
    std::memcpy(file.bytes_.data(), &length, sizeof length);
    return file;
  }

  std::span<const std::byte> span() const { return bytes_; }

 private:
  FileBytes(std::string_view header, size_t data_bytes, size_t padded)
      : bytes_(8 + padded + data_bytes, std::byte{' '}) {
    const uint64_t length = padded;
    std::memcpy(bytes_.data(), &length, sizeof length);
    std::memcpy(bytes_.data() + 8, header.data(), header.size());
  }

  std::vector<std::byte> bytes_;
};

TensorMap parse(const FileBytes& file) {
  return parse_safetensors(file.span(), nullptr, "x.st");
}

std::string refusal(std::string_view header, size_t data_bytes, bool pad = true) {
  return message_of<InputError>([&] { parse(FileBytes(header, data_bytes, pad)); });
}

testing::AssertionResult says(const std::string& message, std::string_view part) {
  if (message.starts_with("x.st: ") && message.find(part) != std::string::npos) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << message;
}

TEST(Safetensors, ReadsNamesTypesShapesAndData) {
  const FileBytes file(R"({"__metadata__":{"format":"pt"},)"
                       R"("b":{"dtype":"BF16","shape":[2,3],"data_offsets":[8,20]},)"
                       R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                       R"("s":{"dtype":"F16","shape":[],"data_offsets":[20,22]}})",
                       22);
  const TensorMap tensors = parse(file);
  ASSERT_EQ(tensors.size(), 3u);
  EXPECT_EQ(tensors.at("a").dtype(), DType::kF32);
  EXPECT_EQ(tensors.at("b").shape(), (Shape{2, 3}));
  EXPECT_EQ(tensors.at("b").data<std::byte>() - tensors.at("a").data<std::byte>(), 8);
  EXPECT_EQ(tensors.at("s").size(), 1);
}

TEST(Safetensors, TensorsMayBeEmpty) {
  const TensorMap tensors =
      parse(FileBytes(R"({"a":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]},)"
                      R"("b":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}})",
                      2));
  EXPECT_EQ(tensors.at("a").size(), 0);
  EXPECT_TRUE(tensors.at("a").defined());
}

TEST(Safetensors, AFileMayHoldNothing) {
  EXPECT_TRUE(parse(FileBytes("{}", 0)).empty());
}

TEST(Safetensors, RefusesTruncatedAndOverlongHeaders) {
  const auto length_refusal = [](uint64_t length) {
    return message_of<InputError>([&] { parse(FileBytes::with_stated_length("{}", 0, length)); });
  };
  EXPECT_TRUE(says(length_refusal(3), "truncated"));
  EXPECT_TRUE(says(length_refusal(uint64_t{8} << 30), "not a safetensors file"));
  EXPECT_TRUE(says(length_refusal(~uint64_t{0}), "not a safetensors file"));
  const std::vector<std::byte> seven(7);
  EXPECT_TRUE(says(message_of<InputError>([&] { parse_safetensors(seven, nullptr, "x.st"); }),
                   "not a safetensors file"));
  EXPECT_TRUE(says(message_of<InputError>([&] { parse_safetensors({}, nullptr, "x.st"); }),
                   "not a safetensors file"));
}

TEST(Safetensors, RecognisesAGitLfsPointer) {
  constexpr std::string_view kPointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\n";
  const auto bytes = std::as_bytes(std::span(kPointer));
  EXPECT_TRUE(says(message_of<InputError>([&] { parse_safetensors(bytes, nullptr, "x.st"); }),
                   "git lfs pull"));
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const FileBytes file(R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})", 16);
  for (size_t size = 0; size < file.span().size(); ++size) {
    EXPECT_THROW(parse_safetensors(file.span().first(size), nullptr, "x.st"), InputError) << size;
  }
}

TEST(Safetensors, RefusesBrokenJson) {
  EXPECT_TRUE(says(refusal(R"({"a":)", 0), "not valid JSON"));
  EXPECT_TRUE(says(refusal("[]", 0), "no JSON object"));
  EXPECT_TRUE(says(refusal("", 0), "no JSON object"));
  EXPECT_TRUE(says(refusal("{} {}", 0), "not valid JSON"));
  EXPECT_TRUE(says(refusal("{\"\xff\xfe\":{}}", 0), "not valid JSON"));
  EXPECT_TRUE(says(refusal(R"({"a":1e999})", 0), "x.st"));
}

TEST(Safetensors, DeepNestingCostsNothing) {
  const std::string lists = R"({"a":)" + std::string(1'000'000, '[');
  const std::string shape = R"({"a":{"dtype":"F32","shape":)" + std::string(1'000'000, '[');
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  EXPECT_TRUE(says(refusal(lists, 0), "none belongs"));
  EXPECT_TRUE(says(refusal(shape, 0), "none belongs"));
  EXPECT_TRUE(says(refusal(objects, 0), "none belongs"));
}

TEST(Safetensors, RefusesEntriesThatAreNoTensors) {
  EXPECT_TRUE(says(refusal(R"({"a":5})", 0), "none belongs"));
  EXPECT_TRUE(says(refusal(R"({"a":null})", 0), "none belongs"));
  EXPECT_TRUE(says(refusal(R"({"a":{}})", 0), "no dtype"));
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32"}})", 0), "no shape"));
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32","shape":[]}})", 0), "data_offsets"));
  EXPECT_TRUE(
      says(refusal(R"({"a":{"dtype":"F32","shape":[],"data_offsets":[4]}})", 4), "data_offsets"));
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,4,8]}})", 4),
                   "data_offsets"));
  EXPECT_TRUE(
      says(refusal(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4), "negative"));
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4),
                   "not an integer"));
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":3,"shape":[],"data_offsets":[0,4]}})", 4), "a number"));
}

TEST(Safetensors, NamesATypeItDoesNotKnow) {
  const std::string message =
      refusal(R"({"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", 8);
  EXPECT_TRUE(says(message, R"(tensor "a" has dtype "I64")"));
}

TEST(Safetensors, RefusesDuplicateNames) {
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},)"
                           R"("a":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}})",
                           4),
                   "twice"));
}

TEST(Safetensors, RefusesNamesThatWouldBreakALine) {
  EXPECT_TRUE(says(refusal(R"({"a\nb":{}})", 0), "control characters"));
  EXPECT_TRUE(says(refusal("{\"" + std::string(2000, 'a') + "\":{}}", 0), "too long"));
}

TEST(Safetensors, RefusesOffsetsOutsideTheData) {
  EXPECT_TRUE(
      says(refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4), "truncated"));
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}})", 8),
                   "before it begins"));
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32","shape":[1],)"
                           R"("data_offsets":[18446744073709551612,18446744073709551615]}})",
                           8),
                   "truncated"));
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32","shape":[1],)"
                           R"("data_offsets":[0,99999999999999999999999]}})",
                           8),
                   "x.st"));
}

TEST(Safetensors, RefusesShapesThatLie) {
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8),
                   "does not fit"));
  // 2^62 * 4 elements of 4 bytes is 0 modulo 2^64.
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],)"
                           R"("data_offsets":[0,0]}})",
                           0),
                   "does not fit"));
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32","shape":[0,9223372036854775807,8],)"
                           R"("data_offsets":[0,0]}})",
                           0),
                   "does not fit"));
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32","shape":[18446744073709551615],)"
                           R"("data_offsets":[0,0]}})",
                           0),
                   "too large"));
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],)"
                           R"("data_offsets":[0,4]}})",
                           4),
                   "too many dimensions"));
}

TEST(Safetensors, RefusesOverlapsHolesAndLeftovers) {
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                           R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                           12),
                   "overlaps"));
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                           R"("b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
                           12),
                   "hole"));
  EXPECT_TRUE(
      says(refusal(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8), "hole"));
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 9),
                   "behind the last"));
}

TEST(Safetensors, RefusesMisalignedTensors) {
  EXPECT_TRUE(says(refusal(R"({"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},)"
                           R"("b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
                           6),
                   "not aligned"));
  // A header of odd length shifts all data.
  constexpr std::string_view kHeader =
      R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}   )";
  static_assert(kHeader.size() % 4 != 0);
  EXPECT_TRUE(says(refusal(kHeader, 4, false), "not aligned"));
}

TEST(Safetensors, AHeaderAsLongAsA7BShardsTakesMilliseconds) {
  std::string header = "{";
  for (int i = 0; i < 800; ++i) {
    header += fmt::format(R"({}"language_model.model.layers.{}.self_attn.v_kv_proj.weight":)"
                          R"({{"dtype":"BF16","shape":[1,2],"data_offsets":[{},{}]}})",
                          i ? "," : "", i, 4 * i, 4 * i + 4);
  }
  const FileBytes file(header + "}", 3200);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(parse(file).size(), 800u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(100));
}

TEST(SafetensorsWriter, WritesWhatTheReaderReads) {
  const ScratchFolder folder;
  const auto path = folder / "a.safetensors";
  {
    SafetensorsWriter writer(
        path, {{"odd", DType::kBF16, {3}}, {"wide", DType::kF32, {2}}, {"none", DType::kF16, {0}}});
    ASSERT_EQ(writer.tensors()[0].name, "wide");  // four-byte elements first, so that all align
    const float wide[] = {1.5f, -2.0f};
    const uint16_t odd[] = {1, 2, 3};
    writer.write(wide, 4);
    writer.write(wide + 1, 4);
    writer.write(odd, sizeof odd);
    EXPECT_FALSE(std::filesystem::exists(path));
    writer.commit();
  }
  const TensorMap tensors = load_safetensors(path);
  ASSERT_EQ(tensors.size(), 3u);
  EXPECT_EQ(tensors.at("wide").f32()[1], -2.0f);
  EXPECT_EQ(tensors.at("odd").data<uint16_t>()[2], 3);
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, read_text(path).data(), 8);
  EXPECT_EQ(header_bytes % 8, 0u);
}

TEST(SafetensorsWriter, NamesEveryTypeAsTheFormatDoes) {
  const ScratchFolder folder;
  SafetensorsWriter writer(folder / "a", {{"a", DType::kF32, {1}},
                                          {"b", DType::kF16, {1}},
                                          {"c", DType::kBF16, {1}},
                                          {"d", DType::kI8, {1}}});
  writer.write("123456789", 9);
  writer.commit();
  const std::string text = read_text(folder / "a");
  for (const char* entry : {R"("a":{"dtype":"F32")", R"("b":{"dtype":"F16")",
                            R"("c":{"dtype":"BF16")", R"("d":{"dtype":"I8")"}) {
    EXPECT_NE(text.find(entry), std::string::npos) << text;
  }
}

TEST(SafetensorsWriter, EscapesNames) {
  const ScratchFolder folder;
  SafetensorsWriter writer(folder / "a", {{"quote\" \xC3\xA9", DType::kF16, {1}}});
  writer.write("ab", 2);
  writer.commit();
  EXPECT_EQ(load_safetensors(folder / "a").begin()->first, "quote\" \xC3\xA9");
}

TEST(SafetensorsWriter, AnUnfinishedFileNeverAppears) {
  const ScratchFolder folder;
  {
    SafetensorsWriter writer(folder / "a", {{"t", DType::kF32, {2}}});
    writer.write("1234", 4);
    EXPECT_THROW(writer.commit(), InternalError);
    EXPECT_THROW(writer.write("12345678", 8), InternalError);
  }
  EXPECT_EQ(folder.file_count(), 0u);
}

}  // namespace
}  // namespace owl3
