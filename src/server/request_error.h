// What is wrong with a request, as its client is told.
#pragma once

#include <stdexcept>
#include <string>

#include "server/http/http_server.h"

namespace owl3::server {

/// `what()` is a line; `param` the place in the request, "messages[0].content[5]", or empty.
class RequestError : public std::runtime_error {
 public:
  RequestError(int status, const std::string& message, std::string param = {},
               std::string code = {})
      : std::runtime_error(message),
        status_(status),
        param_(std::move(param)),
        code_(std::move(code)) {}

  int status() const { return status_; }
  const std::string& param() const { return param_; }
  /// A word that programs know: "model_not_found"; or empty.
  const std::string& code() const { return code_; }

 private:
  int status_;
  std::string param_;
  std::string code_;
};

/// Retry-After and the like.
void add_error_headers(const RequestError& error, http::Response& response);

/// What the exception being handled is to a client. Only a bug of owl3's own is a 500.
RequestError current_request_error();

}  // namespace owl3::server
