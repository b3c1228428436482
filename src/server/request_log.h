// The log of requests: a JSON object a line, without what was asked or answered.
#pragma once

#include <mutex>

#include "server/http/http_server.h"

namespace owl3::server {

class RequestLog {
 public:
  /// On standard error.
  void tell(const http::Request& request, const http::Outcome& outcome);

 private:
  std::mutex mutex_;
};

}  // namespace owl3::server
