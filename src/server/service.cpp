#include "server/service.h"

#include <chrono>
#include <limits>

#include "core/error.h"
#include "server/answering.h"
#include "server/fields.h"
#include "server/media_reader.h"
#include "server/media_upload.h"
#include "server/ollama/ollama_form.h"
#include "server/openai/chat_request.h"
#include "server/openai/openai_json.h"
#include "server/openai/openai_request.h"
#include "server/page/page.h"
#include "server/request_error.h"

namespace owl3::server {

namespace {

void reply(const std::shared_ptr<http::Exchange>& exchange, const OrderedJson& json,
           int status = 200) {
  exchange->reply({status,
                   "application/json",
                   json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace),
                   {}});
}

void fail(const std::shared_ptr<http::Exchange>& exchange) {
  exchange->reply(Service::error(exchange->request(), current_request_error()));
}

int64_t unix_time() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool is_ollamas(std::string_view path) {
  return path.starts_with("/api/");
}

/// What stands behind "/models/", or whatever begins the path.
std::string last_part(std::string_view path) {
  path = without_version(path);
  return std::string(path.substr(path.find('/', 1) + 1));
}

/// Whether anybody waits, for long work.
ProgressCallback wanted_by(const std::shared_ptr<http::Exchange>& exchange) {
  return [exchange](std::string_view, int64_t, int64_t) { return !exchange->gone(); };
}

}  // namespace

struct Service::Route {
  std::string_view path;
  std::string_view method;
  void (Service::*answer)(const Exchange& exchange);
  bool works = false;   // it takes a while, or reads a body: a worker's
  bool begins = false;  // the path goes on, with a name
};

Service::Found Service::find_route(const http::Request& request) {
  static constexpr Route kRoutes[] = {
      {"/health", "GET", &Service::tell_health},
      {"/ready", "GET", &Service::tell_ready},
      {"/version", "GET", &Service::tell_version},
      {"/metrics", "GET", &Service::tell_metrics},
      {"/models", "GET", &Service::list_models},
      {"/models/", "GET", &Service::show_model, false, true},
      {"/chat/completions", "POST", &Service::answer_openai, true},
      {"/chat/completions/input_tokens", "POST", &Service::count_tokens, true},
      {"/completions", "POST", &Service::answer_openai, true},
      {"/responses", "POST", &Service::answer_openai, true},
      {"/media", "POST", &Service::put_media, true},
      {"/media", "GET", &Service::list_media},
      {"/media/", "GET", &Service::show_media, false, true},
      {"/media/", "DELETE", &Service::drop_media, false, true},
      {"/tokenize", "POST", &Service::tokenize, true},
      {"/detokenize", "POST", &Service::detokenize, true},
      {"/", "GET", &Service::greet},
      {"/page.js", "GET", &Service::show_page_file},
      {"/page.css", "GET", &Service::show_page_file},
      {"/icon.svg", "GET", &Service::show_page_file},
      {"/api/version", "GET", &Service::tell_version},
      {"/api/tags", "GET", &Service::list_tags},
      {"/api/ps", "GET", &Service::list_running},
      {"/api/show", "POST", &Service::show_ollama_model, true},
      {"/api/chat", "POST", &Service::chat_with_ollama, true},
      {"/api/generate", "POST", &Service::generate_as_ollama, true},
  };
  const std::string_view path = without_version(request.path);
  Found found;
  for (const Route& route : kRoutes) {
    if (route.begins ? !path.starts_with(route.path) : path != route.path) continue;
    const bool reads = route.method == "GET";
    if (found.label.empty()) found.label = route.path;
    if (!found.allowed.empty()) found.allowed += ", ";
    found.allowed += reads ? "GET, HEAD" : std::string(route.method);
    if (request.method == route.method || (reads && request.method == "HEAD")) found.route = &route;
  }
  return found;
}

Service::Service(std::shared_ptr<ServedModel> model, const ServiceOptions& options)
    : model_(std::move(model)),
      limits_(options.limits),
      access_(options.access),
      started_(unix_time()),
      workers_(options.workers, options.waiting_works) {}

http::Response Service::error(const http::Request& head, const RequestError& error) {
  return is_ollamas(head.path) ? ollama_error(error) : error_response(error);
}

void Service::count(const http::Request& request, const http::Outcome& outcome) {
  const std::string label = find_route(request).label;
  model_->metrics().ended(label.empty() ? "other" : label, outcome.status, outcome.seconds);
}

void Service::handle(std::shared_ptr<http::Exchange> exchange) {
  try {
    const http::Request& request = exchange->request();
    const Found found = find_route(request);
    if (found.label.empty()) {
      throw RequestError(
          404, fmt::format("{} {}: there is nothing here", request.method, quoted(request.path)),
          {}, "not_found");
    }
    if (found.route == nullptr) {
      http::Response response =
          error(request, RequestError(405, fmt::format("only {} is taken here", found.allowed)));
      response.headers.emplace_back("Allow", found.allowed);
      return exchange->reply(std::move(response));
    }
    answer_at(*found.route, exchange);
  } catch (...) {
    fail(exchange);
  }
}

void Service::answer_at(const Route& route, const Exchange& exchange) {
  if (!route.works) return (this->*route.answer)(exchange);
  work(exchange, [this, exchange, answer = route.answer] { (this->*answer)(exchange); });
}

void Service::work(const Exchange& exchange, std::function<void()> body) {
  const bool taken = workers_.submit([exchange, body = std::move(body)] {
    if (exchange->gone()) return;
    try {
      body();
    } catch (...) {
      fail(exchange);
    }
  });
  if (!taken) throw RequestError(429, "too many requests wait; try again later", {}, "overloaded");
}

void Service::tell_health(const Exchange& exchange) {
  reply(exchange, {{"status", "ok"}});
}

void Service::tell_ready(const Exchange& exchange) {
  reply(exchange, {{"status", "ok"}});
}

void Service::tell_version(const Exchange& exchange) {
  reply(exchange, {{"version", OWL3_VERSION}});
}

void Service::tell_metrics(const Exchange& exchange) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  const EngineStats engine = model_->engine().stats();
  const VisualMemoryStats media = model_->memory_stats();
  const PrefixCacheStats prefixes = model_->completions().prefix_stats();
  const Metric metrics[] = {
      {"owl3_num_requests_running", "gauge", "Answers that are read for or written now.",
       number(engine.running)},
      {"owl3_num_requests_waiting", "gauge", "Answers behind them.", number(engine.waiting)},
      {"owl3_steps_total", "counter", "Steps of the model that wrote tokens.",
       number(engine.steps)},
      {"owl3_step_tokens_total", "counter", "Tokens in them: over steps, how many share one.",
       number(engine.step_tokens)},
      {"owl3_images_encoded_total", "counter", "Images, tiles and frames encoded.",
       number(media.images_encoded)},
      {"owl3_media_cache_hits_total", "counter", "Images that were known by their pixels.",
       number(media.images_reused)},
      {"owl3_media_cache_misses_total", "counter", "Images that were not.",
       number(media.images_encoded)},
      {"owl3_media_cache_evictions_total", "counter", "Images that made way for others.",
       number(media.images_evicted)},
      {"owl3_decode_seconds_total", "counter", "Seconds of reading and resizing images.",
       media.decode_seconds},
      {"owl3_encode_seconds_total", "counter", "Seconds of encoding them.", media.encode_seconds},
      {"owl3_visual_memory_bytes", "gauge", "Bytes of images' keys and values.",
       number(media.bytes)},
      {"owl3_visual_memory_budget_bytes", "gauge", "Bytes they may have.",
       number(media.budget_bytes)},
      {"owl3_prefix_cache_queries_total", "counter", "Tokens of prompts looked up.",
       number(prefixes.asked_tokens)},
      {"owl3_prefix_cache_hits_total", "counter", "Of those, found.",
       number(prefixes.found_tokens)},
      {"owl3_prefix_cache_conversations", "gauge", "Conversations kept.",
       number(prefixes.conversations)},
      {"owl3_prefix_cache_bytes", "gauge", "Bytes of their keys and values.",
       number(prefixes.bytes)},
      {"owl3_prefix_cache_budget_bytes", "gauge", "Bytes they may have.",
       number(prefixes.budget_bytes)},
  };
  exchange->reply({200,
                   "text/plain; version=0.0.4; charset=utf-8",
                   model_->metrics().text() + text_of(metrics),
                   {}});
}

void Service::list_models(const Exchange& exchange) {
  OrderedJson list = {{"object", "list"}, {"data", OrderedJson::array()}};
  for (const std::string& own : model_->options().names) {
    list["data"].push_back(model_object(own, started_));
  }
  reply(exchange, list);
}

void Service::show_model(const Exchange& exchange) {
  const std::string name = last_part(exchange->request().path);
  check_model(*model_, name);
  reply(exchange, model_object(name, started_));
}

void Service::answer_openai(const Exchange& exchange) {
  const auto path = openai_path(exchange->request().path);
  OWL3_CHECK(path.has_value());
  OpenAiRequest request =
      read_openai_request(*path, exchange->take_body(), *model_, context_for(exchange), limits_,
                          {fmt::format("{:016x}", random_number()), unix_time()});
  answer(exchange, *model_, std::move(request.question), std::move(request.form), finishers_);
}

void Service::count_tokens(const Exchange& exchange) {
  ChatRequest request = read_chat_request(exchange->take_body(), context_for(exchange), limits_);
  check_model(*model_, request.question.model);
  const QuestionSize size = size_of(*model_, request.question, wanted_by(exchange));
  reply(exchange, {{"object", "response.input_tokens"},
                   {"input_tokens", size.tokens},
                   {"images", size.images},
                   {"context_length", model_->model().context_length()}});
}

RequestContext Service::context_for(const Exchange& exchange) {
  return context_of(*model_, access_->owner_of(exchange->request()));
}

void Service::put_media(const Exchange& exchange) {
  const RequestContext context = context_for(exchange);
  std::vector<SentMedium> sent;
  sent.push_back(read_upload(exchange->request(), exchange->take_body(), context, limits_));
  fetch_media(*model_, sent, wanted_by(exchange));
  const bool image = sent.front().kind == SentMedium::Kind::kImage;
  ShelvedMedia media;
  media.name = name_of_upload(sent.front());
  media.kind = image ? "image" : "video";
  media.created = unix_time();
  EncodedMedia encoded = read_media(*model_, sent, wanted_by(exchange));
  media.media = std::move(encoded.media);
  OrderedJson json = media_object(media);
  json["encoded"] = encoded.stats.images_encoded;
  json["decode_ms"] = 1e3 * encoded.stats.decode_seconds;
  json["encode_ms"] = 1e3 * encoded.stats.encode_seconds;
  const int64_t bytes = media.bytes();
  if (!model_->shelf().put(context.owner, std::move(media))) {
    throw RequestError(413, fmt::format("it takes {} bytes of visual memory, but all media that "
                                        "are kept may have {}",
                                        bytes, model_->options().media_bytes));
  }
  reply(exchange, json);
}

void Service::list_media(const Exchange& exchange) {
  OrderedJson list = {{"object", "list"}, {"data", OrderedJson::array()}};
  for (const ShelvedMedia& media : model_->shelf().list(access_->owner_of(exchange->request()))) {
    list["data"].push_back(media_object(media));
  }
  reply(exchange, list);
}

void Service::show_media(const Exchange& exchange) {
  const http::Request& request = exchange->request();
  const auto media = model_->shelf().find(access_->owner_of(request), last_part(request.path));
  if (!media) throw RequestError(404, "there are no media of that name", {}, "media_not_found");
  reply(exchange, media_object(*media));
}

void Service::drop_media(const Exchange& exchange) {
  const http::Request& request = exchange->request();
  const std::string name = last_part(request.path);
  if (!model_->shelf().drop(access_->owner_of(request), name)) {
    throw RequestError(404, "there are no media of that name that are yours", {},
                       "media_not_found");
  }
  reply(exchange, {{"id", name}, {"object", "media"}, {"deleted", true}});
}

void Service::tokenize(const Exchange& exchange) {
  const Json body = parse_body(exchange->take_body());
  const auto text = Fields(body, "").text("content");
  if (!text) Fields(body, "").fail("content", "is missing");
  OrderedJson json = OrderedJson::object();
  json["tokens"] = tokens_of(model_->model(), *text);
  reply(exchange, json);
}

void Service::detokenize(const Exchange& exchange) {
  const Json body = parse_body(exchange->take_body());
  const Fields fields(body, "");
  const Json* list = fields.list("tokens");
  if (list == nullptr) fields.fail("tokens", "is missing");
  std::vector<int32_t> tokens;
  for (const Json& token : *list) {
    const bool fits =
        token.is_number_integer() && token >= 0 && token <= std::numeric_limits<int32_t>::max();
    if (!fits) fields.fail("tokens", "must be a list of tokens' numbers");
    tokens.push_back(token.get<int32_t>());
  }
  OrderedJson json = OrderedJson::object();
  json["content"] = text_of_tokens(model_->model(), tokens);
  reply(exchange, json);
}

/// Browsers get the page, Ollama's clients what they look for.
void Service::greet(const Exchange& exchange) {
  if (wants_page(exchange->request())) return show_page_file(exchange);
  exchange->reply({200, "text/plain", "owl3 is running", {{"Vary", "Accept"}}});
}

void Service::show_page_file(const Exchange& exchange) {
  exchange->reply(page_file(without_version(exchange->request().path), exchange->request()));
}

void Service::list_tags(const Exchange& exchange) {
  OrderedJson list = {{"models", OrderedJson::array()}};
  for (const std::string& own : model_->options().names) {
    list["models"].push_back(ollama_tag(own, model_->facts(), started_));
  }
  reply(exchange, list);
}

void Service::list_running(const Exchange& exchange) {
  OrderedJson list = {{"models", OrderedJson::array()}};
  for (const std::string& own : model_->options().names) {
    list["models"].push_back(
        ollama_running(own, model_->facts(), model_->model().context_length()));
  }
  reply(exchange, list);
}

void Service::show_ollama_model(const Exchange& exchange) {
  const std::string name = ollama_model_name(exchange->take_body());
  if (name.empty()) throw RequestError(400, "model is missing", "model");
  check_model(*model_, name);
  const Model& model = model_->model();
  reply(exchange, ollama_details(model_->facts(), model.generation_defaults(),
                                 model.context_length(), started_));
}

void Service::ask_as_ollama(OllamaCall call, const Exchange& exchange) {
  OllamaRequest request =
      read_ollama_request(call, exchange->take_body(), context_for(exchange), limits_);
  check_model(*model_, request.question.model);
  auto form = std::make_shared<OllamaForm>(call, request.called);
  if (!request.asks) return exchange->reply(form->loaded(request.unload));
  answer(exchange, *model_, std::move(request.question), std::move(form), finishers_);
}

}  // namespace owl3::server
