// `owl3 serve`: the model as a server that clients of others know how to talk to.
#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <set>
#include <thread>

#include "builtin/builtin_model.h"
#include "cli/commands.h"
#include "cli/models/load_model.h"
#include "cli/serve/serve_options.h"
#include "core/error.h"
#include "program/terminal.h"
#include "server/gate.h"
#include "server/request_log.h"

namespace owl3::cli {

namespace {

Model open(ServeArguments& arguments) {
  if (arguments.model.empty() && !builtin_model()) {
    throw UsageError(
        "MODEL is missing: owl3 serve MODEL, a name (owl3 list), a checkpoint folder or .gguf "
        "file");
  }
  std::vector<std::string>& names = arguments.served.names;
  if (names.empty()) names.push_back(name_of_model(arguments.model));
  return load_model(arguments.model, arguments.model_options);
}

/// "holiday=holiday.owlmem"
void open_memories(const std::vector<std::string>& memories, server::ServedModel& served) {
  std::set<std::string> names;
  for (const std::string& memory : memories) {
    const size_t equals = memory.find('=');
    server::ShelvedMedia media;
    media.name = memory.substr(0, equals);
    if (equals == memory.npos || media.name.empty() || !names.insert(media.name).second) {
      throw UsageError(
          fmt::format("--memory {}: must be NAME=FILE, each with a name of its own", memory));
    }
    media.kind = "memory";
    media.media = SavedMemory::open(memory.substr(equals + 1)).recall(served.model(), {});
    media.created = std::chrono::duration_cast<std::chrono::seconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
    served.shelf().put_for_all(std::move(media));
  }
}

/// What no option's type tells, before the model is loaded for it.
void check(const ServeArguments& arguments) {
  for (const std::string& key : arguments.keys) {
    const std::string fault = server::fault_of_key(key);
    if (!fault.empty()) throw UsageError("--api-key: " + fault);
  }
  for (const std::string& name : arguments.served.names) {
    if (name.empty()) throw UsageError("--name: is empty");
  }
  for (const std::string& origin : arguments.origins) {
    const std::string fault = server::fault_of_origin(origin);
    if (!fault.empty()) throw UsageError(fmt::format("--cors {}: {}", origin, fault));
  }
}

std::shared_ptr<const server::Access> access_of(const ServeArguments& arguments) {
  std::vector<std::string> keys = arguments.keys;
  if (!arguments.key_file.empty()) {
    const std::vector<std::string> more = server::read_keys(arguments.key_file);
    keys.insert(keys.end(), more.begin(), more.end());
  }
  return std::make_shared<server::Access>(keys, arguments.origins);
}

struct Loaded {
  std::string name;
  std::shared_ptr<server::Service> service;
};

Loaded load(ServeArguments& arguments) {
  const Model model = open(arguments);
  tell_warnings(model.warnings());
  arguments.served.fetch.all_bytes = arguments.http.limits.body_bytes;
  const auto served = std::make_shared<server::ServedModel>(model, std::move(arguments.served));
  open_memories(arguments.memories, *served);
  return {served->name(), std::make_shared<server::Service>(served, arguments.service)};
}

void tell_address(const std::string& name, const http::Server& server) {
  const bool ipv6 = server.host().find(':') != std::string::npos;
  fmt::print("{} at http://{}{}{}:{}\n", name, ipv6 ? "[" : "", server.host(), ipv6 ? "]" : "",
             server.port());
  std::fflush(stdout);
}

/// Work that nobody waits for any more may take long to notice it; the end is not kept for that.
constexpr std::chrono::seconds kLastWork{2};

void end_within(std::chrono::seconds time) {
  std::thread([time] {
    std::this_thread::sleep_for(time);
    std::_Exit(0);
  }).detach();
}

/// Loads the model beside the server, which runs in this thread: its port is open meanwhile, and
/// who asks is told.
void run(ServeArguments& arguments, server::Gate& gate, http::Server& server) {
  std::exception_ptr failure;
  std::atomic<bool> loaded = false;  // or it has failed
  std::thread loading([&] {
    try {
      const Loaded model = load(arguments);
      gate.open(model.service);
      loaded = true;
      tell_address(model.name, server);
    } catch (...) {
      failure = std::current_exception();
      loaded = true;
      server.stop();
    }
  });
  server.run();
  // Told to end before the model was there: nothing has begun that would have to be ended.
  if (!loaded) std::_Exit(0);
  loading.join();
  if (failure) std::rethrow_exception(failure);
  end_within(kLastWork);
}

void serve(ServeArguments& arguments) {
  check(arguments);
  // Who reads the log may end: the server goes on, and tells it no more.
  std::signal(SIGPIPE, SIG_IGN);
  arguments.service.access = access_of(arguments);
  server::Gate gate(arguments.service.access);
  server::RequestLog log;
  http::Options& options = arguments.http;
  options.error = [](const http::Request& head, int status, const std::string& message) {
    return server::Service::error(head, {status, message});
  };
  options.refuse = [&](const http::Request& head) { return gate.refuse(head); };
  options.add_headers = [&](const http::Request& head, http::Response& response) {
    gate.add_headers(head, response);
  };
  options.log = [&](const http::Request& request, const http::Outcome& outcome) {
    gate.count(request, outcome);
    if (!arguments.quiet) log.tell(request, outcome);
  };
  http::Server server(
      options, [&](std::shared_ptr<http::Exchange> exchange) { gate.handle(std::move(exchange)); });
  run(arguments, gate, server);
}

}  // namespace

void add_serve_command(CLI::App& app) {
  auto arguments = std::make_shared<ServeArguments>();
  CLI::App* command = app.add_subcommand(
      "serve", "Answer over HTTP, to clients of OpenAI's chat completions and of Ollama");
  command->footer(
      "Examples:\n"
      "  owl3 serve                                       owlet, at http://127.0.0.1:8080\n"
      "  owl3 serve MODEL --port 9000 --api-key-file keys\n"
      "  curl http://127.0.0.1:8080/v1/chat/completions \\\n"
      "    -d '{\"messages\": [{\"role\": \"user\", \"content\": \"Who are you?\"}]}'");
  add_serve_options(*command, *arguments);
  command->callback([arguments] { serve(*arguments); });
}

}  // namespace owl3::cli
