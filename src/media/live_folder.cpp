// A folder that pictures come into: the system tells when one is whole, or has been moved in.
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <filesystem>
#include <set>
#include <utility>

#include "core/error.h"
#include "media/image_kinds.h"
#include "media/live_reader.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool is_picture(const std::string& name) {
  return !is_hidden(name) && kind_by_name(name) == FileKind::kImage;
}

class LiveFolder final : public LiveReader {
 public:
  LiveFolder(const LiveInput& input, FilmWatch& watch) : input_(input), watch_(watch) {
    notices_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    constexpr uint32_t kWhole = IN_CLOSE_WRITE | IN_MOVED_TO;
    constexpr uint32_t kGone = IN_DELETE_SELF | IN_MOVE_SELF;
    if (notices_ < 0 ||
        ::inotify_add_watch(notices_, input.name.c_str(), kWhole | kGone | IN_ONLYDIR) < 0) {
      const std::string reason = errno_text(errno);
      close();
      throw InputError(fmt::format("{}: can't be watched: {}", input.name, reason));
    }
    list_what_is_there();
  }
  ~LiveFolder() override { close(); }
  LiveFolder(const LiveFolder&) = delete;
  LiveFolder& operator=(const LiveFolder&) = delete;

  std::optional<LivePicture> next(const Wants& wants) override {
    for (;;) {
      watch_.check();
      if (!names_.empty()) {
        const fs::path path = fs::path(input_.name) / names_.front();
        names_.pop_front();
        const double seconds = steady_seconds();
        if (!wants(seconds)) continue;
        std::error_code error;
        if (!fs::exists(path, error)) continue;  // taken away again
        return LivePicture{load_image(path, {.max_pixels = input_.max_pixels}), seconds};
      }
      if (std::exchange(missed_some_, false)) {
        throw InputError(
            fmt::format("{}: more pictures came at once than the system tells of", input_.name));
      }
      if (is_gone_) return std::nullopt;
      wait_for_notices();
    }
  }
  bool goes_on() const override { return true; }

 private:
  void close() const {
    if (notices_ >= 0) ::close(notices_);
  }

  /// What was told of meanwhile comes by its notice.
  void list_what_is_there() {
    std::vector<std::pair<fs::file_time_type, std::string>> there;
    try {
      for (const fs::directory_entry& entry : fs::directory_iterator(input_.name)) {
        std::error_code error;
        const std::string name = entry.path().filename().string();
        if (!is_picture(name) || !entry.is_regular_file(error)) continue;
        there.emplace_back(entry.last_write_time(error), name);
      }
    } catch (const fs::filesystem_error& error) {
      close();
      throw InputError(fmt::format("{}: {}", input_.name, error.code().message()));
    }
    std::sort(there.begin(), there.end());
    read_notices();
    const std::set<std::string> told(names_.begin(), names_.end());
    std::erase_if(there, [&](const auto& file) { return told.contains(file.second); });
    const size_t shown = std::min(there.size(), input_.newest_pictures);
    for (size_t i = there.size(); i > there.size() - shown; --i) {
      names_.push_front(std::move(there[i - 1].second));
    }
  }

  void wait_for_notices() {
    pollfd waiting = {notices_, POLLIN, 0};
    constexpr int kMilliseconds = 100;
    if (::poll(&waiting, 1, kMilliseconds) > 0) read_notices();
  }

  void read_notices() {
    alignas(inotify_event) std::array<char, 16384> bytes{};
    for (;;) {
      const ssize_t count = ::read(notices_, bytes.data(), bytes.size());
      if (count <= 0) return;
      for (const char* at = bytes.data(); at < bytes.data() + count;) {
        inotify_event event{};
        std::memcpy(&event, at, sizeof event);
        take(event, at + sizeof event);
        at += sizeof event + event.len;
      }
    }
  }

  void take(const inotify_event& event, const char* name) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) missed_some_ = true;
    if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0) is_gone_ = true;
    if (event.len == 0 || (event.mask & IN_ISDIR) != 0 || !is_picture(name)) return;
    // A file that is written twice before it is looked at is one picture.
    if (std::find(names_.begin(), names_.end(), name) == names_.end()) names_.emplace_back(name);
  }

  const LiveInput input_;
  FilmWatch& watch_;
  int notices_ = -1;
  std::deque<std::string> names_;  // to be looked at
  bool is_gone_ = false;
  bool missed_some_ = false;
};

}  // namespace

std::unique_ptr<LiveReader> watch_folder(const LiveInput& input, FilmWatch& watch) {
  return std::make_unique<LiveFolder>(input, watch);
}

}  // namespace owl3
