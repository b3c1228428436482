#include "program/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>

#include "core/bus_error.h"
#include "core/error.h"
#include "program/failure.h"
#include "program/help.h"
#include "program/interrupt.h"
#include "program/terminal.h"

namespace owl3 {

namespace {

enum ExitCode { kSuccess = 0, kUsage = 2 };

int report(int code, std::string_view message) {
  std::fflush(stdout);
  tell(fmt::format("owl3: {}\n", one_line(message)));
  return code;
}

/// The command (and part) that the arguments name so far: "owl3 inspect image".
const CLI::App& named_command(const CLI::App& app, std::string& name) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += " " + command->get_name();
  }
  return *command;
}

int report_usage(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  std::string name = "owl3";
  const CLI::App& command = named_command(app, name);
  const bool wants_part = !command.get_subcommands([](const CLI::App*) { return true; }).empty();
  if (wants_part) {
    const char* first = nullptr;
    const int depth = &command == &app ? 1 : 2;
    if (argc > depth && argv[depth][0] != '-') first = argv[depth];
    const std::string problem = first != nullptr
                                    ? fmt::format("unknown command \"{}\"", first)
                                    : std::string(argc > depth ? error.what() : "no command given");
    return report(kUsage, fmt::format("{}; {} --help lists them", problem, name));
  }
  return report(kUsage, fmt::format("{} ({} --help explains the options)", error.what(), name));
}

/// A full disk or a closed pipe shows only when the last bytes go out.
int finish_output(int code) {
  flush_output();
  return code;
}

/// Descriptors 0 to 2, where the parent left them closed: a file opened later must not become
/// standard output. What stands in refuses all reading or writing, as a closed one does.
void fill_closed_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) >= 0) continue;
    // Takes the lowest free descriptor: this one.
    ::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

void set_up_app(CLI::App& app, const std::function<void(CLI::App&)>& set_up) {
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "Show this help");
  app.require_subcommand(1);
  set_up(app);
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    command->group("Commands");
    for (CLI::App* part : command->get_subcommands([](CLI::App*) { return true; })) {
      part->group("Parts");
    }
  }
}

int run_command(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    app.exit(help_or_version);
  } catch (const CLI::RuntimeError& ended) {  // how a command ends with a code of its own
    return finish_output(ended.get_exit_code());
  }
  return finish_output(kSuccess);
}

}  // namespace

void prepare_process() {
  // `owl3 ... | head` ends quietly, even where the parent ignores SIGPIPE.
  std::signal(SIGPIPE, SIG_DFL);
  fill_closed_descriptors();
  end_with_message_on_bus_errors();
  // Line editing counts characters by the locale; numbers keep their points.
  if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
  }
}

int run_program(CLI::App& app, const std::function<void(CLI::App&)>& set_up, int argc,
                char** argv) {
  set_up_app(app, set_up);
  try {
    return run_command(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    return report_usage(app, error, argc, argv);
  } catch (...) {
    const Failure failure = current_failure();
    return report(failure.exit_code, failure.message);
  }
}

}  // namespace owl3
