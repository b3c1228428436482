// What stands between the port, which opens at once, and the service, which has its model first.
#pragma once

#include <memory>
#include <mutex>

#include "server/access.h"
#include "server/service.h"

namespace owl3::server {

/// Until it is open, says to everybody that the model is loaded.
class Gate {
 public:
  explicit Gate(std::shared_ptr<const Access> access) : access_(std::move(access)) {}

  /// From any thread, once.
  void open(std::shared_ptr<Service> service);

  // For the server.
  void handle(std::shared_ptr<http::Exchange> exchange) const;
  std::optional<http::Response> refuse(const http::Request& head) const;
  void add_headers(const http::Request& head, http::Response& response) const {
    access_->let_page_read(head, response);
  }
  void count(const http::Request& request, const http::Outcome& outcome) const;

 private:
  std::shared_ptr<Service> service() const;

  const std::shared_ptr<const Access> access_;
  mutable std::mutex mutex_;
  std::shared_ptr<Service> service_;
};

}  // namespace owl3::server
