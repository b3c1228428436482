// The options of `owl3 chat --live`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace owl3::cli {

struct LiveArguments {
  std::string source;  // empty: nothing is live
  std::optional<int64_t> window_frames;
  std::optional<double> window_seconds;
  std::vector<std::string> questions;  // asked again and again,
  double every_seconds = 0;            // with so much time of the source between
  std::vector<std::string> protocols;
  bool exact = false;
  bool skip = true;
  double idle_seconds = 0;
};

void add_live_options(CLI::App& command, LiveArguments& arguments);
/// Throws UsageError where they don't fit together; `source` may be empty.
void check_live_arguments(const LiveArguments& arguments);

}  // namespace owl3::cli
