// Lines of standard input when it is a pipe or a file.
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "cli/chat/line_editor.h"
#include "core/error.h"

namespace owl3::cli {

namespace {

constexpr size_t kMaxLineBytes = size_t{64} << 20;

class LineReader : public LineSource {
 public:
  explicit LineReader(const InterruptGuard& interrupt) : interrupt_(interrupt) {}

  Line next(const std::string& /*prompt*/) override {
    for (;;) {
      const size_t newline = buffer_.find('\n', searched_);
      if (newline != std::string::npos) return take(newline, newline + 1);
      searched_ = buffer_.size();
      if (buffer_.size() > kMaxLineBytes) {
        throw InputError("standard input: a line of more than 64 MiB is no question");
      }
      char bytes[8192];  // small: the stack may be (ulimit -s)
      const ssize_t count = ::read(STDIN_FILENO, bytes, sizeof bytes);
      if (count > 0) {
        buffer_.append(bytes, static_cast<size_t>(count));
      } else if (count == 0) {
        if (buffer_.empty()) return {LineState::kEnd, ""};
        return take(buffer_.size(), buffer_.size());
      } else if (errno != EINTR) {
        throw InputError(fmt::format("standard input: {}", errno_text(errno)));
      } else if (interrupt_.interrupted()) {
        return {LineState::kInterrupted, ""};
      }
    }
  }

  bool wait_for(std::chrono::milliseconds time) override {
    if (buffer_.find('\n', searched_) != buffer_.npos) return true;
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    return ::poll(&input, 1, static_cast<int>(time.count())) != 0;
  }

 private:
  Line take(size_t end, size_t next) {
    Line line{LineState::kLine, buffer_.substr(0, end)};
    if (first_) line.text = without_byte_order_mark(std::move(line.text));
    first_ = false;
    if (!line.text.empty() && line.text.back() == '\r') line.text.pop_back();
    buffer_.erase(0, next);
    searched_ = 0;
    return line;
  }

  const InterruptGuard& interrupt_;
  std::string buffer_;
  size_t searched_ = 0;
  bool first_ = true;
};

}  // namespace

std::string without_byte_order_mark(std::string text) {
  constexpr std::string_view kUtf8 = "\xEF\xBB\xBF";
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    throw InputError("standard input: it is UTF-16; save it as UTF-8");
  }
  if (text.starts_with(kUtf8)) text.erase(0, kUtf8.size());
  return text;
}

std::unique_ptr<LineSource> make_line_reader(const InterruptGuard& interrupt) {
  return std::make_unique<LineReader>(interrupt);
}

}  // namespace owl3::cli
