// The errors owl3 throws. what() is one line: what is wrong, where, and what to do about it.
#pragma once

#include <stdexcept>

#include "owl3/export.h"

namespace owl3 {

/// Base of every error owl3 throws. Nothing else leaves a function of this API, but for what a
/// callback of the caller's threw, which leaves as it is.
class OWL3_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file or other input from outside is missing, broken or of the wrong kind.
class OWL3_API InputError : public Error {
 public:
  using Error::Error;
};

/// The caller asked for something that cannot be: a bad option, an index out of range.
class OWL3_API UsageError : public Error {
 public:
  using Error::Error;
};

/// The user interrupted the work (Ctrl-C); nothing is wrong.
class OWL3_API Interrupted : public Error {
 public:
  using Error::Error;
};

/// As many questions wait as may (EngineOptions): this one was not taken. Ask again later.
class OWL3_API Busy : public Error {
 public:
  using Error::Error;
};

/// There was not enough memory for what was asked; what was there before is as it was. It stands
/// for std::bad_alloc, and is thrown without allocating anything.
class OWL3_API OutOfMemory : public Error {
 public:
  using Error::Error;
};

/// An invariant of owl3 itself failed: a bug, reported with its place.
class OWL3_API InternalError : public Error {
 public:
  using Error::Error;
};

}  // namespace owl3
