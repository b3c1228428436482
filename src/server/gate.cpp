#include "server/gate.h"

#include <utility>

namespace owl3::server {

namespace {

void say_loading(const std::shared_ptr<http::Exchange>& exchange) {
  const http::Request& request = exchange->request();
  if (request.path == "/health") {
    return exchange->reply({200, "application/json", R"({"status":"loading"})", {}});
  }
  exchange->reply(
      Service::error(request, RequestError(503, "the model is being loaded", {}, "loading")));
}

}  // namespace

void Gate::open(std::shared_ptr<Service> service) {
  const std::lock_guard lock(mutex_);
  service_ = std::move(service);
}

std::shared_ptr<Service> Gate::service() const {
  const std::lock_guard lock(mutex_);
  return service_;
}

void Gate::handle(std::shared_ptr<http::Exchange> exchange) const {
  if (access_->is_preflight(exchange->request())) return exchange->reply({204, "", "", {}});
  if (const auto open = service()) return open->handle(std::move(exchange));
  say_loading(exchange);
}

std::optional<http::Response> Gate::refuse(const http::Request& head) const {
  const auto refusal = access_->refusal(head);
  if (!refusal) return std::nullopt;
  return Service::error(head, *refusal);
}

void Gate::count(const http::Request& request, const http::Outcome& outcome) const {
  if (const auto open = service()) open->count(request, outcome);
}

}  // namespace owl3::server
