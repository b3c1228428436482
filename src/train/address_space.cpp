// The end of a process whose address space is used up (`ulimit -v`).
//
// OpenBLAS, beneath LibTorch, wants a buffer of up to 128 MB for every thread, already before
// main(), and asks for it again and again until it gets it: without memory it never ends. Nothing
// of its own tells it otherwise, so the call it makes is answered here, which is the C library's in
// any other respect. Nobody else asks in vain so often: a failed allocation is an exception; where
// a library's initialiser throws it, before main() could catch it, its end is told in the same
// words.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>

namespace {

constexpr int kMostFailures = 1000;

std::atomic<int> failures_in_a_row = 0;

[[noreturn]] void end_for_want_of_memory() {
  constexpr std::string_view kMessage =
      "owl3: not enough memory for the trainer's arithmetic: allow this process more (ulimit -v), "
      "or use fewer threads (OMP_NUM_THREADS)\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kMessage.data(), kMessage.size());
  ::_exit(1);
}

[[noreturn]] void terminate() {
  try {
    if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    end_for_want_of_memory();
  } catch (...) {
  }
  std::abort();
}

void set_terminate_handler() {
  std::set_terminate(terminate);
}

// Called before the initialisers of the libraries, as no constructor of a program's own is.
[[gnu::used,
  gnu::section(".preinit_array")]] void (*const before_libraries)() = set_terminate_handler;

void* map(void* address, size_t length, int protection, int flags, int file, off_t offset) {
  const long result = ::syscall(SYS_mmap, address, length, protection, flags, file, offset);
  if (result != -1) {
    failures_in_a_row.store(0, std::memory_order_relaxed);
  } else if (errno == ENOMEM && ++failures_in_a_row == kMostFailures) {
    end_for_want_of_memory();
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
