// The error hierarchy: thrown where a fact is known, caught once at the edge (main, a request
// handler) and printed there as one line.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace owl3 {

/// Base of every error owl3 throws. what() is one line: what is wrong, where, and what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file or other input from outside is missing, broken or of the wrong kind.
class InputError : public Error {
 public:
  using Error::Error;
};

/// The caller asked for something that cannot be: a bad option, an index out of range.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// The user interrupted the work (Ctrl-C); nothing is wrong.
class Interrupted : public Error {
 public:
  using Error::Error;
};

/// An invariant of owl3 itself failed: a bug, reported with its place.
class InternalError : public Error {
 public:
  using Error::Error;
};

[[noreturn]] void throw_internal_error(const char* condition, const char* file, int line);

/// "No such file or directory" and its kin, for the given errno.
std::string errno_text(int error_number);

}  // namespace owl3

/// Internal invariants only; wrong input gets an InputError that names it.
#define OWL3_CHECK(condition)                                            \
  do {                                                                   \
    if (!(condition)) [[unlikely]]                                       \
      ::owl3::throw_internal_error(#condition, __FILE__, __LINE__);      \
  } while (false)
