// What an exception means to whoever runs the program: an exit code, a kind and one line.
#pragma once

#include <string>

#include "owl3/error.h"

namespace owl3 {

/// A failure that the command's JSON on standard output tells of already: no object follows it.
class ToldFailure : public Error {
 public:
  using Error::Error;
};

struct Failure {
  int exit_code = 1;
  /// "usage", "input", "interrupted", "memory", "output" or "internal".
  const char* kind = "internal";
  std::string message;
};

/// Of the exception that is being handled.
Failure current_failure();

/// {"error": MESSAGE, "kind": KIND}, in one line, for --json; of a command in a conversation
/// "command" stands in front.
std::string failure_json(const Failure& failure, const std::string& command = {});

}  // namespace owl3
