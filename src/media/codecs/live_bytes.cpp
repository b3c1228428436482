#include "media/codecs/live_bytes.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <thread>

#include "core/error.h"

namespace owl3 {
namespace {

constexpr int kBufferBytes = 1 << 15;
constexpr int kPatienceMilliseconds = 50;

}  // namespace

LiveBytes::LiveBytes(const LiveInput& input, FilmWatch& watch) : input_(input), watch_(watch) {
  if (!input.is_standard_input()) {
    // Without waiting for who writes into a pipe.
    descriptor_ = ::open(input.name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  }
  const int descriptor = input.is_standard_input() ? STDIN_FILENO : descriptor_;
  if (descriptor < 0 || ::fstat(descriptor, &status_) != 0) {
    const std::string reason = errno_text(errno);
    if (descriptor_ >= 0) ::close(descriptor_);
    throw InputError(fmt::format("{}: {}", input.name, reason));
  }
  known_size_ = status_.st_size;
  std::unique_ptr<unsigned char, void (*)(void*)> buffer(
      static_cast<unsigned char*>(allocated(av_malloc(kBufferBytes))), av_free);
  const bool is_file = input.kind == LiveKind::kFile;
  io_.reset(allocated(avio_alloc_context(buffer.get(), kBufferBytes, 0, this, &read, nullptr,
                                         is_file ? &seek : nullptr)));
  buffer.release();  // the context frees it
}

LiveBytes::~LiveBytes() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int LiveBytes::read(void* opaque, uint8_t* out, int size) {
  auto* self = static_cast<LiveBytes*>(opaque);
  const int count = self->read_when_there(out, size);
  if (count > 0) self->last_read_ = Clock::now();
  return count;
}

int LiveBytes::read_when_there(uint8_t* out, int size) {
  const bool is_file = input_.kind == LiveKind::kFile;
  const int descriptor = input_.is_standard_input() ? STDIN_FILENO : descriptor_;
  for (;;) {
    if (watch_.stops()) return AVERROR_EXIT;
    if (!is_file && !wait_for_pipe()) {
      if (is_idle()) return AVERROR_EOF;
      continue;
    }
    const auto wanted = static_cast<size_t>(size);
    const ssize_t count =
        is_file ? ::pread(descriptor, out, wanted, position_) : ::read(descriptor, out, wanted);
    if (count > 0) {
      position_ += count;
      known_size_ = std::max(known_size_, position_);
      return static_cast<int>(count);
    }
    if (count < 0 && errno != EINTR && errno != EAGAIN) return AVERROR(errno);
    if (count < 0) continue;
    if (!is_file || file_is_over() || is_idle()) return AVERROR_EOF;
    if (!waits_beyond_end_ && position_ > known_size_) return AVERROR_EOF;
    std::this_thread::sleep_for(std::chrono::milliseconds(kPatienceMilliseconds));
  }
}

/// Whether there are bytes, or its end.
bool LiveBytes::wait_for_pipe() const {
  pollfd waiting = {input_.is_standard_input() ? STDIN_FILENO : descriptor_, POLLIN, 0};
  return ::poll(&waiting, 1, kPatienceMilliseconds) > 0;
}

/// Cut short, or another file is in its place: a recorder has begun anew.
bool LiveBytes::file_is_over() {
  struct stat now {};
  if (::stat(input_.name.c_str(), &now) != 0) return true;
  if (now.st_ino != status_.st_ino || now.st_dev != status_.st_dev) return true;
  if (now.st_size < known_size_) return true;
  known_size_ = now.st_size;
  return false;
}

void LiveBytes::wait_at_end() {
  while (!is_idle() && !file_is_over()) {
    watch_.check();
    std::this_thread::sleep_for(std::chrono::milliseconds(kPatienceMilliseconds));
  }
}

bool LiveBytes::is_idle() const {
  if (input_.idle_seconds <= 0) return false;
  return std::chrono::duration<double>(Clock::now() - last_read_).count() > input_.idle_seconds;
}

/// How long it will be is not known.
int64_t LiveBytes::seek(void* opaque, int64_t offset, int whence) {
  auto* self = static_cast<LiveBytes*>(opaque);
  if ((whence & AVSEEK_SIZE) != 0) return AVERROR(ENOSYS);
  const int origin = whence & ~AVSEEK_FORCE;
  if (origin == SEEK_CUR) offset += self->position_;
  if (origin == SEEK_END || offset < 0) return AVERROR(EINVAL);
  self->position_ = offset;
  return offset;
}

}  // namespace owl3
