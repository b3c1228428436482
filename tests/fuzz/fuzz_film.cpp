// Any bytes as a film or an animation: its frames, or refused with an InputError, and nothing else.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/error.h"
#include "media/video.h"

namespace {

/// A file in memory, which has a path.
class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t size) : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    OWL3_CHECK(descriptor_ >= 0);
    OWL3_CHECK(::write(descriptor_, data, size) == static_cast<ssize_t>(size));
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const MemoryFile file(data, size);
  try {
    constexpr int64_t kMaxFrames = 4;
    owl3::VideoReader reader =
        owl3::VideoReader::open(file.path(), {.max_frames = kMaxFrames, .threads = 1});
    int64_t frames = 0;
    while (const auto frame = reader.next()) {
      OWL3_CHECK(frame->image.rgb.size() == size_t{3} * frame->image.width * frame->image.height);
      ++frames;
    }
    OWL3_CHECK(frames <= reader.frames() && reader.frames() <= kMaxFrames);
    OWL3_CHECK(owl3::film_seconds(file.path()) >= 0);
  } catch (const owl3::InputError&) {
    // refused: one of the two right answers
  }
  return 0;
}
