#include "runs/event_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>

#include "runs/crc32c.h"

namespace owl3 {

namespace {

// Protocol buffers' wire format: each field is a key (number << 3 | type) and a value.
enum class WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void put_varint(std::string& message, uint64_t value) {
  for (; value >= 0x80; value >>= 7) message += static_cast<char>((value & 0x7F) | 0x80);
  message += static_cast<char>(value);
}

void put_key(std::string& message, uint32_t field, WireType type) {
  put_varint(message, field << 3 | static_cast<uint32_t>(type));
}

template <typename Unsigned>
void put_little_endian(std::string& bytes, Unsigned value) {
  for (size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xFF);
}

void put_double(std::string& message, uint32_t field, double value) {
  put_key(message, field, WireType::kFixed64);
  put_little_endian(message, std::bit_cast<uint64_t>(value));
}

void put_float(std::string& message, uint32_t field, float value) {
  put_key(message, field, WireType::kFixed32);
  put_little_endian(message, std::bit_cast<uint32_t>(value));
}

void put_integer(std::string& message, uint32_t field, int64_t value) {
  put_key(message, field, WireType::kVarint);
  put_varint(message, static_cast<uint64_t>(value));
}

void put_bytes(std::string& message, uint32_t field, std::string_view bytes) {
  put_key(message, field, WireType::kBytes);
  put_varint(message, bytes.size());
  message += bytes;
}

// Field numbers of tensorflow/core/util/event.proto and framework/summary.proto.
namespace event {
constexpr uint32_t kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
}
namespace summary {
constexpr uint32_t kValue = 1, kTag = 1, kSimpleValue = 2;
}
namespace session_log {
constexpr uint32_t kStatus = 1, kStart = 1;
}

std::string event_header(double wall_time, int64_t step) {
  std::string message;
  put_double(message, event::kWallTime, wall_time);
  put_integer(message, event::kStep, step);
  return message;
}

double seconds_since_1970() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

/// A name that sorts by time, and is new also within the second.
std::filesystem::path new_name(const std::filesystem::path& folder) {
  const auto seconds = static_cast<int64_t>(seconds_since_1970());
  std::filesystem::path path;
  for (int i = 0; i == 0 || std::filesystem::exists(path); ++i) {
    path = folder /
           fmt::format("events.out.tfevents.{}.{}.{}.{}", seconds, host_name(), ::getpid(), i);
  }
  return path;
}

}  // namespace

std::string version_event(double wall_time) {
  std::string message = event_header(wall_time, 0);
  put_bytes(message, event::kFileVersion, "brain.Event:2");
  return message;
}

std::string session_start_event(double wall_time, int64_t step) {
  std::string session;
  put_integer(session, session_log::kStatus, session_log::kStart);
  std::string message = event_header(wall_time, step);
  put_bytes(message, event::kSessionLog, session);
  return message;
}

std::string scalars_event(double wall_time, int64_t step, const std::vector<Scalar>& scalars) {
  std::string values;
  for (const auto& [tag, number] : scalars) {
    std::string value;
    put_bytes(value, summary::kTag, tag);
    put_float(value, summary::kSimpleValue, static_cast<float>(number));
    put_bytes(values, summary::kValue, value);
  }
  std::string message = event_header(wall_time, step);
  put_bytes(message, event::kSummary, values);
  return message;
}

std::string record_of(std::string_view data) {
  std::string record;
  put_little_endian(record, static_cast<uint64_t>(data.size()));
  put_little_endian(record, masked_crc32c(record));
  record += data;
  put_little_endian(record, masked_crc32c(data));
  return record;
}

EventFile::EventFile(const std::filesystem::path& folder, int64_t step)
    : file_(new_name(folder), AppendFile::Begin::kNew) {
  file_.append(record_of(version_event(seconds_since_1970())));
  if (step > 0) file_.append(record_of(session_start_event(seconds_since_1970(), step)));
}

void EventFile::write(int64_t step, const std::vector<Scalar>& scalars) {
  file_.append(record_of(scalars_event(seconds_since_1970(), step, scalars)));
}

}  // namespace owl3
