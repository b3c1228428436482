#include "cli/chat/live.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "cli/chat/chat_session.h"
#include "cli/chat/line_editor.h"
#include "cli/chat/live_output.h"
#include "cli/chat/live_report.h"
#include "cli/models/load_model.h"
#include "core/error.h"
#include "generate/sampler.h"
#include "program/failure.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{100};
constexpr double kWindowSeconds = 600;  // where nobody says otherwise

/// As many frames as there are in the time; of a window that nobody asked for, no more than fit.
LiveChatOptions chat_options(const ChatArguments& arguments, const Model& model) {
  const LiveArguments& live = arguments.live;
  LiveChatOptions options;
  options.system = arguments.system;
  options.control_tokens = arguments.control_tokens;
  options.budget_bytes = arguments.memory_options.budget_bytes;
  options.exact = live.exact;
  if (live.window_frames) {
    options.window_frames = *live.window_frames;
    return options;
  }
  options.window_seconds = live.window_seconds.value_or(kWindowSeconds);
  options.window_frames =
      static_cast<int64_t>(std::ceil(options.window_seconds * arguments.video.fps)) + 1;
  if (!live.window_seconds) {
    options.window_frames = std::min(options.window_frames, LiveChat::largest_window(model));
  }
  return options;
}

LiveSource source_of(const ChatArguments& arguments) {
  LiveSource source;
  source.source = arguments.live.source;
  source.fps = arguments.video.fps;
  source.protocols = arguments.live.protocols;
  source.skip = arguments.live.skip;
  source.idle_seconds = arguments.live.idle_seconds;
  source.max_pixels = arguments.video.max_pixels;
  return source;
}

bool is_folder(const std::string& source) {
  std::error_code ignored;
  return std::filesystem::is_directory(source, ignored);
}

class Watching {
  using Clock = std::chrono::steady_clock;

 public:
  Watching(const ChatArguments& arguments, InterruptGuard& interrupt, QuietTerminal* quiet)
      : arguments_(arguments),
        interrupt_(interrupt),
        quiet_(quiet),
        output_(arguments.json),
        model_(load_model(arguments.model, arguments.model_options)),
        generation_(arguments.generation.over(model_, model_.generation_defaults())),
        chat_(model_, chat_options(arguments, model_)),
        is_folder_(is_folder(arguments.live.source)) {
    tell_warnings(model_.warnings());
    check_generation_options(generation_);
  }
  ~Watching() { end_standing(); }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

  int run() {
    LiveCallbacks callbacks;
    callbacks.on_event = [this](const LiveEvent& event) { show(event); };
    callbacks.on_frame = [this](double seconds) { note_frame(seconds); };
    if (!arguments_.live.questions.empty()) asking_ = std::thread([this] { ask_standing(); });
    feed_.emplace(chat_, source_of(arguments_), std::move(callbacks));
    if (takes_lines()) {
      if (wait_for_frame()) converse();
    }
    if (!is_over_) wait_for_end();
    if (!is_over_ && !interrupt_.interrupted() && !interrupt_.terminated()) ask_the_last_time();
    if (arguments_.prompt && !interrupt_.interrupted()) ask_at_the_end();
    feed_->stop();
    end_standing();
    if (output_failure_) std::rethrow_exception(output_failure_);
    if (arguments_.stats) {
      tell(live_stats_text(chat_.stats(), feed_->stats(), model_.device()));
    }
    if (interrupt_.interrupted() || interrupt_.terminated()) return interrupted_exit_code();
    return failed_ && quiet_ == nullptr ? 1 : 0;
  }

 private:
  bool takes_lines() const { return !arguments_.prompt && arguments_.live.source != "-"; }

  void show(const LiveEvent& event) {
    if (output_.json()) return output_.line(live_event_json(event));
    // Scripts see it begin and end.
    const bool is_told =
        event.kind != LiveEvent::Kind::kOpened && event.kind != LiveEvent::Kind::kEnded;
    if (!is_told && quiet_ == nullptr) return;
    output_.aside(one_line(fmt::format("owl3: {}", event.text)) + "\n");
  }

  // Of the feed's thread: a standing question is due.
  void note_frame(double seconds) {
    std::unique_lock lock(mutex_);
    frame_came_ = is_unasked_ = true;
    newest_seconds_ = seconds;
    newest_came_ = Clock::now();
    changed_.notify_all();
    const double every = arguments_.live.every_seconds;
    if (every <= 0) return;
    if (!next_due_) next_due_ = seconds + every;
    if (seconds < *next_due_) return;
    make_due(seconds);
    // A source that waits for the encoding waits for the answer too.
    if (!arguments_.live.skip) changed_.wait(lock, [&] { return !is_due_ || is_ending_; });
  }

  /// With the lock held.
  void make_due(double seconds) {
    while (*next_due_ <= seconds) *next_due_ += arguments_.live.every_seconds;
    is_due_ = true;
    is_unasked_ = false;
    changed_.notify_all();
  }

  void ask_standing() {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        wait_for_due(lock);
        if (!is_due_) return;
      }
      for (const std::string& question : arguments_.live.questions) ask_aside(question);
      const std::lock_guard lock(mutex_);
      is_due_ = false;
      changed_.notify_all();
    }
  }

  /// Or for the end. A folder's seconds are this machine's: they pass without pictures, too.
  void wait_for_due(std::unique_lock<std::mutex>& lock) {
    const auto is_over = [&] { return is_due_ || is_ending_; };
    const auto is_timed = [&] { return is_folder_ && is_unasked_ && next_due_.has_value(); };
    while (!is_over()) {
      if (!is_timed()) {
        changed_.wait(lock, [&] { return is_over() || is_timed(); });
        continue;
      }
      const std::chrono::duration<double> left(*next_due_ - newest_seconds_);
      const auto until = newest_came_ + std::chrono::duration_cast<Clock::duration>(left);
      if (changed_.wait_until(lock, until) == std::cv_status::timeout && is_timed()) {
        make_due(*next_due_);
      }
    }
  }

  /// About what came since the standing questions were asked last.
  void ask_the_last_time() {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return !is_due_; });
      if (!is_unasked_) return;
      is_unasked_ = false;
    }
    for (const std::string& question : arguments_.live.questions) ask_aside(question);
  }

  void end_standing() {
    {
      const std::lock_guard lock(mutex_);
      is_ending_ = true;
      changed_.notify_all();
    }
    if (asking_.joinable()) asking_.join();
  }

  void ask_aside(const std::string& question) noexcept {
    if (is_over_) return;
    try {
      const LiveChatStats window = chat_.stats();
      const Answer answer = chat_.ask_aside(question, generation_, [this](std::string_view) {
        return !interrupt_.interrupted() && !interrupt_.terminated();
      });
      output_.line(output_.json() ? live_answer_json(question, answer, window, true,
                                                     generation_.likeliest.has_value())
                                  : fmt::format("[{}] {} {}", clock_text(window.newest_seconds),
                                                question, answer.text));
      warn_of_cut(answer);
    } catch (...) {
      complain(question);
    }
  }

  void ask_by_hand(const std::string& question) {
    try {
      check_question(question);
      const LiveChatStats window = chat_.stats();
      const auto wanted = [this] { return !interrupt_.interrupted() && !interrupt_.terminated(); };
      const auto progress = [&](std::string_view, int64_t, int64_t) { return wanted(); };
      if (output_.json()) {
        const auto on_text = [&](std::string_view) { return wanted(); };
        const Answer answer = chat_.ask(question, generation_, on_text, progress);
        output_.line(
            live_answer_json(question, answer, window, false, generation_.likeliest.has_value()));
        return warn_of_cut(answer);
      }
      const LiveOutput::Held held(output_);
      const auto on_text = [&](std::string_view piece) {
        output_.piece(piece);
        return wanted();
      };
      const Answer answer = chat_.ask(question, generation_, on_text, progress);
      output_.piece("\n");
      warn_of_cut(answer);
    } catch (...) {
      complain(question);
    }
  }

  void ask_at_the_end() {
    if (chat_.stats().frames == 0) {
      throw InputError(fmt::format("{}: no picture has come to ask about", arguments_.live.source));
    }
    ask_by_hand(*arguments_.prompt);
  }

  void warn_of_cut(const Answer& answer) {
    const std::string warning = warning_of_cut(generation_.form, answer);
    if (!warning.empty()) output_.aside(fmt::format("owl3: warning: {}\n", warning));
  }

  /// Of the exception that is being handled, after which it goes on, unless nobody can read that.
  void complain(const std::string& question) {
    const Failure failure = current_failure();
    failed_ = true;
    if (std::string_view(failure.kind) == "output") return give_up();
    try {
      output_.aside(fmt::format("owl3: {}\n", one_line(failure.message)));
      if (output_.json()) output_.line(live_failure_json(question, failure.message, failure.kind));
    } catch (const OutputFailed&) {
      give_up();
    }
  }

  /// Nobody reads what is said: the exception that is being handled ends the program.
  void give_up() {
    const std::lock_guard lock(mutex_);
    if (!output_failure_) output_failure_ = std::current_exception();
    is_over_ = true;
  }

  /// Throws where the source can't be opened; false when it ended or the user does.
  bool wait_for_frame() {
    while (!feed_->wait_for(milliseconds(0))) {
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, kPatience, [&] { return frame_came_; })) return true;
      if (interrupt_.interrupted()) return false;
    }
    return frame_came_;
  }

  void wait_for_end() {
    while (!is_over_ && !interrupt_.interrupted() && !interrupt_.terminated()) {
      if (feed_->wait_for(kPatience)) return;
    }
  }

  /// Lines by hand, until their end, which is the end of all unless questions stand.
  void converse() {
    std::FILE* const shown_on = output_.json() ? stderr : stdout;
    const std::unique_ptr<LineSource> lines =
        quiet_ != nullptr ? make_line_editor(interrupt_, *quiet_, shown_on, history_path(),
                                             {"/help", "/quit", "/stats"})
                          : make_line_reader(interrupt_);
    lines->interrupted_by([this] { return output_.has_waiting(); },
                          [this] { output_.say_waiting(); });
    if (quiet_ != nullptr) output_.aside("/help lists the commands.\n");
    while (!is_over_) {
      if (!wait_for_line(*lines)) return;
      const Line line = next_line(*lines);
      if (line.state == LineState::kInterrupted) return;
      if (line.state == LineState::kEnd) break;
      handle(line.text);
      feed_->wait_for(milliseconds(0));  // throws what ended it
      if (interrupt_.terminated()) return;
      interrupt_.reset();
    }
    if (arguments_.live.questions.empty() || quiet_ != nullptr) is_over_ = true;
  }

  Line next_line(LineSource& lines) {
    std::optional<LiveOutput::Held> held;
    if (quiet_ != nullptr) held.emplace(output_);
    return lines.next("> ");
  }

  /// False at the end: of the source too, where questions stand.
  bool wait_for_line(LineSource& lines) {
    while (!lines.wait_for(kPatience)) {
      if (interrupt_.interrupted() || is_over_) return false;
      const bool has_ended = feed_->wait_for(milliseconds(0));
      if (has_ended && !arguments_.live.questions.empty()) return false;
    }
    return true;
  }

  void handle(const std::string& line) {
    if (line.find_first_not_of(" \t") == line.npos) return;
    if (line == "/quit" || line == "quit" || line == "exit") {
      is_over_ = true;
    } else if (line == "/stats") {
      output_.aside(live_stats_text(chat_.stats(), feed_->stats(), model_.device()));
    } else if (line[0] == '/') {
      output_.aside(
          "/stats  frames, window, memory\n/quit   end\n"
          "Everything else is a question about what is in the window.\n");
      failed_ = failed_ || line != "/help";
    } else {
      ask_by_hand(line);
    }
  }

  const ChatArguments& arguments_;
  InterruptGuard& interrupt_;
  QuietTerminal* quiet_;
  LiveOutput output_;
  Model model_;
  GenerationOptions generation_;
  LiveChat chat_;
  const bool is_folder_;

  std::atomic<bool> failed_ = false;
  std::atomic<bool> is_over_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool frame_came_ = false;
  bool is_due_ = false;
  bool is_unasked_ = false;  // frames came that no standing question was asked about
  bool is_ending_ = false;
  std::exception_ptr output_failure_{};
  std::optional<double> next_due_;
  double newest_seconds_ = 0;  // of the newest frame
  Clock::time_point newest_came_;
  std::thread asking_;
  std::optional<LiveFeed> feed_;  // last: its threads use all of the above
};

}  // namespace

int watch_live(const ChatArguments& arguments, InterruptGuard& interrupt, QuietTerminal* quiet) {
  return Watching(arguments, interrupt, quiet).run();
}

}  // namespace owl3::cli
