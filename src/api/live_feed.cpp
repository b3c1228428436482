#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

#include "api/live_conversation.h"
#include "core/api_call.h"
#include "media/live_reader.h"
#include "memory/frame_queue.h"

namespace owl3 {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void check(const LiveSource& source) {
  if (!(source.fps > 0 && source.fps <= 1000)) {
    throw UsageError(
        fmt::format("{} frames per second: must be above 0 and at most 1000", source.fps));
  }
  if (!(source.idle_seconds >= 0)) {
    throw UsageError(
        fmt::format("{} seconds without a frame: must be 0 or more", source.idle_seconds));
  }
}

/// How long a source that broke off is left alone before it is tried again: the longer, the more
/// often it breaks off at once.
class Patience {
 public:
  double next(double seconds_held) {
    if (seconds_held > kLongest) seconds_ = kShortest;
    return std::exchange(seconds_, std::min(2 * seconds_, kLongest));
  }

 private:
  static constexpr double kShortest = 0.25;
  static constexpr double kLongest = 10;
  double seconds_ = kShortest;
};

}  // namespace

struct LiveFeed::Impl {
  Impl(std::shared_ptr<LiveChat::Impl> chat_in, const LiveSource& source_in,
       LiveCallbacks callbacks_in);
  ~Impl();

  void stop() noexcept;
  int64_t skipped() const { return queue_.skipped(); }

  mutable std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;
  std::exception_ptr failure;
  bool failed_in_callback = false;
  LiveFeedStats stats;

 private:
  // Of the thread that reads:
  void read_source() noexcept;
  void read_until_end();
  bool read_until_it_breaks();
  bool wants(double reader_seconds);
  double source_seconds(double reader_seconds);
  void lose(const std::string& text);
  bool wait_to_try_again();
  bool is_idle() const;
  // Of the one that encodes:
  void append_frames() noexcept;
  void tell_end();

  template <typename Work>
  void guarded(const Work& work) noexcept;
  template <typename Argument>
  void call(const std::function<void(Argument)>& callback,
            const std::remove_reference_t<Argument>& argument);
  void tell(LiveEvent::Kind kind, std::string text, int64_t every = 1) {
    call(callbacks_.on_event, LiveEvent{kind, std::move(text), every});
  }
  /// When it is idle.
  bool ends_itself() const {
    return input_.kind == LiveKind::kFile || input_.kind == LiveKind::kPipe;
  }
  std::string name() const { return input_.shown_name(); }

  const std::shared_ptr<LiveChat::Impl> chat_;
  const LiveSource source_;
  const LiveCallbacks callbacks_;
  const LiveInput input_;
  FrameQueue queue_;
  std::atomic<bool> stopping_ = false;

  Patience patience_;
  Clock::time_point opened_at_ = Clock::now();
  bool has_begun_ = false;  // a frame has come
  bool is_lost_ = false;    // and it broke off since
  bool has_film_clock_ = false;
  bool is_new_ = true;  // this opening has given no frame yet
  Clock::time_point lost_at_;
  double reader_begin_ = 0;  // the reader's clock at its first frame,
  double begin_ = 0;         // and the source's
  double seconds_ = 0;       // of the last frame, on the source's clock
  Clock::time_point came_at_ = Clock::now();
  int64_t next_moment_ = 0;  // at the rate asked for
  int64_t number_ = -1;      // of the last frame at that rate
  int64_t told_stride_ = 1;

  std::thread reading_;
  std::thread appending_;
};

namespace {

LiveInput input_of(const LiveSource& source, int64_t window_frames) {
  check(source);
  LiveInput input = find_live_input(source.source, source.protocols);
  input.idle_seconds = source.idle_seconds;
  input.max_pixels = source.max_pixels;
  input.newest_pictures = static_cast<size_t>(window_frames);
  return input;
}

}  // namespace

LiveFeed::Impl::Impl(std::shared_ptr<LiveChat::Impl> chat_in, const LiveSource& source_in,
                     LiveCallbacks callbacks_in)
    : chat_(std::move(chat_in)),
      source_(source_in),
      callbacks_(std::move(callbacks_in)),
      input_(input_of(source_in, chat_->options.window_frames)),
      queue_(source_in.skip && input_.kind != LiveKind::kFolder) {
  reading_ = std::thread([this] { read_source(); });
  try {
    appending_ = std::thread([this] { append_frames(); });
  } catch (...) {
    stop();
    reading_.join();
    throw;
  }
}

LiveFeed::Impl::~Impl() {
  stop();
  reading_.join();
  appending_.join();
}

void LiveFeed::Impl::stop() noexcept {
  {
    const std::lock_guard lock(mutex);  // who waits to try again sees it, or is woken by it
    stopping_ = true;
  }
  queue_.close(true);
  changed.notify_all();
}

/// What the work throws ends the feed.
template <typename Work>
void LiveFeed::Impl::guarded(const Work& work) noexcept {
  try {
    work();
  } catch (const Interrupted&) {  // it was stopped, or idle for too long
  } catch (...) {
    {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
    stop();
  }
}

template <typename Argument>
void LiveFeed::Impl::call(const std::function<void(Argument)>& callback,
                          const std::remove_reference_t<Argument>& argument) {
  if (!callback) return;
  try {
    callback(argument);
  } catch (...) {
    {
      const std::lock_guard lock(mutex);
      if (!failure) {
        failure = std::current_exception();
        failed_in_callback = true;
      }
    }
    stop();
    throw Interrupted("interrupted by a callback");
  }
}

void LiveFeed::Impl::read_source() noexcept {
  guarded([this] { read_until_end(); });
  queue_.close(stopping_);
}

void LiveFeed::Impl::read_until_end() {
  while (!stopping_) {
    try {
      if (!read_until_it_breaks()) return;
      lose(fmt::format("{}: has ended; waiting for it to begin again", name()));
    } catch (const InputError& error) {
      if (!has_begun_) throw;
      lose(fmt::format("{}; trying again", error.what()));
    } catch (const Interrupted&) {
      if (stopping_ || has_begun_ || input_.kind == LiveKind::kFolder) throw;
      throw InputError(
          fmt::format("{}: nothing has come for {} seconds", name(), source_.idle_seconds));
    }
    if (!wait_to_try_again()) return;
  }
}

/// Whether it may come back.
bool LiveFeed::Impl::read_until_it_breaks() {
  FilmWatch watch(name(), [this] { return !stopping_ && (ends_itself() || !is_idle()); });
  is_new_ = true;
  opened_at_ = Clock::now();
  const std::unique_ptr<LiveReader> reader = open_live(input_, watch);
  has_film_clock_ = reader->has_film_clock();
  for (;;) {
    std::optional<LivePicture> picture;
    try {
      picture = reader->next([this](double seconds) { return wants(seconds); });
    } catch (const InputError& error) {
      if (!reader->goes_on()) throw;
      tell(LiveEvent::Kind::kWarning, error.what());
      continue;
    }
    if (!picture) return !reader->is_over();
    if (!queue_.put({number_, seconds_, chat_->prepare(picture->image, 1)})) return false;
    came_at_ = Clock::now();  // the time that it waited for room is not the source's
  }
}

bool LiveFeed::Impl::wants(double reader_seconds) {
  came_at_ = Clock::now();
  seconds_ = source_seconds(reader_seconds);
  if (!has_begun_) tell(LiveEvent::Kind::kOpened, fmt::format("{}: is there", name()));
  has_begun_ = true;
  if (std::exchange(is_lost_, false)) {
    tell(LiveEvent::Kind::kBack, fmt::format("{}: is there again", name()));
  }
  if (input_.kind != LiveKind::kFolder) {
    constexpr double kRounding = 1e-6;
    const auto moment = static_cast<int64_t>(seconds_ * source_.fps + kRounding);
    if (moment < next_moment_) return false;
    next_moment_ = moment + 1;
  }
  const bool wanted = queue_.wants(++number_);
  if (const int64_t stride = queue_.stride(); stride != std::exchange(told_stride_, stride)) {
    tell(LiveEvent::Kind::kSkipping,
         stride == 1 ? fmt::format("{}: every frame is looked at again", name())
                     : fmt::format("{}: encoding is slower than the frames come: one of {} is "
                                   "looked at",
                                   name(), stride),
         stride);
  }
  return wanted;
}

/// From the first frame on; where a film begins again it goes on from the time that it took.
double LiveFeed::Impl::source_seconds(double reader_seconds) {
  if (std::exchange(is_new_, false)) {
    if (!has_begun_) {
      reader_begin_ = reader_seconds;
    } else if (has_film_clock_) {
      begin_ = seconds_ + (is_lost_ ? seconds_since(lost_at_) : 0);
      reader_begin_ = reader_seconds;
    }
  }
  return begin_ + reader_seconds - reader_begin_;
}

void LiveFeed::Impl::lose(const std::string& text) {
  if (is_lost_) return;
  is_lost_ = true;
  lost_at_ = Clock::now();
  {
    const std::lock_guard lock(mutex);
    ++stats.lost;
  }
  tell(LiveEvent::Kind::kLost, text);
}

bool LiveFeed::Impl::wait_to_try_again() {
  double seconds = patience_.next(seconds_since(opened_at_));
  if (source_.idle_seconds > 0) {
    seconds = std::clamp(source_.idle_seconds - seconds_since(came_at_), 0.0, seconds);
  }
  const std::chrono::duration<double> time(seconds);
  std::unique_lock lock(mutex);
  changed.wait_for(lock, time, [this] { return stopping_.load(); });
  return !stopping_ && !is_idle();
}

bool LiveFeed::Impl::is_idle() const {
  return source_.idle_seconds > 0 && seconds_since(came_at_) > source_.idle_seconds;
}

void LiveFeed::Impl::append_frames() noexcept {
  guarded([this] {
    while (const std::optional<FrameQueue::Frame> frame = queue_.take()) {
      chat_->append(frame->image, frame->seconds, [this] { return !stopping_; });
      {
        const std::lock_guard lock(mutex);
        ++stats.frames;
      }
      call(callbacks_.on_frame, frame->seconds);
      queue_.finished();
    }
  });
  guarded([this] { tell_end(); });
  const std::lock_guard lock(mutex);
  ended = true;
  changed.notify_all();
}

/// But to those who stopped it, or whose callback failed.
void LiveFeed::Impl::tell_end() {
  std::string text = fmt::format("{}: has ended", name());
  {
    const std::lock_guard lock(mutex);
    if (failed_in_callback || (stopping_ && !failure)) return;
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      text = error.what();
    }
  }
  tell(LiveEvent::Kind::kEnded, text);
}

LiveFeed::LiveFeed(LiveChat& chat, const LiveSource& source, LiveCallbacks callbacks)
    : impl_(api_call(
          [&] { return std::make_unique<Impl>(chat.impl_, source, std::move(callbacks)); })) {}
LiveFeed::LiveFeed(LiveFeed&&) noexcept = default;
LiveFeed& LiveFeed::operator=(LiveFeed&&) noexcept = default;
LiveFeed::~LiveFeed() = default;

void LiveFeed::stop() noexcept {
  impl_->stop();
}

bool LiveFeed::wait_for(std::chrono::milliseconds time) {
  std::unique_lock lock(impl_->mutex);
  if (!impl_->changed.wait_for(lock, time, [this] { return impl_->ended; })) return false;
  if (!impl_->failure) return true;
  if (impl_->failed_in_callback) std::rethrow_exception(impl_->failure);
  return api_call([&]() -> bool { std::rethrow_exception(impl_->failure); });
}

LiveFeedStats LiveFeed::stats() const {
  return api_call([&] {
    const int64_t skipped = impl_->skipped();
    const std::lock_guard lock(impl_->mutex);
    LiveFeedStats stats = impl_->stats;
    stats.skipped = skipped;
    return stats;
  });
}

}  // namespace owl3
