#include "cli/serve/serve_options.h"

#include <CLI/CLI.hpp>
#include <cmath>

#include "cli/models/load_model.h"
#include "core/error.h"
#include "program/arithmetic_options.h"
#include "program/byte_option.h"
#include "program/lora_option.h"
#include "program/number_option.h"

namespace owl3::cli {

namespace {

constexpr const char* kServer = "The server";
constexpr const char* kLimits = "Limits";
constexpr const char* kFetching = "Fetching";
constexpr const char* kFilms = "Films";
constexpr const char* kMachine = "The machine";

constexpr double kMostSeconds = 86'400;
constexpr int64_t kMostConnections = 100'000;
constexpr double kMostFps = 1000;

constexpr uint16_t kPort = 8080;

void add_server_options(CLI::App& command, ServeArguments& arguments) {
  command
      .add_option("--host", arguments.http.host,
                  "Address to listen at (127.0.0.1: this machine alone; 0.0.0.0: all)")
      ->type_name("ADDRESS")
      ->group(kServer);
  arguments.http.port = kPort;
  command
      .add_option("--port", arguments.http.port,
                  fmt::format("Port to listen at ({}); 0: any that is free", kPort))
      ->transform(whole_number(0, 65'535))
      ->type_name("N")
      ->group(kServer);
  command
      .add_option("--api-key", arguments.keys,
                  "Take requests with this key only; repeatable. Other users of this machine see "
                  "the command line: --api-key-file is better")
      ->type_name("KEY")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(kServer);
  command.add_option("--api-key-file", arguments.key_file, "Keys, one a line")
      ->type_name("FILE")
      ->group(kServer);
  command
      .add_option("--cors", arguments.origins,
                  "Take requests of web pages of this origin (https://example.org), or of all (*); "
                  "repeatable")
      ->type_name("ORIGIN")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(kServer);
  command
      .add_option("--name", arguments.served.names,
                  "What clients call the model; repeatable (default: as MODEL is called)")
      ->type_name("NAME")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(kServer);
  command
      .add_option("--memory", arguments.memories,
                  "Let requests ask about a memory file (owl3 index) by a name, media:NAME; "
                  "repeatable")
      ->type_name("NAME=FILE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(kServer);
  command.add_flag("-q,--quiet", arguments.quiet, "No log of requests")->group(kServer);
}

void add_limits(CLI::App& command, ServeArguments& arguments) {
  command
      .add_option("--max-body", arguments.http.limits.body_bytes,
                  "Longest body of a request (512Mi)")
      ->transform(byte_count(1))
      ->type_name("BYTES")
      ->group(kLimits);
  command
      .add_option("--max-images", arguments.service.limits.images,
                  fmt::format("Most images of a request ({})", server::RequestLimits{}.images))
      ->transform(whole_number(1))
      ->type_name("N")
      ->group(kLimits);
  command
      .add_option("--max-pixels", arguments.served.image.max_pixels,
                  fmt::format("Refuse images that claim more pixels ({})", kMaxPixels))
      ->transform(whole_number(1))
      ->type_name("N")
      ->group(kLimits);
  command
      .add_option("--max-running", arguments.served.engine.max_running,
                  fmt::format("Answers written at once ({})", EngineOptions{}.max_running))
      ->transform(whole_number(1))
      ->type_name("N")
      ->group(kLimits);
  command
      .add_option("--max-waiting", arguments.served.engine.max_waiting,
                  fmt::format("Requests that wait behind them ({})", EngineOptions{}.max_waiting))
      ->transform(whole_number(0))
      ->type_name("N")
      ->group(kLimits);
  command
      .add_option("--max-connections", arguments.http.limits.connections,
                  fmt::format("Connections at once ({})", http::Limits{}.connections))
      ->transform(whole_number(1, kMostConnections))
      ->type_name("N")
      ->group(kLimits);
  const auto seconds = [&](const char* name, std::chrono::milliseconds& time, const char* what) {
    command
        .add_option_function<double>(
            name,
            [&time](double given) { time = std::chrono::milliseconds(std::llround(1e3 * given)); },
            fmt::format("{} ({})", what,
                        std::chrono::duration_cast<std::chrono::seconds>(time).count()))
        ->transform(real_number(0.01, kMostSeconds))
        ->type_name("SECONDS")
        ->group(kLimits);
  };
  http::Limits& limits = arguments.http.limits;
  seconds("--header-time", limits.header_time, "Longest that a request's header may take");
  seconds("--idle-time", limits.idle_time, "Longest without a byte, within a request or an answer");
  seconds("--keep-alive-time", limits.keep_alive_time, "Longest between two requests");
  seconds("--ping-time", arguments.http.ping_time,
          "Silence after which a stream of events has a comment, so that no proxy ends it");
  seconds("--drain-time", arguments.http.drain_time,
          "Longest that requests under way may take after SIGTERM");
}

void add_film_options(CLI::App& command, ServeArguments& arguments) {
  VideoOptions& video = arguments.served.video;
  command
      .add_option("--fps", video.fps,
                  fmt::format("Frames looked at of a second of film, where a request doesn't say "
                              "({})",
                              VideoOptions{}.fps))
      ->transform(positive_number(kMostFps))
      ->type_name("F")
      ->group(kFilms);
  command
      .add_option(
          "--max-frames", video.max_frames,
          fmt::format("Frames looked at of a film, at most, where a request doesn't say ({})",
                      VideoOptions{}.max_frames))
      ->transform(whole_number(1, server::RequestLimits{}.frames))
      ->type_name("N")
      ->group(kFilms);
}

void add_machine_options(CLI::App& command, ServeArguments& arguments) {
  add_lora_option(command, arguments.model_options.lora)->group(kMachine);
  add_arithmetic_options(command, arguments.model_options, kMachine);
  command
      .add_option("--memory-budget", arguments.served.memory.budget_bytes,
                  "Keep images in at most so much memory (default: as much as the process may "
                  "have)")
      ->transform(byte_count(1))
      ->type_name("BYTES")
      ->group(kMachine);
  command
      .add_option("--media-budget", arguments.served.media_bytes,
                  "Keep so much visual memory of media that clients sent to be asked about later "
                  "(1Gi)")
      ->transform(byte_count(0))
      ->type_name("BYTES")
      ->group(kMachine);
  command
      .add_option("--prefix-cache", arguments.served.prefix_cache_bytes,
                  "Keep so much of what was read of conversations, for those that go on (1Gi); 0: "
                  "nothing")
      ->transform(byte_count(0))
      ->type_name("BYTES")
      ->group(kMachine);
  add_threads_option(command, arguments.model_options.threads)->group(kMachine);
}

}  // namespace

void add_fetch_options(CLI::App& command, server::FetchOptions& fetch, const char* group) {
  CLI::Option* const hosts = command.add_option(
      "--fetch-from", fetch.hosts,
      "Fetch images and films of this host that requests name by http(s): example.org, "
      "*.example.org, example.org:8000 (else the port is 80 or 443); *: of any at these "
      "ports; repeatable (default: nothing is fetched)");
  hosts->type_name("HOST")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(group);
  command
      .add_flag("--fetch-private", fetch.private_addresses,
                "Also where such a host has an address of this machine or a private network")
      ->needs(hosts)
      ->group(group);
  command.add_option("--fetch-bytes", fetch.most_bytes, "Longest file that is fetched (64Mi)")
      ->transform(byte_count(1))
      ->type_name("BYTES")
      ->group(group);
  command
      .add_option_function<int64_t>(
          "--fetch-time",
          [&fetch](int64_t given) { fetch.most_seconds = std::chrono::seconds(given); },
          "Longest that fetching the files of a request may take (30)")
      ->transform(whole_number(1, 3600))
      ->type_name("SECONDS")
      ->group(group);
}

void add_serve_options(CLI::App& command, ServeArguments& arguments) {
  add_optional_model(command, arguments.model);
  add_server_options(command, arguments);
  add_limits(command, arguments);
  add_fetch_options(command, arguments.served.fetch, kFetching);
  add_film_options(command, arguments);
  add_machine_options(command, arguments);
}

}  // namespace owl3::cli
