// What the server answers to which path.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/access.h"
#include "server/http/http_server.h"
#include "server/ollama/ollama_request.h"
#include "server/question.h"
#include "server/served_model.h"
#include "server/workers.h"

namespace owl3::server {

struct ServiceOptions {
  std::shared_ptr<const Access> access = std::make_shared<Access>(std::vector<std::string>{});
  RequestLimits limits{};
  size_t workers = 4;          // threads that read requests and their pictures
  size_t waiting_works = 256;  // behind them; one more is told 429
};

/// All that it is asked comes over handle(), by the server's thread, and is done by others.
class Service {
 public:
  Service(std::shared_ptr<ServedModel> model, const ServiceOptions& options);

  void handle(std::shared_ptr<http::Exchange> exchange);
  /// A request has ended.
  void count(const http::Request& request, const http::Outcome& outcome);
  /// In the form of the API that the path is of.
  static http::Response error(const http::Request& head, const RequestError& error);

 private:
  using Exchange = std::shared_ptr<http::Exchange>;
  struct Route;
  /// What there is at a path.
  struct Found {
    const Route* route = nullptr;  // for the request's method
    std::string label;             // the path's; empty: nothing
    std::string allowed;           // methods
  };
  static Found find_route(const http::Request& request);

  void answer_at(const Route& route, const Exchange& exchange);
  void tell_health(const Exchange& exchange);
  void tell_ready(const Exchange& exchange);
  void tell_version(const Exchange& exchange);
  void tell_metrics(const Exchange& exchange);
  void list_models(const Exchange& exchange);
  void show_model(const Exchange& exchange);
  void answer_openai(const Exchange& exchange);
  void count_tokens(const Exchange& exchange);
  RequestContext context_for(const Exchange& exchange);
  void put_media(const Exchange& exchange);
  void list_media(const Exchange& exchange);
  void show_media(const Exchange& exchange);
  void drop_media(const Exchange& exchange);
  void tokenize(const Exchange& exchange);
  void detokenize(const Exchange& exchange);
  void greet(const Exchange& exchange);
  void show_page_file(const Exchange& exchange);
  void list_tags(const Exchange& exchange);
  void list_running(const Exchange& exchange);
  void show_ollama_model(const Exchange& exchange);
  void chat_with_ollama(const Exchange& exchange) { ask_as_ollama(OllamaCall::kChat, exchange); }
  void generate_as_ollama(const Exchange& exchange) {
    ask_as_ollama(OllamaCall::kGenerate, exchange);
  }
  void ask_as_ollama(OllamaCall call, const Exchange& exchange);

  /// Has one of the workers do it; what it throws is the answer.
  void work(const Exchange& exchange, std::function<void()> body);

  std::shared_ptr<ServedModel> model_;
  RequestLimits limits_;
  std::shared_ptr<const Access> access_;
  int64_t started_;      // in Unix time
  Finishers finishers_;  // outlive the workers, who give them work
  Workers workers_;
};

}  // namespace owl3::server
