// A conversation about what is happening: frames come one by one and can be asked about at any
// time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "owl3/chat.h"
#include "owl3/export.h"

namespace owl3 {

/// The most frames that are seen at once, where nobody says otherwise: ten minutes at one a second.
inline constexpr int64_t kLiveWindowFrames = 600;

struct LiveChatOptions {
  std::string system;           // system message; empty: the official empty one
  bool control_tokens = false;  // as in ChatOptions
  /// Frames that are seen: older ones are forgotten. At most LiveChat::largest_window().
  int64_t window_frames = kLiveWindowFrames;
  /// Frames that are so much older than the newest are forgotten too; 0: no such limit.
  double window_seconds = 0;
  /// A question that follows something forgotten has the window's text read anew first, so that
  /// nothing of that is left in what is read: as if the conversation had begun with the window.
  bool exact = false;
  /// Bytes that the keys and values of frames may take; 0: twice the window, as an answer may look
  /// at one that has passed meanwhile.
  int64_t budget_bytes = 0;
};

/// A picture at a time. Rows top to bottom, 8-bit RGB [height, width, 3].
struct LiveFrame {
  int width = 0;
  int height = 0;
  std::span<const uint8_t> rgb;
  double seconds = 0;  // on any clock that doesn't go back
};

struct LiveChatStats {
  int64_t frames = 0;  // that came, those forgotten among them
  int64_t window_frames = 0;
  double oldest_seconds = 0;  // of the window
  double newest_seconds = 0;
  int64_t images_encoded = 0;
  int64_t images_reused = 0;  // same pixels as a frame that is kept: nothing was computed
  double encode_seconds = 0;
  int64_t tokens = 0;            // of the text, those forgotten among them
  int64_t tokens_forgotten = 0;  // of these, since the text was last read anew
  int64_t read_anew = 0;         // how often the context's end was reached
  size_t text_bytes = 0;         // of keys and values
  int64_t image_bytes = 0;
};

/// Frames are encoded and read as they come: a question then computes its own tokens only. Frames
/// that leave the window are not seen any more from that moment on; what was said beside them goes
/// with them, a few tokens later. Nothing is computed again for that; docs/live.md tells what it
/// means for answers. May be used by several threads at once: frames keep coming while answers are
/// written.
class OWL3_API LiveChat {
 public:
  /// Throws UsageError for a window that does not fit the model's context or the budget.
  explicit LiveChat(Model model, const LiveChatOptions& options = {});
  LiveChat(LiveChat&&) noexcept;
  LiveChat& operator=(LiveChat&&) noexcept;
  ~LiveChat();

  /// The most frames that a window of this model can have: two of them and room for a question
  /// must fit its context.
  static int64_t largest_window(const Model& model);

  /// Encodes a frame and has the model read it. What is thrown leaves the conversation as it was,
  /// but for older frames that have made way.
  void append(const LiveFrame& frame);

  /// Asks about what is in the window; question and answer become a part of the conversation, and
  /// are forgotten with the frames before them. Frames that come meanwhile are read afterwards. One
  /// such question is answered after the other. Throws as Chat::ask() does, and UsageError for
  /// image and video marks in the text.
  Answer ask(const std::string& text, const GenerationOptions& options,
             const TextCallback& on_text = {}, const ProgressCallback& progress = {});
  /// The same, but the conversation goes on as if nobody had asked. Any number at once.
  Answer ask_aside(const std::string& text, const GenerationOptions& options,
                   const TextCallback& on_text = {}, const ProgressCallback& progress = {});

  LiveChatStats stats() const;

 private:
  friend class LiveFeed;
  struct OWL3_LOCAL Impl;
  std::shared_ptr<Impl> impl_;
};

struct LiveSource {
  /// A camera's device ("/dev/video0"), a folder, a file that may still grow, a named pipe, "-" for
  /// standard input, or a URL.
  std::string source;
  double fps = 1;  // frames looked at per second; of a folder, every picture is
  /// Protocols that may be opened for a URL beside its own and what that is carried by: a playlist
  /// may name others. None is opened for anything else.
  std::vector<std::string> protocols{};
  /// When encoding is slower than the source, every second frame is left out, or three of four, and
  /// so on, until it keeps pace. Otherwise the source waits, where it can: files, pipes, folders.
  bool skip = true;
  double idle_seconds = 0;  // ends when no frame came for so long; 0: never
  int64_t max_pixels = kMaxPixels;
};

struct LiveEvent {
  enum class Kind {
    kOpened,    // the first frame is on its way
    kLost,      // the source broke off; it is tried again
    kBack,      // and is there again
    kSkipping,  // every `every`-th frame is looked at from now on; 1: all again
    kWarning,   // a picture that can't be read
    kEnded,     // nothing comes any more; the text tells why, where something failed
  };
  Kind kind = Kind::kOpened;
  std::string text;  // a line that begins with the source's name
  int64_t every = 1;
};

struct LiveCallbacks {
  std::function<void(const LiveEvent&)> on_event{};
  /// A frame has been appended, at this time of the source. Where it takes long, it holds the
  /// source up as encoding does.
  std::function<void(double seconds)> on_frame{};
};

struct LiveFeedStats {
  int64_t frames = 0;   // appended
  int64_t skipped = 0;  // not looked at since encoding was slower
  int64_t lost = 0;     // times
};

/// A source whose frames are appended to a conversation, by threads of its own that call the
/// callbacks. Seconds are those of the film for files, pipes and films behind a URL, else since the
/// beginning.
class OWL3_API LiveFeed {
 public:
  /// Throws UsageError for a source that can't be one. Opening it is the feed's work already.
  LiveFeed(LiveChat& chat, const LiveSource& source, LiveCallbacks callbacks = {});
  LiveFeed(LiveFeed&&) noexcept;
  LiveFeed& operator=(LiveFeed&&) noexcept;
  ~LiveFeed();

  /// Lets go of the source; frames that wait are not appended any more.
  void stop() noexcept;
  /// Waits until the source has come to its end, at most so long; whether it has. Throws what ended
  /// it before that: a source that can't be opened at first (InputError), what a callback threw.
  bool wait_for(std::chrono::milliseconds time);

  LiveFeedStats stats() const;

 private:
  struct OWL3_LOCAL Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace owl3
