// The end of a process whose address space is used up (`ulimit -v`).
//
// OpenBLAS, beneath LibTorch, wants a buffer of up to 128 MB for every thread, already before
// main(), and asks for it again and again until it gets it: without memory it never ends. Nothing
// of its own tells it otherwise, so the call it makes is answered here, which is the C library's in
// any other respect. Nobody else asks in vain so often: a failed allocation is an exception.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string_view>

namespace {

constexpr int kMostFailures = 1000;

std::atomic<int> failures_in_a_row = 0;

void* map(void* address, size_t length, int protection, int flags, int file, off_t offset) {
  const long result = ::syscall(SYS_mmap, address, length, protection, flags, file, offset);
  if (result != -1) {
    failures_in_a_row.store(0, std::memory_order_relaxed);
  } else if (errno == ENOMEM && ++failures_in_a_row == kMostFailures) {
    constexpr std::string_view kMessage =
        "owl3: not enough memory for the trainer's arithmetic: allow this process more (ulimit "
        "-v), "
        "or use fewer threads (OMP_NUM_THREADS)\n";
    [[maybe_unused]] const ssize_t written =
        ::write(STDERR_FILENO, kMessage.data(), kMessage.size());
    ::_exit(1);
  }
  return reinterpret_cast<void*>(result);
}

}  // namespace

// The libraries' calls come here because a program's own symbols precede theirs.
extern "C" {
void* mmap(void* address, size_t length, int protection, int flags, int file,
           off_t offset) noexcept {
  return map(address, length, protection, flags, file, offset);
}
void* mmap64(void* address, size_t length, int protection, int flags, int file,
             off64_t offset) noexcept {
  return map(address, length, protection, flags, file, offset);
}
}
