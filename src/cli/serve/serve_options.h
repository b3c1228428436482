// The options of `owl3 serve`, as the user gave them.
#pragma once

#include <string>
#include <vector>

#include "server/http/http_server.h"
#include "server/served_model.h"
#include "server/service.h"

namespace CLI {
class App;
}

namespace owl3::cli {

struct ServeArguments {
  std::string model;
  ModelOptions model_options;
  http::Options http;
  server::ServedOptions served;
  server::ServiceOptions service;
  std::vector<std::string> keys;
  std::string key_file;
  std::vector<std::string> origins;   // of web pages that may ask
  std::vector<std::string> memories;  // NAME=FILE
  bool quiet = false;
};

/// Of which hosts images and films are fetched, under the heading `group` of the help.
void add_fetch_options(CLI::App& command, server::FetchOptions& fetch, const char* group);
void add_serve_options(CLI::App& command, ServeArguments& arguments);

}  // namespace owl3::cli
