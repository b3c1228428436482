#include "memory/catalogue.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "memory/byte_codec.h"
#include "memory/memory_header.h"

namespace owl3 {

namespace {

constexpr size_t kLongestPath = 16384;
constexpr size_t kLongestText = size_t{1} << 20;
constexpr size_t kImageBytes = 32 + 8 + 16;
constexpr size_t kLeastMediumBytes = 100;
constexpr double kMostSeconds = 1e9;

/// Precisions as they are numbered in files.
constexpr Precision kNumbered[] = {Precision::kBFloat16, Precision::kFloat32, Precision::kExpanded};

uint8_t number_of(Precision precision) {
  const auto found = std::find(std::begin(kNumbered), std::end(kNumbered), precision);
  return static_cast<uint8_t>(found - std::begin(kNumbered));
}

void write(ByteWriter& out, const MemoryStamp& stamp) {
  out.text(stamp.weights);
  out.text(stamp.adapters);
  out.text(stamp.preprocessing);
  out.number<uint8_t>(number_of(stamp.precision));
  out.number<uint8_t>(stamp.vision_int8 ? 1 : 0);
  out.number<uint8_t>(stamp.visual_memory_int8 ? 1 : 0);
  out.text(stamp.layout);
  out.text(stamp.model_name);
  out.text(stamp.weights_identity);
}

void write(ByteWriter& out, const ReadingOptions& reading) {
  out.number<uint8_t>(reading.cut ? 1 : 0);
  out.number<uint8_t>(reading.apply_exif_orientation ? 1 : 0);
  out.number<uint8_t>(reading.background ? 1 : 0);
  const Colour colour = reading.background.value_or(Colour());
  for (const uint8_t channel : {colour.red, colour.green, colour.blue}) out.number(channel);
  out.number<uint8_t>(reading.sampling == FrameSampling::kOfficial ? 1 : 0);
  out.real(reading.fps);
  out.number(reading.max_frames);
  out.real(reading.start_seconds);
  out.real(reading.end_seconds);
}

void write(ByteWriter& out, const MediumRecord& medium) {
  out.number<uint8_t>(medium.is_video ? 1 : 0);
  out.text(medium.path);
  out.text(medium.absolute);
  out.text(medium.origin);
  out.number(medium.file_bytes);
  out.raw(medium.content);
  out.text(medium.taken);
  out.number(medium.width);
  out.number(medium.height);
  write(out, medium.reading);
  out.number(medium.rows);
  out.number(medium.cols);
  out.text(medium.warning);
  out.number(static_cast<uint64_t>(medium.images.size()));
  for (const uint32_t image : medium.images) out.number(image);
  for (const double seconds : medium.seconds) out.real(seconds);
}

void require(bool holds, const char* what) {
  if (!holds) throw InputError(what);
}

bool read_flag(ByteReader& in) {
  const auto flag = in.number<uint8_t>();
  require(flag <= 1, "a flag that is neither 0 nor 1");
  return flag == 1;
}

Precision read_precision(ByteReader& in) {
  const auto number = in.number<uint8_t>();
  require(number < std::size(kNumbered), "a precision that is none");
  return kNumbered[number];
}

/// A path that can be opened, or a text of which lines are made.
std::string read_text(ByteReader& in, size_t longest) {
  std::string text = in.text(longest);
  require(text.find('\0') == std::string::npos, "a text with a zero byte");
  return text;
}

MemoryStamp read_stamp(ByteReader& in) {
  MemoryStamp stamp;
  stamp.weights = read_text(in, kLongestPath);
  stamp.adapters = read_text(in, kLongestPath);
  stamp.preprocessing = read_text(in, kLongestPath);
  stamp.precision = read_precision(in);
  stamp.vision_int8 = read_flag(in);
  stamp.visual_memory_int8 = read_flag(in);
  stamp.layout = read_text(in, kLongestPath);
  stamp.model_name = read_text(in, kLongestPath);
  stamp.weights_identity = read_text(in, kLongestText);
  return stamp;
}

double read_seconds(ByteReader& in) {
  const double seconds = in.real();
  require(seconds >= 0 && seconds <= kMostSeconds, "a time that is none");
  return seconds;
}

ReadingOptions read_reading(ByteReader& in) {
  ReadingOptions reading;
  reading.cut = read_flag(in);
  reading.apply_exif_orientation = read_flag(in);
  const bool has_background = read_flag(in);
  Colour colour;
  for (uint8_t* channel : {&colour.red, &colour.green, &colour.blue}) {
    *channel = in.number<uint8_t>();
  }
  if (has_background) reading.background = colour;
  reading.sampling = read_flag(in) ? FrameSampling::kOfficial : FrameSampling::kTime;
  reading.fps = read_seconds(in);
  reading.max_frames = in.number<int64_t>();
  require(reading.max_frames >= 0, "a negative number of frames");
  reading.start_seconds = read_seconds(in);
  reading.end_seconds = read_seconds(in);
  return reading;
}

/// "2024-07-01T12:33:05", or nothing.
bool is_date(const std::string& text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  if (text.empty()) return true;
  return text.size() == kForm.size() &&
         std::equal(text.begin(), text.end(), kForm.begin(), [](char c, char form) {
           return form == '0' ? c >= '0' && c <= '9' : c == form;
         });
}

MediumRecord read_medium(ByteReader& in, size_t images) {
  constexpr int32_t kMostTiles = 1024;
  constexpr int32_t kMostPixels = 1 << 30;
  MediumRecord medium;
  medium.is_video = read_flag(in);
  medium.path = read_text(in, kLongestPath);
  medium.absolute = read_text(in, kLongestPath);
  medium.origin = read_text(in, kLongestPath);
  require(!medium.path.empty(), "a photo or film without a name");
  medium.file_bytes = in.number<uint64_t>();
  in.raw(medium.content);
  medium.taken = read_text(in, kLongestPath);
  require(is_date(medium.taken), "a date that is none");
  medium.width = in.number<int32_t>();
  medium.height = in.number<int32_t>();
  require(medium.width >= 0 && medium.width <= kMostPixels && medium.height >= 0 &&
              medium.height <= kMostPixels,
          "a picture of an impossible size");
  medium.reading = read_reading(in);
  medium.rows = in.number<int32_t>();
  medium.cols = in.number<int32_t>();
  require(medium.rows >= 0 && medium.rows <= kMostTiles && medium.cols >= 0 &&
              medium.cols <= kMostTiles && (medium.rows == 0) == (medium.cols == 0),
          "an impossible grid of tiles");
  medium.warning = read_text(in, kLongestText);
  medium.images.resize(in.count(sizeof(uint32_t)));
  for (uint32_t& image : medium.images) {
    image = in.number<uint32_t>();
    require(image < images, "an image that is not there");
  }
  const auto tiles = static_cast<size_t>(int64_t{medium.rows} * medium.cols + 1);
  require(
      medium.is_video ? !medium.images.empty() && medium.rows == 0 : medium.images.size() == tiles,
      "a photo or film of another number of images than it should have");
  if (!medium.is_video) return medium;
  require(medium.images.size() <= in.rest().size() / sizeof(double), "it ends early");
  medium.seconds.resize(medium.images.size());
  for (double& seconds : medium.seconds) seconds = read_seconds(in);
  require(std::is_sorted(medium.seconds.begin(), medium.seconds.end()),
          "frames of a film that go back in time");
  return medium;
}

/// Records are whole pages behind the headers, and none lies in another.
void check_places(const Catalogue& catalogue, uint64_t file_bytes) {
  std::vector<uint64_t> offsets;
  for (const ImageRecord& image : catalogue.images) {
    require(image.offset % kPageBytes == 0 && image.offset >= kFirstFreeByte,
            "an image at an impossible place");
    require(image.offset <= file_bytes && catalogue.record_bytes <= file_bytes - image.offset,
            "an image beyond the end of the file");
    offsets.push_back(image.offset);
  }
  std::sort(offsets.begin(), offsets.end());
  for (size_t i = 1; i < offsets.size(); ++i) {
    require(offsets[i] - offsets[i - 1] >= catalogue.record_bytes, "images that overlap");
  }
}

}  // namespace

void Catalogue::drop_unused_images() {
  constexpr uint32_t kUnused = UINT32_MAX;
  std::vector<uint32_t> places(images.size(), kUnused);
  for (const MediumRecord& medium : media) {
    for (const uint32_t image : medium.images) places[image] = 0;
  }
  std::vector<ImageRecord> used;
  for (size_t i = 0; i < images.size(); ++i) {
    if (places[i] == kUnused) continue;
    places[i] = static_cast<uint32_t>(used.size());
    used.push_back(images[i]);
  }
  images = std::move(used);
  for (MediumRecord& medium : media) {
    for (uint32_t& image : medium.images) image = places[image];
  }
}

std::vector<std::byte> encode_catalogue(const Catalogue& catalogue) {
  ByteWriter out;
  write(out, catalogue.stamp);
  out.number(catalogue.record_bytes);
  out.number(static_cast<uint64_t>(catalogue.images.size()));
  for (const ImageRecord& image : catalogue.images) {
    out.raw(image.pixels.bytes);
    out.number(image.offset);
    out.raw(image.checksum);
  }
  out.number(static_cast<uint64_t>(catalogue.media.size()));
  for (const MediumRecord& medium : catalogue.media) write(out, medium);
  out.pad(kPageBytes);
  return std::move(out.bytes());
}

Catalogue parse_catalogue(std::span<const std::byte> bytes, uint64_t file_bytes) {
  ByteReader in(bytes);
  Catalogue catalogue;
  catalogue.stamp = read_stamp(in);
  catalogue.record_bytes = in.number<uint64_t>();
  require(catalogue.record_bytes > 0 && catalogue.record_bytes % kPageBytes == 0 &&
              catalogue.record_bytes <= kMostFileBytes,
          "records of an impossible size");
  catalogue.images.resize(in.count(kImageBytes));
  require(catalogue.images.size() < UINT32_MAX, "too many images");
  for (ImageRecord& image : catalogue.images) {
    in.raw(image.pixels.bytes);
    image.offset = in.number<uint64_t>();
    in.raw(image.checksum);
  }
  check_places(catalogue, file_bytes);
  const size_t media = in.count(kLeastMediumBytes);
  catalogue.media.reserve(media);
  for (size_t i = 0; i < media; ++i) {
    catalogue.media.push_back(read_medium(in, catalogue.images.size()));
  }
  const std::span<const std::byte> rest = in.rest();
  require(
      rest.size() < kPageBytes &&
          std::all_of(rest.begin(), rest.end(), [](std::byte byte) { return byte == std::byte(); }),
      "something behind its end");
  return catalogue;
}

}  // namespace owl3
