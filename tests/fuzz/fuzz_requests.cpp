// Fuzzes the reader of files of OpenAI's Batch API: a line is a request or says why it is none.
// InputError is the only way out.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "batch/request_lines.h"
#include "core/error.h"

namespace {

/// The input as a file, which is what is mapped.
class InMemory {
 public:
  InMemory(const uint8_t* data, size_t size) : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    if (::write(descriptor_, data, size) != static_cast<ssize_t>(size)) __builtin_trap();
  }
  ~InMemory() { ::close(descriptor_); }
  InMemory(const InMemory&) = delete;
  InMemory& operator=(const InMemory&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const InMemory file(data, size);
  try {
    const owl3::RequestLines lines(file.path());
    for (int64_t i = 0; i < lines.size(); ++i) {
      const owl3::BatchRequest request = lines.request(i);
      if (request.error.empty() == request.body.empty()) __builtin_trap();
      if (request.error.empty() && !nlohmann::json::parse(request.body).is_object()) {
        __builtin_trap();
      }
    }
  } catch (const owl3::InputError&) {
    // Refused, as most inputs are.
  }
  return 0;
}
