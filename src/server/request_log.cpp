#include "server/request_log.h"

#include <fmt/chrono.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace owl3::server {

void RequestLog::tell(const http::Request& request, const http::Outcome& outcome) {
  using Json = nlohmann::ordered_json;
  const auto now =
      std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  Json line = {{"time", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", now)},
               {"client", request.client},
               {"method", request.method},
               {"path", request.path},
               {"status", outcome.status},
               {"bytes_out", outcome.bytes},
               {"ms", 1e3 * outcome.seconds}};
  if (!outcome.note.empty()) line["usage"] = Json::parse(outcome.note, nullptr, false);
  const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  const std::lock_guard lock(mutex_);
  std::fputs(text.c_str(), stderr);
}

}  // namespace owl3::server
