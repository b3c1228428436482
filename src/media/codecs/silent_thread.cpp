#include "media/codecs/silent_thread.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <exception>
#include <system_error>
#include <thread>

namespace owl3 {
namespace {

void silence_this_thread() {
  if (::unshare(CLONE_FILES) != 0) return;  // else it would silence all
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) return;
  ::dup2(nowhere, STDERR_FILENO);
  ::close(nowhere);
}

}  // namespace

void run_silently(const std::function<void()>& work) {
  std::exception_ptr failure;
  try {
    std::thread([&] {
      silence_this_thread();
      try {
        work();
      } catch (...) {
        failure = std::current_exception();
      }
    }).join();
  } catch (const std::system_error&) {  // no thread to be had
    work();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace owl3
