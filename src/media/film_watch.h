// When work on a film ends before its end: it is asked inside FFmpeg's own reads and loops, which
// can be long, as well as between frames.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>

namespace owl3 {

/// The seconds that a film of this size may take to read and decode, altogether: ten minutes and
/// four seconds a megabyte. More than honest films take on slow machines, and an end for those that
/// are made to have none.
double film_seconds_allowed(int64_t file_bytes);

class FilmWatch {
 public:
  /// `keep_going` is asked now and then, when given, and may throw.
  FilmWatch(std::string name, std::function<bool()> keep_going = {});
  FilmWatch(const FilmWatch&) = delete;
  FilmWatch& operator=(const FilmWatch&) = delete;

  /// Beyond these, in the time counted, the work ends.
  void allow_seconds(double seconds) { allowed_seconds_ = seconds; }
  double seconds_allowed() const { return allowed_seconds_; }

  /// Time is counted while one of these lives: not while others work on the frames.
  class Working {
   public:
    explicit Working(FilmWatch& watch) : watch_(watch), start_(Clock::now()) {
      watch_.working_since_ = start_;
      watch_.is_working_ = true;
    }
    ~Working() {
      watch_.is_working_ = false;
      watch_.spent_ += Clock::now() - start_;
    }
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;

   private:
    FilmWatch& watch_;
    std::chrono::steady_clock::time_point start_;
  };

  /// Whether the work must end, and from then on always. For C code, through which no exception may
  /// pass.
  bool stops() noexcept;
  /// Throws what ends the work, if anything does: Interrupted when keep_going says no, InputError
  /// when the time is over, or what keep_going threw.
  void check();

 private:
  using Clock = std::chrono::steady_clock;

  double seconds_spent() const;

  std::string name_;
  std::function<bool()> keep_going_;
  double allowed_seconds_ = film_seconds_allowed(0);
  Clock::duration spent_{};
  Clock::time_point working_since_;
  bool is_working_ = false;
  std::exception_ptr reason_;
};

}  // namespace owl3
