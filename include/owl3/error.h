// The errors owl3 throws. what() is one line: what is wrong, where, and what to do about it.
#pragma once

#include <stdexcept>

namespace owl3 {

/// Base of every error owl3 throws.
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

}  // namespace owl3
