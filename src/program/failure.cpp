#include "program/failure.h"

#include <cstdio>
#include <filesystem>
#include <new>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/device_error.h"
#include "core/regular_file.h"
#include "core/similar.h"
#include "program/interrupt.h"
#include "program/terminal.h"

namespace owl3 {

namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

Failure want_of_memory() {
  return {kFailed, "memory",
          "not enough memory; use fewer or uncut images (--no-cut), a lower --max-frames, or a "
          "smaller model"};
}

}  // namespace

Failure current_failure() {
  try {
    throw;
  } catch (const Interrupted& interrupted) {
    return {interrupted_exit_code(), "interrupted", interrupted.what()};
  } catch (const UsageError& error) {
    return {kWrongUsage, "usage", error.what()};
  } catch (const InternalError& error) {
    return {kFailed, "internal", error.what()};
  } catch (const DeviceOutOfMemory& error) {
    return {kFailed, "memory", error.what()};
  } catch (const OutOfMemory&) {
    return want_of_memory();
  } catch (const std::bad_alloc&) {
    return want_of_memory();
  } catch (const MissingFile& error) {
    return {kFailed, "input", error.what() + did_you_mean_file(error.path())};
  } catch (const Error& error) {
    return {kFailed, "input", error.what()};
  } catch (const OutputFailed& error) {
    return {kFailed, "output", error.what()};
  } catch (const std::filesystem::filesystem_error& error) {
    return {kFailed, "input",
            fmt::format("{}: {}", error.path1().string(), errno_text(error.code().value()))};
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::resource_unavailable_try_again) {
      return {kFailed, "memory",
              "no more threads can be started: allow this process more of them (ulimit -u) or more "
              "memory (ulimit -v), or use fewer (--threads)"};
    }
    if (std::ferror(stdout) != 0) {  // fmt::print doesn't name it
      return {kFailed, "output",
              fmt::format("standard output: {}", errno_text(error.code().value()))};
    }
    return {kFailed, "internal", error.what()};
  } catch (const std::exception& error) {
    const bool output_failed = std::ferror(stdout) != 0;  // fmt::print doesn't name it
    return {kFailed, output_failed ? "output" : "internal",
            fmt::format("{}{}", output_failed ? "standard output: " : "", error.what())};
  }
}

std::string failure_json(const Failure& failure, const std::string& command) {
  nlohmann::ordered_json json;
  if (!command.empty()) json["command"] = command;
  json["error"] = one_line(failure.message);
  json["kind"] = failure.kind;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace owl3
