// What the programs of owl3 share: a command line is run, and whatever goes wrong becomes one line
// and an exit code.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace owl3 {

/// Signals, closed descriptors and the locale as main() should have them.
void prepare_process();

/// The only word of a command line that asks a companion for its commands (command_description.h).
inline constexpr const char* kDescribeCommands = "--describe-commands";

/// "; give it so and so", of arguments that a command doesn't take; or nothing.
using ArgumentAdvice =
    std::function<std::string(const CLI::App& command, const std::vector<std::string>& left_over)>;

/// "; what mends it", of a failure in what was read that has this message; or nothing.
using FailureAdvice = std::function<std::string(const std::string& message)>;

/// Parses the command line of `app`, whose commands `set_up` adds, and runs the command it names.
/// Returns the exit code.
int run_program(CLI::App& app, const std::function<void(CLI::App&)>& set_up, int argc, char** argv,
                const ArgumentAdvice& advise = {}, const FailureAdvice& advise_on_input = {});

}  // namespace owl3
