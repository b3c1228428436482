#include "media/film_watch.h"

#include <utility>

#include "core/error.h"

namespace owl3 {

double film_seconds_allowed(int64_t file_bytes) {
  return 600 + 4e-6 * static_cast<double>(file_bytes);
}

FilmWatch::FilmWatch(std::string name, std::function<bool()> keep_going)
    : name_(std::move(name)), keep_going_(std::move(keep_going)) {}

double FilmWatch::seconds_spent() const {
  Clock::duration spent = spent_;
  if (is_working_) spent += Clock::now() - working_since_;
  return std::chrono::duration<double>(spent).count();
}

bool FilmWatch::stops() noexcept {
  if (reason_ != nullptr) return true;
  try {
    if (keep_going_ && !keep_going_()) throw Interrupted("interrupted while reading a film");
    if (const double seconds = seconds_spent(); seconds > allowed_seconds_) {
      throw InputError(fmt::format(
          "{}: given up after {:.3g} s of reading and decoding, which is too long for a "
          "file of this size",
          name_, seconds));
    }
  } catch (...) {
    reason_ = std::current_exception();
  }
  return reason_ != nullptr;
}

void FilmWatch::check() {
  if (stops()) std::rethrow_exception(reason_);
}

}  // namespace owl3
