// TensorBoard event files: checksums against published values, messages against protoc.
#include "runs/event_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "core/scratch_folder.h"
#include "runs/crc32c.h"

namespace owl3 {
namespace {

/// The data of a file's records; checks lengths and checksums on the way.
std::vector<std::string> records_of(const std::string& bytes) {
  std::vector<std::string> records;
  for (size_t at = 0; at < bytes.size();) {
    uint64_t length = 0;
    uint32_t length_crc = 0;
    uint32_t data_crc = 0;
    std::memcpy(&length, bytes.data() + at, 8);
    std::memcpy(&length_crc, bytes.data() + at + 8, 4);
    EXPECT_EQ(length_crc, masked_crc32c(bytes.substr(at, 8)));
    records.push_back(bytes.substr(at + 12, length));
    std::memcpy(&data_crc, bytes.data() + at + 12 + length, 4);
    EXPECT_EQ(data_crc, masked_crc32c(records.back()));
    at += 16 + length;
  }
  return records;
}

/// The message as protoc reads it.
std::string decoded(const std::string& message) {
  const ScratchFolder folder;
  const auto in = folder.write("message", message);
  const std::string command = "protoc --proto_path='" OWL3_TEST_DATA
                              "/tensorboard' --decode=tensorboard.Event event.proto < '" +
                              in.string() + "' > '" + (folder / "text").string() + "'";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return read_text(folder / "text");
}

TEST(Crc32c, HasThePublishedValues) {
  // RFC 3720, appendix B.4, and the usual check value.
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  std::string rising;
  for (char c = 0; c < 32; ++c) rising += c;
  EXPECT_EQ(crc32c(rising), 0x46DD794EU);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
}

TEST(Crc32c, IsMaskedAsRecordsHaveIt) {
  // 0xE3069283 turned right by 15 bits is 0x2507C60D; plus 0xA282EAD8.
  EXPECT_EQ(masked_crc32c("123456789"), 0xC78AB0E5U);
}

TEST(EventFile, IsReadByProtoc) {
  EXPECT_EQ(decoded(version_event(1.5)), "wall_time: 1.5\nfile_version: \"brain.Event:2\"\n");
  EXPECT_EQ(decoded(session_start_event(2, 300)),
            "wall_time: 2\nstep: 300\nsession_log {\n  status: START\n}\n");
  EXPECT_EQ(decoded(scalars_event(3.25, 1'000'000, {{"loss", 1.5}, {"learning_rate", 0.25}})),
            "wall_time: 3.25\nstep: 1000000\nsummary {\n"
            "  value {\n    tag: \"loss\"\n    simple_value: 1.5\n  }\n"
            "  value {\n    tag: \"learning_rate\"\n    simple_value: 0.25\n  }\n}\n");
}

TEST(EventFile, HoldsRecordsWithTheirChecksums) {
  const ScratchFolder folder;
  EventFile file(folder.path(), 0);
  file.write(1, {{"loss", 2.0}});
  const auto records = records_of(read_text(file.path()));
  ASSERT_EQ(records.size(), 2U);
  EXPECT_NE(decoded(records[0]).find("brain.Event:2"), std::string::npos);
  EXPECT_NE(decoded(records[1]).find("simple_value: 2"), std::string::npos);
}

TEST(EventFile, OfAResumedRunTakesBackWhatComesAgain) {
  const ScratchFolder folder;
  const EventFile first(folder.path(), 0);
  const EventFile second(folder.path(), 40);
  EXPECT_NE(first.path(), second.path());
  const auto records = records_of(read_text(second.path()));
  ASSERT_EQ(records.size(), 2U);
  EXPECT_NE(decoded(records[1]).find("step: 40\nsession_log"), std::string::npos);
}

TEST(EventFile, ThatCannotBeWrittenIsAnError) {
  EXPECT_NE(
      message_of<InputError>([] { EventFile("/nonexistent/folder", 0); }).find("cannot be written"),
      std::string::npos);
}

}  // namespace
}  // namespace owl3
