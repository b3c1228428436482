// What owl3 chat --live says, by several threads, a line at a time.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace owl3::cli {

/// While an answer is written, or a line edited, the others' lines wait. Throws OutputFailed when
/// what was written to standard output does not arrive.
class LiveOutput {
 public:
  explicit LiveOutput(bool json);

  bool json() const { return json_; }
  /// On standard output.
  void line(const std::string& text);
  /// On standard error.
  void aside(const std::string& text) { say({text, false}); }
  /// A part of an answer, by who holds it.
  void piece(std::string_view text) const;

  /// While it lives, what others say waits.
  class Held {
   public:
    explicit Held(LiveOutput& output);
    ~Held();
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

   private:
    LiveOutput& output_;
  };

  bool has_waiting();
  void say_waiting();

 private:
  struct Said {
    std::string text;
    bool is_output = false;
  };

  void say(Said said);
  static void write(const Said& said);
  void write_waiting() noexcept;

  const bool json_;
  const bool safe_;  // of control characters, on a terminal
  std::mutex mutex_;
  bool is_held_ = false;
  std::vector<Said> waiting_;
};

}  // namespace owl3::cli
